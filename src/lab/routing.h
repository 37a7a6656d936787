/* routing: the sysctls of a node, as the topology has them. For lab.c. */
#ifndef HARNESS_LAB_ROUTING_H
#define HARNESS_LAB_ROUTING_H

#include <stdbool.h>

#include "base/err.h"
#include "topology/topology.h"

/* In the node's network namespace, when its interfaces are there and not up yet. */
int routing_set(const struct node *n, struct err *e);

/*
 * For a packet that does not come from an address of the interface it leaves by, the kernel asks for
 * the neighbour from its link-local address there, or not at all (ndisc_send_ns(),
 * net/ipv6/ndisc.c): in routers, and in hosts with several interfaces. Whether this interface needs
 * one made from its MAC address (RFC 4291, appendix A): it has IPv6, and the topology gives it none.
 */
bool routing_link_local(const struct node *n, const struct interface *i,
			struct address *ret_address);

#endif
