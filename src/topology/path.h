/*
 * path: where the routes of a topology file lead, by the rules of IP: the longest prefix that
 * matches, from node to node, as long as they forward. What programs change while the lab runs
 * (DHCP, routing daemons, sysctls) is not known here.
 */
#ifndef HARNESS_TOPOLOGY_PATH_H
#define HARNESS_TOPOLOGY_PATH_H

#include "topology/topology.h"

/* From one node over one network to the next. */
struct hop {
	size_t from, out;    /* node, and index into its interfaces */
	size_t to, in;	     /* likewise */
	struct address next; /* that `to` has there */
};

/*
 * The next hop of what is at this node and goes to this address. False when it ends there: it has
 * arrived, nobody forwards it, or there is no route.
 */
bool path_step(const struct topology *t, size_t node, const struct address *to,
	       struct hop *ret_hop);

#define PATH_NONE SIZE_MAX
/* How many routers are between node and address: 0 for a neighbour or itself; PATH_NONE: no way. */
size_t path_length(const struct topology *t, size_t from, const struct address *to);

/* The address that transfers and names use: topology_address(), IPv4 before IPv6, or NULL. */
const struct address *path_address(const struct topology *t, size_t node, size_t peer);
/*
 * Every hop of the way from one node to the other by path_address(), at most max of them; returns
 * how many.
 */
#define PATH_MAX_HOPS 64
size_t path_hops(const struct topology *t, size_t from, size_t to, struct hop hops[PATH_MAX_HOPS]);
/* The last router on that way that masquerades: who `to` thinks is sending; SIZE_MAX: nobody. */
size_t path_translator(const struct topology *t, size_t from, size_t to);

#endif
