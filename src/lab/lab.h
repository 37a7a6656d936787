/*
 * lab: a topology brought up.
 *
 * Called by the supervisor (sandbox.h), single-threaded, in its own network
 * namespace: the networks live there as bridges, and every node gets a
 * network, UTS and mount namespace of its own, held by descriptors and named in
 * the private /run/netns (so that `ip netns exec NODE` works inside). There is
 * no way to take a lab down: it goes when the supervisor does.
 */
#ifndef HARNESS_LAB_LAB_H
#define HARNESS_LAB_LAB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct lab;

/*
 * The interfaces of one link in the supervisor's network namespace. A clean link is a veth from
 * the node's interface to the port. One with an engine is two, and the engine carries frames
 * between their ends here: node <-> near | far <-> port.
 */
struct link_devices {
	char port[16]; /* of the network's bridge */
	char near[16], far[16];
};

/* They are called by their numbers: names of nodes are too long for that. */
void lab_name_devices(size_t node, size_t interface, struct link_devices *ret_devices);

struct lab_config {
	const struct topology *topology;
	/* Leave checksum and segmentation offload of clean links on, which is faster and makes
	 * captures show super-packets and unfinished checksums. */
	bool offloads;
	/* Of impaired links. For netem their ends here are joined by a bridge; what carries frames
	 * between them for the other engine is not there yet. */
	enum link_engine engine;
};

/* Returns when every link carries frames. */
int lab_up(const struct lab_config *config, struct lab **ret_lab, struct err *e);
/* Closes descriptors. */
void lab_free(struct lab *lab);
void lab_freep(struct lab **lab);

/* A network namespace descriptor per node, owned by the lab. */
const int *lab_netns(const struct lab *lab);
/* The supervisor's own, where the networks are; owned by the lab. */
int lab_network_netns(const struct lab *lab);
/* Move the calling process, a child about to exec, into the node for good. */
int lab_enter(const struct lab *lab, size_t node, struct err *e);
/* The node's namespaces, owned by the lab. */
void lab_node_namespaces(const struct lab *lab, size_t node, int *ret_net, int *ret_uts,
			 int *ret_mnt);
/* The node's UDP counters since it was made: /proc/net/snmp and dev, proc_pid_net(5). */
int lab_read_udp_counters(const struct lab *lab, size_t node, struct udp_counters *ret_counters,
			  struct err *e);
/*
 * Packets that the kernel has taken from links and not looked at yet, of the whole machine: they
 * are neither lost nor counted by anyone. 0 where the kernel does not say.
 */
int lab_read_backlog(uint64_t *ret_packets, struct err *e);
/*
 * The node's socket bound to this port, as sock_diag(7) shows it; when several are, the sum of
 * their queues and drops. ret_socket->seen is false when there is none.
 */
int lab_find_socket(struct lab *lab, size_t node, const struct listening *l,
		    struct socket_evidence *ret_socket, struct err *e);

/* A TCP socket of a node, one that listens or one end of a connection, as sock_diag(7) shows it. */
struct tcp_socket {
	uint8_t state; /* TCP_ESTABLISHED and so on, of <netinet/tcp.h> */
	uint16_t port, peer_port;
	uint32_t waiting; /* connections that nobody has accepted yet */
	uint32_t unread;  /* bytes that its program has not read, and may still read */
	uint32_t unsent;  /* bytes that its peer's kernel has not confirmed, and its FIN is one */
	bool repeats;	  /* some of those were lost and are being sent again */
};

/* Free the array. */
int lab_list_tcp(struct lab *lab, size_t node, struct tcp_socket **ret_sockets, size_t *ret_n,
		 struct err *e);

#endif
