/*
 * nat: translation of addresses by nftables, told by the program nft(8) (libnftables is GPL). For
 * lab.c; netfilter lives in the node's network namespace and goes with it.
 */
#ifndef HARNESS_LAB_NAT_H
#define HARNESS_LAB_NAT_H

#include <stdbool.h>

#include "base/err.h"
#include "topology/topology.h"

/* In the node's network namespace. Nothing is started for a node that translates nothing. */
int nat_set_up(const struct node *n, struct err *e);
/* Whether it works here; to be called in a network namespace that may be spoilt. */
bool nat_available(struct err *why);

#endif
