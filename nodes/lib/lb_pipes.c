#include "lb_pipes.h"

#include <assert.h>
#include <fcntl.h>
#include <unistd.h>

#include "scope.h"

void lb_pipes_init(struct lb_pipes *p, unsigned max)
{
	*p = (struct lb_pipes){ .max = max };
}

void lb_pipes_done(struct lb_pipes *p)
{
	lb_pipes_trim(p);
	assert(p->n == 0);
}

static struct lb_pipe *open_pipe(struct lb_pipes *p)
{
	int fd[2];

	if (p->n >= p->max || pipe2(fd, O_NONBLOCK | O_CLOEXEC) != 0)
		return NULL;

	struct lb_pipe *pipe = scope_alloc(1, sizeof(*pipe));

	pipe->out = fd[0];
	pipe->in = fd[1];
	p->n++;
	return pipe;
}

static void close_pipe(struct lb_pipes *p, struct lb_pipe *pipe)
{
	close(pipe->out);
	close(pipe->in);
	free(pipe);
	p->n--;
}

struct lb_pipe *lb_pipes_take(struct lb_pipes *p)
{
	struct lb_pipe *pipe = p->idle;

	if (pipe == NULL)
		return open_pipe(p);
	p->idle = pipe->next;
	p->n_idle--;
	return pipe;
}

void lb_pipes_give(struct lb_pipes *p, struct lb_pipe *pipe)
{
	if (pipe == NULL)
		return;
	if (pipe->len != 0) {
		close_pipe(p, pipe);
		return;
	}
	pipe->next = p->idle;
	p->idle = pipe;
	p->n_idle++;
}

bool lb_pipes_trim(struct lb_pipes *p)
{
	bool any = p->idle != NULL;

	while (p->idle != NULL) {
		struct lb_pipe *pipe = p->idle;

		p->idle = pipe->next;
		p->n_idle--;
		close_pipe(p, pipe);
	}
	return any;
}
