/*
 * hosts: the text of a node's /etc/hosts (hosts(5)): every name of the lab with all its addresses.
 *
 * Resolvers take the first address of a name, most of them, so of each other node the addresses
 * that this one reaches over the fewest routers come first, those it does not reach last, and
 * link-local ones behind them. Its own come in the order of the file.
 */
#ifndef HARNESS_LAB_HOSTS_H
#define HARNESS_LAB_HOSTS_H

#include "base/text.h"
#include "topology/topology.h"

/* Append the file of this node, an index into topology.nodes. */
void hosts_add(struct text *out, const struct topology *t, size_t node);

#endif
