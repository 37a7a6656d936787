#include "lab/lab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/counters.h"
#include "lab/diag.h"
#include "lab/etc.h"
#include "lab/nat.h"
#include "lab/netlink.h"
#include "lab/node.h"
#include "lab/routing.h"
#include "topology/path.h"

/* Interface indices, chosen by us so that requests can refer to links that the same batch makes. */
#define BRIDGE_INDEX 10
#define PEER_INDEX   2
/* A link that is not up by then never will be; it takes well under a millisecond. */
#define LINK_DEADLINE_NS (10 * NS_PER_SEC)

struct lab {
	const struct topology *topology;
	bool offloads;
	enum link_engine engine;
	struct home home;
	struct node_ns *nodes; /* topology.n_nodes of them */
	int *netns;	       /* the same descriptors' net, for lab_netns() */
	struct diag **diags;   /* a sock_diag connection per node, opened when first needed */
};

void lab_free(struct lab *lab)
{
	if (lab == NULL)
		return;
	for (size_t i = 0; i < lab->topology->n_nodes; i++) {
		node_done(&lab->nodes[i]);
		diag_free(lab->diags[i]);
	}
	home_done(&lab->home);
	free(lab->nodes);
	free(lab->netns);
	free(lab->diags);
	free(lab);
}

void lab_freep(struct lab **lab)
{
	lab_free(*lab);
}

const int *lab_netns(const struct lab *lab)
{
	return lab->netns;
}

int lab_network_netns(const struct lab *lab)
{
	return lab->home.net;
}

/* Checksums filled in and super-packets cut before the wire, at one end: ethtool(8) -K tx off. */
static int tx_checksum_off(int sock, const char *name, struct err *e)
{
	struct ethtool_value value = { .cmd = ETHTOOL_STXCSUM, .data = 0 };
	struct ifreq request = { .ifr_data = (void *)&value };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (ioctl(sock, SIOCETHTOOL, &request) != 0)
		return err_set(e, errno, "switch off checksum offload of '%s'", name);
	return 0;
}

void lab_name_devices(size_t node, size_t interface, struct link_devices *ret_devices)
{
	struct link_devices *d = ret_devices;

	/* Interfaces are fewer than 10^6 in any lab that fits a machine: 15 bytes are enough. */
	snprintf(d->port, sizeof(d->port), "p%zu-%zu", node % 1000000, interface % 1000000);
	snprintf(d->near, sizeof(d->near), "n%zu-%zu", node % 1000000, interface % 1000000);
	snprintf(d->far, sizeof(d->far), "f%zu-%zu", node % 1000000, interface % 1000000);
}

static int add_bridges(const struct topology *t, struct netlink *nl, struct err *e)
{
	for (size_t i = 0; i < t->n_networks; i++) {
		cleanup_free char *name = text_format("net%zu", i);
		unsigned mtu = 1500;

		for (size_t n = 0; n < t->n_nodes; n++)
			for (size_t k = 0; k < t->nodes[n].n_interfaces; k++)
				if (t->nodes[n].interfaces[k].network == i &&
				    t->nodes[n].interfaces[k].mtu > mtu)
					mtu = t->nodes[n].interfaces[k].mtu;
		if (netlink_add_bridge(nl, BRIDGE_INDEX + (int)i, name, t->networks[i].kind, mtu,
				       e) != 0)
			return -1;
	}
	return 0;
}

/* From the node's interface to the network, or to the near end of its engine. */
static int add_node_link(struct lab *lab, struct netlink *nl, size_t node, size_t i,
			 int *next_index, struct err *e)
{
	const struct topology *t = lab->topology;
	const struct interface *iface = &t->nodes[node].interfaces[i];
	struct link_devices d;
	struct veth v = {
		.port_index = (*next_index)++,
		.learning = t->networks[iface->network].kind == NETWORK_SWITCH,
		.peer_index = PEER_INDEX + (int)i,
		.peer_netns = lab->netns[node],
		.peer_name = iface->name,
		.peer_mac = iface->mac,
		.mtu = iface->mtu,
	};

	lab_name_devices(node, i, &d);
	v.port_name = iface->engine ? d.near : d.port;
	v.bridge_index = iface->engine ? 0 : BRIDGE_INDEX + (int)iface->network;
	return netlink_add_veth(nl, &v, e);
}

/* From the far end of its engine to the network. */
static int add_far_link(struct lab *lab, struct netlink *nl, size_t node, size_t i, int *next_index,
			struct err *e)
{
	const struct topology *t = lab->topology;
	const struct interface *iface = &t->nodes[node].interfaces[i];
	struct link_devices d;

	lab_name_devices(node, i, &d);

	const struct veth v = {
		.port_index = *next_index,
		.port_name = d.port,
		.bridge_index = BRIDGE_INDEX + (int)iface->network,
		.learning = t->networks[iface->network].kind == NETWORK_SWITCH,
		.peer_index = *next_index + 1,
		.peer_netns = lab->home.net,
		.peer_name = d.far,
		.mtu = iface->mtu,
	};

	*next_index += 2;
	if (netlink_add_veth(nl, &v, e) != 0)
		return -1;
	return netlink_set_up(nl, v.peer_index, e);
}

/* A hub of the two ends of the link's engine, near's index being the one before the port's. */
static int join_ends(struct lab *lab, struct netlink *nl, size_t node, size_t i, int *next_index,
		     struct err *e)
{
	unsigned mtu = lab->topology->nodes[node].interfaces[i].mtu;
	int far = *next_index - 1, near = *next_index - 3, bridge = (*next_index)++;
	cleanup_free char *name = text_format("b%zu-%zu", node, i);
	struct link_devices d;

	lab_name_devices(node, i, &d);
	if (netlink_add_bridge(nl, bridge, name, NETWORK_HUB, mtu, e) != 0 ||
	    netlink_join_hub(nl, near, d.near, bridge, e) != 0)
		return -1;
	return netlink_join_hub(nl, far, d.far, bridge, e);
}

static int add_links_of(struct lab *lab, struct netlink *nl, size_t node, int *next_index,
			struct err *e)
{
	const struct node *n = &lab->topology->nodes[node];

	for (size_t i = 0; i < n->n_interfaces; i++) {
		if (add_node_link(lab, nl, node, i, next_index, e) != 0)
			return -1;
		if (!n->interfaces[i].engine)
			continue;
		if (add_far_link(lab, nl, node, i, next_index, e) != 0)
			return -1;
		if (lab->engine == ENGINE_NETEM && join_ends(lab, nl, node, i, next_index, e) != 0)
			return -1;
	}
	return 0;
}

/* Engines are given frames as they would be on a cable, whatever the rest of the lab does. */
static bool keeps_offloads(const struct lab *lab, const struct interface *iface)
{
	return lab->offloads && !iface->engine;
}

static int finish_checksums(const struct lab *lab, int sock, size_t node, size_t i, struct err *e)
{
	const struct interface *iface = &lab->topology->nodes[node].interfaces[i];
	struct link_devices d;

	if (keeps_offloads(lab, iface))
		return 0;
	lab_name_devices(node, i, &d);
	if (tx_checksum_off(sock, d.port, e) != 0)
		return -1;
	if (!iface->engine)
		return 0;
	return tx_checksum_off(sock, d.near, e) != 0 ? -1 : tx_checksum_off(sock, d.far, e);
}

/* Bridges and links, all from the supervisor's own namespace. */
static int add_networks(struct lab *lab, struct netlink *nl, struct err *e)
{
	const struct topology *t = lab->topology;
	int next_index = BRIDGE_INDEX + (int)t->n_networks;
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_set(e, errno, "open a socket");
	if (add_bridges(t, nl, e) != 0)
		return -1;
	for (size_t n = 0; n < t->n_nodes; n++)
		if (add_links_of(lab, nl, n, &next_index, e) != 0)
			return -1;
	if (netlink_flush(nl, e) != 0)
		return -1;
	for (size_t n = 0; n < t->n_nodes; n++)
		for (size_t i = 0; i < t->nodes[n].n_interfaces; i++)
			if (finish_checksums(lab, sock, n, i, e) != 0)
				return -1;
	return 0;
}

/* Whoever this node passes the transfer's datagrams on to, if they come by here at all. */
static int add_neighbour(struct netlink *nl, const struct topology *t, size_t node, size_t from,
			 size_t to, struct err *e)
{
	struct hop hops[PATH_MAX_HOPS];
	size_t n = path_hops(t, from, to, hops);

	for (size_t i = 0; i < n; i++)
		if (hops[i].from == node)
			return netlink_add_neighbour(
				nl, PEER_INDEX + (int)hops[i].out, &hops[i].next,
				t->nodes[hops[i].to].interfaces[hops[i].in].mac, e);
	return 0;
}

/*
 * While ARP resolves an address, datagrams to it wait in a queue, and those sent when the answer
 * comes overtake them (arp_queue, net/core/neighbour.c). The raw format cannot put them in order
 * again, so its senders, and the routers on their way, know who comes next beforehand.
 */
static int add_neighbours(struct netlink *nl, const struct topology *t, size_t node, struct err *e)
{
	for (size_t i = 0; i < t->n_transfers; i++) {
		const struct transfer *tr = &t->transfers[i];

		if (tr->format != FORMAT_RAW || tr->broadcast)
			continue;
		for (size_t k = 0; k < tr->n_to; k++)
			if (add_neighbour(nl, t, node, tr->from, tr->to[k], e) != 0)
				return -1;
	}
	return 0;
}

static int add_addresses(struct netlink *nl, const struct node *n, size_t i, struct err *e)
{
	const struct interface *iface = &n->interfaces[i];
	struct address link_local;

	for (size_t a = 0; a < iface->n_addresses; a++)
		if (netlink_add_address(nl, PEER_INDEX + (int)i, &iface->addresses[a], e) != 0)
			return -1;
	return routing_link_local(n, iface, &link_local)
		       ? netlink_add_address(nl, PEER_INDEX + (int)i, &link_local, e)
		       : 0;
}

/* Inside the node: sysctls, offloads, lo and every interface up, addresses, routes, NAT. */
static int configure_visited(const struct lab *lab, size_t n, struct err *e)
{
	const struct node *node = &lab->topology->nodes[n];
	cleanup_by(netlink_freep) struct netlink *nl = NULL;
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (sock < 0)
		return err_set(e, errno, "open a socket");
	if (routing_set(node, e) != 0 || netlink_open(&nl, e) != 0 || netlink_set_up(nl, 1, e) != 0)
		return -1;
	for (size_t i = 0; i < node->n_interfaces; i++) {
		const struct interface *iface = &node->interfaces[i];

		if (!keeps_offloads(lab, iface) && tx_checksum_off(sock, iface->name, e) != 0)
			return -1;
		if (netlink_set_up(nl, PEER_INDEX + (int)i, e) != 0 ||
		    add_addresses(nl, node, i, e) != 0)
			return -1;
	}
	for (size_t i = 0; i < node->n_routes; i++)
		if (netlink_add_route(nl, PEER_INDEX + (int)node->routes[i].interface,
				      &node->routes[i], e) != 0)
			return -1;
	if (add_neighbours(nl, lab->topology, n, e) != 0 || netlink_flush(nl, e) != 0)
		return -1;
	return nat_set_up(node, e);
}

static int configure_node(const struct lab *lab, size_t n, struct err *e)
{
	const struct node *node = &lab->topology->nodes[n];

	if (node_visit(&lab->nodes[n], node->name, e) != 0)
		return -1;
	if (configure_visited(lab, n, e) != 0)
		return err_prefix(e, "node %s", node->name);
	return node_leave(&lab->home, e);
}

/* The kernel activates a link in a work queue after both ends are up; until the bridge port
 * forwards, frames would be lost. */
static int wait_links(struct netlink *nl, struct err *e)
{
	uint64_t deadline = clock_ns() + LINK_DEADLINE_NS;
	size_t waiting;

	for (;;) {
		const struct timespec pause = { .tv_nsec = 100 * NS_PER_US };

		if (netlink_count_waiting_links(nl, &waiting, e) != 0)
			return -1;
		if (waiting == 0)
			return 0;
		if (clock_ns() > deadline)
			return err_set(e, 0, "%zu links did not come up within 10 s", waiting);
		nanosleep(&pause, NULL);
	}
}

static int create_nodes(struct lab *lab, struct err *e)
{
	const struct topology *t = lab->topology;

	if (fs_mkdir_all("/run/netns", e) != 0 || etc_prepare(t, e) != 0)
		return -1;
	for (size_t n = 0; n < t->n_nodes; n++) {
		if (node_create(&lab->home, t->nodes[n].name, &lab->nodes[n], e) != 0)
			return -1;
		lab->netns[n] = lab->nodes[n].net;
	}
	return 0;
}

int lab_up(const struct lab_config *config, struct lab **ret_lab, struct err *e)
{
	const struct topology *t = config->topology;
	cleanup_by(lab_freep) struct lab *lab = array_new(1, sizeof(*lab));
	cleanup_by(netlink_freep) struct netlink *nl = NULL;

	lab->topology = t;
	lab->offloads = config->offloads;
	lab->engine = config->engine;
	lab->nodes = array_new(t->n_nodes, sizeof(*lab->nodes));
	lab->netns = array_new(t->n_nodes, sizeof(*lab->netns));
	lab->diags = array_new(t->n_nodes, sizeof(struct diag *));
	for (size_t n = 0; n < t->n_nodes; n++)
		lab->nodes[n] = (struct node_ns){ -1, -1, -1 };
	if (home_open(&lab->home, e) != 0 || create_nodes(lab, e) != 0 ||
	    netlink_open(&nl, e) != 0 || add_networks(lab, nl, e) != 0)
		return -1;
	for (size_t n = 0; n < t->n_nodes; n++)
		if (configure_node(lab, n, e) != 0)
			return -1;
	if (wait_links(nl, e) != 0)
		return -1;
	*ret_lab = take_ptr(lab);
	return 0;
}

void lab_node_namespaces(const struct lab *lab, size_t node, int *ret_net, int *ret_uts,
			 int *ret_mnt)
{
	*ret_net = lab->nodes[node].net;
	*ret_uts = lab->nodes[node].uts;
	*ret_mnt = lab->nodes[node].mnt;
}

int lab_enter(const struct lab *lab, size_t node, struct err *e)
{
	const struct node_ns *ns = &lab->nodes[node];

	if (setns(ns->net, CLONE_NEWNET) != 0 || setns(ns->uts, CLONE_NEWUTS) != 0 ||
	    setns(ns->mnt, CLONE_NEWNS) != 0)
		return err_set(e, errno, "enter node %s", lab->topology->nodes[node].name);
	if (chdir(lab->home.cwd) != 0)
		return err_set(e, errno, "return to %s", lab->home.cwd);
	return 0;
}

int lab_read_udp_counters(const struct lab *lab, size_t node, struct udp_counters *ret_counters,
			  struct err *e)
{
	cleanup_free char *snmp = NULL;
	cleanup_free char *dev = NULL;

	if (node_visit(&lab->nodes[node], lab->topology->nodes[node].name, e) != 0)
		return -1;

	int r = fs_read("/proc/thread-self/net/snmp", 1 << 16, &snmp, NULL, e);

	if (r == 0)
		r = fs_read("/proc/thread-self/net/dev", 1 << 20, &dev, NULL, e);
	if (node_leave(&lab->home, e) != 0 || r != 0)
		return -1;
	ret_counters->loopback = counters_parse_loopback(dev);
	return counters_parse_udp(snmp, ret_counters, e);
}

int lab_read_backlog(uint64_t *ret_packets, struct err *e)
{
	cleanup_free char *text = NULL;

	if (fs_read("/proc/thread-self/net/softnet_stat", 1 << 20, &text, NULL, e) != 0)
		return -1;
	*ret_packets = counters_parse_backlog(text);
	return 0;
}

static int open_diag(struct lab *lab, size_t node, struct err *e)
{
	if (lab->diags[node] != NULL)
		return 0;
	if (node_visit(&lab->nodes[node], lab->topology->nodes[node].name, e) != 0)
		return -1;

	int r = diag_open(&lab->diags[node], e);

	return node_leave(&lab->home, e) != 0 || r != 0 ? -1 : 0;
}

int lab_find_socket(struct lab *lab, size_t node, const struct listening *l,
		    struct socket_evidence *ret_socket, struct err *e)
{
	if (open_diag(lab, node, e) != 0)
		return -1;
	return diag_find(lab->diags[node], l->protocol, l->port, ret_socket, e);
}

/* Nodes without IPv6 have no second file. */
static int count_tcp(struct lab *lab, size_t node, uint64_t *ret_n, struct err *e)
{
	cleanup_free char *v4 = NULL;
	cleanup_free char *v6 = NULL;
	struct err ignored;

	if (node_visit(&lab->nodes[node], lab->topology->nodes[node].name, e) != 0)
		return -1;

	int r = fs_read("/proc/thread-self/net/sockstat", 1 << 16, &v4, NULL, e);

	if (fs_read("/proc/thread-self/net/sockstat6", 1 << 16, &v6, NULL, &ignored) != 0)
		v6 = NULL;
	if (node_leave(&lab->home, e) != 0 || r != 0)
		return -1;
	*ret_n = counters_parse_tcp(v4) + (v6 != NULL ? counters_parse_tcp(v6) : 0);
	return 0;
}

int lab_list_tcp(struct lab *lab, size_t node, struct tcp_socket **ret_sockets, size_t *ret_n,
		 struct err *e)
{
	uint64_t hashed;

	if (open_diag(lab, node, e) != 0 || count_tcp(lab, node, &hashed, e) != 0)
		return -1;
	return diag_list_tcp(lab->diags[node], hashed, ret_sockets, ret_n, e);
}
