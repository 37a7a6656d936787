/*
 * etc: the files below /etc that a node has for itself: hosts(5) and resolv.conf(5). They are kept
 * in the lab's private /run and bound over the host's in the mount namespace of the node, where its
 * programs may write them; what the host has is never written, and nothing is made in its /etc. For
 * lab.c and node.c.
 */
#ifndef HARNESS_LAB_ETC_H
#define HARNESS_LAB_ETC_H

#include "base/err.h"
#include "topology/topology.h"

/* What nodes will have; once per lab, in the supervisor's mount namespace. */
int etc_prepare(const struct topology *t, struct err *e);
/* In the mount namespace of the node, when its name is in place. */
int etc_bind(const char *node, struct err *e);

#endif
