/*
 * node: the namespaces of one node, and visits to them. Everything here is for
 * lab.c; others see lab.h.
 */
#ifndef HARNESS_LAB_NODE_H
#define HARNESS_LAB_NODE_H

#include "base/err.h"

/* Where the supervisor is at home. */
struct home {
	int net, uts, mnt; /* namespace descriptors */
	char *cwd;	   /* absolute: setns(2) to a mount namespace goes to its root */
};

struct node_ns {
	int net, uts, mnt;
};

/* Also makes the home network speak for itself no more: bridges live there. */
int home_open(struct home *h, struct err *e);
void home_done(struct home *h);

/* Make the namespaces of a node: its name, its files in /etc (etc.h), its /sys. */
int node_create(const struct home *home, const char *name, struct node_ns *ret_ns, struct err *e);
void node_done(struct node_ns *ns);

/* Be in the node's network namespace until node_leave(). */
int node_visit(const struct node_ns *ns, const char *name, struct err *e);
int node_leave(const struct home *home, struct err *e);

#endif
