/*
 * lb_pipes: pipes for splice(2), kept for the next one who needs one.
 *
 * Only a connection that has bytes in it holds a pipe. There are at most a fixed
 * number of them, so that slow readers cannot tie up the kernel's memory; who
 * gets none copies.
 */
#ifndef NODES_LB_PIPES_H
#define NODES_LB_PIPES_H

#include <stdbool.h>
#include <stddef.h>

struct lb_pipe {
	int out, in; /* read from, write to */
	size_t len;  /* bytes in it */
	struct lb_pipe *next;
};

struct lb_pipes {
	struct lb_pipe *idle;
	unsigned n, n_idle, max; /* of all, of those in no use, and as many as there may be */
};

void lb_pipes_init(struct lb_pipes *p, unsigned max);
/* Every pipe must have been given back. */
void lb_pipes_done(struct lb_pipes *p);
/* An empty pipe, or NULL when there are too many or the kernel has none. */
struct lb_pipe *lb_pipes_take(struct lb_pipes *p);
/* One that is not empty is closed. Accepts NULL. */
void lb_pipes_give(struct lb_pipes *p, struct lb_pipe *pipe);
/* Close those in no use: descriptors are needed for something else. True when there were any. */
bool lb_pipes_trim(struct lb_pipes *p);

#endif
