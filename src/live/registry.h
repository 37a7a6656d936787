/*
 * registry: which labs are up, without a file that somebody would have to remove.
 *
 * The keeper of a lab has an abstract unix socket, unix(7), "@harness/lab/UID/NAME". It goes with
 * its process, whatever ends that. A name is taken when the socket is bound, and the lab answers
 * when it listens.
 */
#ifndef HARNESS_LIVE_REGISTRY_H
#define HARNESS_LIVE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define REGISTRY_NAME_MAX 63

struct registered {
	char name[REGISTRY_NAME_MAX + 1];
	uid_t uid;
};

/* Letters, digits, '.', '_', '-', at most REGISTRY_NAME_MAX of them. */
bool registry_is_name(const char *name);
/* Take the name, for the calling user: a bound socket, which goes to listen(2) when the lab is up. */
int registry_claim(const char *name, int *ret_fd, struct err *e);
/* Whoever may talk to the labs of this process' user: that user, and root. */
bool registry_may_talk(int connection);
/* Those of all users that the caller may talk to, ordered by user and name (free). */
int registry_list(struct registered **ret_labs, size_t *ret_n, struct err *e);
/* The caller's own lab of that name, else, for root, the only one of that name. */
int registry_find(const char *name, struct registered *ret_lab, struct err *e);
/* Whether the name is still taken. */
bool registry_is_taken(const struct registered *lab);

enum registry_answer {
	REGISTRY_CONNECTED,
	REGISTRY_STARTING, /* it does not listen yet */
	REGISTRY_GONE,
	REGISTRY_SILENT, /* too busy, or stopped */
};

/*
 * A connection, which has deadlines of this many seconds for all that waits, and the pid of the
 * keeper, which is 0 where nothing can be said of it.
 */
enum registry_answer registry_connect(const struct registered *lab, unsigned seconds, int *ret_fd,
				      pid_t *ret_pid);

#endif
