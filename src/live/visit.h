/*
 * visit: a command in a node of a lab that is up, as if it were a child of the caller.
 *
 * It has the caller's standard descriptors, terminal and, where the node has it, current folder. It
 * dies with the lab, and with the caller.
 */
#ifndef HARNESS_LIVE_VISIT_H
#define HARNESS_LIVE_VISIT_H

#include <stdbool.h>

#include "base/err.h"
#include "lab/door.h"

struct visit {
	struct door *door;	/* closed when the command runs */
	const char *lab, *node; /* names, for its environment */
	char *const *argv;	/* looked up in PATH */
	/* A shell of people: it leads a foreground process group of its own, so that it can have
	 * jobs; nobody in the lab has a number for ours. */
	bool foreground;
	int extra_fd; /* that it inherits, or -1 */
};

/*
 * Returns when it has ended. *ret_status is its exit status as shells have it: 128+n for signals,
 * 127 when there is no such program and 126 when it cannot be executed, both with *e filled and -1
 * returned; -1 with *ret_status 0 when it could not be tried.
 */
int visit_run(const struct visit *v, int *ret_status, struct err *e);

#endif
