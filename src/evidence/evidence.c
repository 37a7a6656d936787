#include "evidence/evidence.h"

#include <errno.h>
#include <sys/mman.h>

static size_t rounded(size_t size)
{
	return (size + 63) & ~(size_t)63;
}

/* Where the next n objects of this size begin; *end is where the last ones ended. */
static size_t place(size_t *end, size_t n, size_t size)
{
	size_t at = rounded(*end);

	*end = at + n * size;
	return at;
}

int evidence_new(const struct evidence_sizes *n, struct evidence **ret_evidence, struct err *e)
{
	size_t end = sizeof(struct evidence);
	size_t programs_at = place(&end, n->n_programs, sizeof(struct program_evidence));
	size_t sockets_at = place(&end, n->n_programs, sizeof(struct socket_evidence));
	size_t nodes_at = place(&end, n->n_nodes, sizeof(struct node_evidence));
	size_t captures_at = place(&end, n->n_captures, sizeof(struct capture_evidence));
	size_t links_at = place(&end, n->n_links, sizeof(struct link_evidence));
	size_t faults_at = place(&end, n->n_faults, sizeof(struct fault_evidence));
	char *base = mmap(NULL, end, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (base == MAP_FAILED)
		return err_set(e, errno, "map %zu bytes of shared memory", end);

	struct evidence *ev = (void *)base;

	*ev = (struct evidence){
		.size = end,
		.n_programs = n->n_programs,
		.programs = (void *)(base + programs_at),
		.sockets = (void *)(base + sockets_at),
		.n_nodes = n->n_nodes,
		.nodes = (void *)(base + nodes_at),
		.n_captures = n->n_captures,
		.captures = (void *)(base + captures_at),
		.n_links = n->n_links,
		.links = (void *)(base + links_at),
		.n_faults = n->n_faults,
		.faults = (void *)(base + faults_at),
	};
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
