/*
 * netlink: batches of rtnetlink requests over libnl (rtnetlink(7)).
 *
 * Requests are gathered and sent many in one write; only the last of a batch
 * asks for an acknowledgement, and the kernel reports every one that failed by
 * itself. A connection belongs to the network namespace it was opened in. Every
 * request carries a few words on what it is for: they head the error.
 */
#ifndef HARNESS_LAB_NETLINK_H
#define HARNESS_LAB_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/topology.h"

struct netlink;

/* In the caller's current network namespace. */
int netlink_open(struct netlink **ret_netlink, struct err *e);
void netlink_free(struct netlink *nl);
void netlink_freep(struct netlink **nl);

/* A bridge with this interface index, up. A hub has no memory of addresses. */
int netlink_add_bridge(struct netlink *nl, int index, const char *name, enum network_kind kind,
		       unsigned mtu, struct err *e);

struct veth {
	int port_index; /* of the end here */
	const char *port_name;
	int bridge_index; /* that it is a port of, 0: none */
	bool learning;	  /* the bridge remembers who is behind the port */
	int peer_index;	  /* of the other end */
	int peer_netns;	  /* descriptor */
	const char *peer_name;
	const uint8_t *peer_mac; /* NULL: the kernel makes one up */
	unsigned mtu;
};

/* Both ends created in place; the end here is up. */
int netlink_add_veth(struct netlink *nl, const struct veth *v, struct err *e);
/* Make an interface that is there a port of a bridge that floods. */
int netlink_join_hub(struct netlink *nl, int index, const char *name, int bridge_index,
		     struct err *e);
int netlink_set_up(struct netlink *nl, int index, struct err *e);
int netlink_add_address(struct netlink *nl, int index, const struct address *a, struct err *e);
/* Who has this address behind the interface: nothing needs to ask. */
int netlink_add_neighbour(struct netlink *nl, int index, const struct address *a,
			  const uint8_t mac[6], struct err *e);
/* `index` is the interface that the route leaves by; a blackhole has none. */
int netlink_add_route(struct netlink *nl, int index, const struct route *r, struct err *e);
/* Send what was gathered and wait for the kernel's answers. */
int netlink_flush(struct netlink *nl, struct err *e);
/* How many veths here are not running, or do not forward yet as ports of a bridge. */
int netlink_count_waiting_links(struct netlink *nl, size_t *ret_n, struct err *e);

#endif
