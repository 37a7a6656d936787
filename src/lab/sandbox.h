/*
 * sandbox: the process that everything of one run lives and dies with.
 *
 * sandbox_fork() is fork(2) into new pid, mount, network, UTS and IPC
 * namespaces (and, without root, a new user namespace). The child is pid 1 in
 * there, so when it ends, however it ends, the kernel kills every process below
 * it and with them goes every namespace, interface and mount. It is itself
 * killed when its parent dies (PR_SET_PDEATHSIG, prctl(2)). That is the whole
 * of the clean-up.
 */
#ifndef HARNESS_LAB_SANDBOX_H
#define HARNESS_LAB_SANDBOX_H

#include <sys/types.h>

#include "base/err.h"

struct sandbox {
	pid_t pid;   /* of the child, as the parent sees it */
	int pidfd;   /* readable when it has ended; -1 in the child */
	int control; /* one end of a socket pair; end of file when the other side is gone */
};

/*
 * As fork(): 0 in the child, 1 in the parent, -1 with *e. *ret_sandbox is
 * filled in both; the caller closes its descriptors with sandbox_done(). The
 * parent must be single-threaded.
 */
int sandbox_fork(struct sandbox *ret_sandbox, struct err *e);

/*
 * The child's first call: die with the parent, leave its process group (so that
 * Ctrl-C reaches the harness alone), and make mounts private: a /proc of the new pid
 * namespace and an empty /run.
 */
int sandbox_enter(const struct sandbox *s, struct err *e);

void sandbox_done(struct sandbox *s);

#endif
