/* write_routing: what a node does beside having interfaces, as its keys say it. For write.c. */
#ifndef HARNESS_TOPOLOGY_WRITE_ROUTING_H
#define HARNESS_TOPOLOGY_WRITE_ROUTING_H

#include "base/text.h"
#include "topology/topology.h"

/* Append the lines of this node; none when it has nothing of the kind. */
void write_routing(struct text *out, const struct node *n);

#endif
