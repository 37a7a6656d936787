#include "evidence/evidence.h"

#include <errno.h>
#include <sys/mman.h>

static size_t rounded(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

int evidence_new(size_t n_programs, size_t n_nodes, size_t n_captures,
		 struct evidence **ret_evidence, struct err *e)
{
	size_t programs_at = rounded(sizeof(struct evidence));
	size_t sockets_at = programs_at + rounded(n_programs * sizeof(struct program_evidence));
	size_t nodes_at = sockets_at + rounded(n_programs * sizeof(struct socket_evidence));
	size_t captures_at = nodes_at + rounded(n_nodes * sizeof(struct node_evidence));
	size_t size = captures_at + rounded(n_captures * sizeof(struct capture_evidence));
	char *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return err_set(e, errno, "map %zu bytes of shared memory", size);

	struct evidence *ev = (void *)base;

	ev->size = size;
	ev->n_programs = n_programs;
	ev->programs = (void *)(base + programs_at);
	ev->sockets = (void *)(base + sockets_at);
	ev->n_nodes = n_nodes;
	ev->nodes = (void *)(base + nodes_at);
	ev->n_captures = n_captures;
	ev->captures = (void *)(base + captures_at);
	*ret_evidence = ev;
	return 0;
}

void evidence_free(struct evidence *ev)
{
	if (ev != NULL)
		munmap(ev, ev->size);
}

void evidence_freep(struct evidence **ev)
{
	evidence_free(*ev);
}
