/*
 * child: a process of our own beside this one, and the socket that both speak through.
 *
 * The parent may reap with waitpid(2) for all its children; then it tells child_ended() the
 * status. Otherwise the functions here reap. Messages are whole structs over a SOCK_SEQPACKET
 * pair; a child whose parent is gone reads end of file.
 */
#ifndef HARNESS_BASE_CHILD_H
#define HARNESS_BASE_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct child {
	const char *name; /* "the recorder" */
	pid_t pid;
	int pidfd, control;
	bool ended; /* and was reaped, with this status, or -1 when somebody else has it */
	int status;
};

#define CHILD_NONE                                                                                 \
	{                                                                                          \
		.pidfd = -1, .control = -1, .ended = true                                          \
	}
#define CHILD_NO_DEADLINE UINT64_MAX

/* What the child does; it never returns. control is its end of the pair. */
typedef void child_fn(const void *arg, int control);

/* The name is kept. After -1 child_done() may be called, too. */
int child_start(struct child *c, const char *name, child_fn *run, const void *arg, struct err *e);
/* 1 and a message of this size, 0 when it ended without one, -1 at the deadline (CLOCK_MONOTONIC). */
int child_receive(const struct child *c, void *ret_message, size_t size, uint64_t deadline_ns);
/* It is gone or its answer says so when this cannot be delivered. */
void child_send(const struct child *c, const void *message, size_t size);
void child_ended(struct child *c, int wait_status);
/*
 * For one that did not answer, with what child_receive() returned: kill it when it is late, reap
 * it, and put into *e what became of it. Returns -1.
 */
int child_blame(struct child *c, int received, struct err *e);
/* Kills and reaps it. Accepts CHILD_NONE. */
void child_done(struct child *c);

#endif
