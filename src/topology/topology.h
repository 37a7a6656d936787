/*
 * topology: the file, and what it describes, for one run.
 *
 * plan_load() (plan.h) reads a file and expands its `vary` blocks into a struct
 * plan with one struct topology per run, every %{variable} replaced.
 * Names are resolved to indices, quantities to base units, file paths to paths
 * that open from the current folder. Everything here is plain data, written
 * once by the loader and read-only afterwards; topology/ opens no socket.
 */
#ifndef HARNESS_TOPOLOGY_TOPOLOGY_H
#define HARNESS_TOPOLOGY_TOPOLOGY_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/expectation.h"
#include "topology/impairment.h"

enum network_kind {
	NETWORK_HUB,	/* floods every frame to every other port */
	NETWORK_SWITCH, /* learns which port an address is behind */
};

struct network {
	char *name;
	enum network_kind kind;
	int line; /* in the topology file, as in every struct below */
};

struct address {
	int family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
	unsigned prefix_len;
};

struct interface {
	char *name;	/* at most 15 bytes: IFNAMSIZ - 1 */
	size_t network; /* index into topology.networks */
	uint8_t mac[6]; /* given, or derived from node and interface name: the same in every run */
	unsigned mtu;	/* bytes, 1500 unless given */
	struct address *addresses;
	size_t n_addresses;
	struct impairment impairments[N_DIRECTIONS]; /* of its link */
	/* Its link has an engine: it is impaired, or a fault may impair or count on it. */
	bool engine;
	int line;
};

enum route_kind {
	ROUTE_VIA,	 /* the node with this address passes it on */
	ROUTE_ON_LINK,	 /* whoever it is for is on the interface's network */
	ROUTE_BLACKHOLE, /* lost without a word */
};

struct route {
	struct address to; /* a subnet; 0.0.0.0/0 and ::/0 are the default */
	enum route_kind kind;
	struct address via; /* of ROUTE_VIA; its prefix length says nothing */
	size_t interface;   /* index into node.interfaces, but for ROUTE_BLACKHOLE */
};

/* A sysctl of the node's own network namespace. */
struct setting {
	char *name; /* net.ipv4.icmp_ratelimit */
	char *value;
};

/* What comes to a port of the node goes to another node. */
struct port_forward {
	uint8_t protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	uint16_t port;
	struct address to; /* IPv4; its prefix length says nothing */
	uint16_t to_port;
};

struct node {
	char *name; /* a valid host name, at most 63 bytes */
	struct interface *interfaces;
	size_t n_interfaces;
	bool forward; /* it is a router */
	struct route *routes;
	size_t n_routes;
	struct setting *settings;
	size_t n_settings;
	size_t *masquerade; /* indices into interfaces: what leaves there has their address */
	size_t n_masquerade;
	struct port_forward *port_forwards;
	size_t n_port_forwards;
	int line;
};

/* How the work of one transfer is spread over workers. */
enum transfer_mode {
	MODE_MULTI_PROCESS,
	MODE_MULTI_THREAD,
	MODE_MULTI_PROCESS_ASYNC,
	MODE_MULTI_THREAD_ASYNC,
	MODE_EVENT_LOOP,
	MODE_SEQUENTIAL,
	N_MODES,
};

/* "multi-process" ... as the topology file and udp-send --mode spell them. */
extern const char *const transfer_mode_names[N_MODES];

enum transfer_format {
	FORMAT_RELIABLE, /* docs/transfer-protocol.md */
	FORMAT_RAW,	 /* bare 1024-byte datagrams */
};

struct transfer_file {
	char *name; /* the last part of the path: what the receiver calls it; unique in its transfer */
	char *path;    /* opens from the current folder */
	uint64_t size; /* bytes, when the topology was loaded */
};

struct transfer {
	char *name;
	size_t from; /* index into topology.nodes */
	size_t *to;  /* indices into topology.nodes, n_to of them, each once, never `from` */
	size_t n_to;
	uint16_t port;
	struct transfer_file *files;
	size_t n_files;
	enum transfer_mode mode;
	enum transfer_format format;
	bool broadcast; /* raw only: send once, to the broadcast address of the shared network */
	bool shared_socket; /* raw only: all files from one socket, as the coursework's programs do */
	unsigned workers;   /* of the pooled modes; 0: the program's default */
	uint64_t rate_bps; /* bits per second on the wire, 0: not limited */
	char **sender;	   /* NULL-terminated argv prefix instead of nodes/udp-send, or NULL */
	char **receiver;   /* likewise instead of nodes/udp-recv */
	int line;
};

/* A port that a program is ready when it has bound it. */
struct listening {
	uint8_t protocol; /* IPPROTO_UDP or IPPROTO_TCP */
	uint16_t port;
};

/* When a program is started again after it ended by itself. */
enum restart_policy {
	RESTART_NEVER,
	RESTART_ON_FAILURE, /* killed, or its exit status was not 0 */
	RESTART_ALWAYS,
};

/* What a program waits for before it is started: a server to be ready, anything else to end. */
struct dependency {
	bool transfer; /* index is into topology.transfers, else into topology.commands */
	size_t index;
};

/*
 * Anybody's command in a node. A server is started before the others, runs until they have ended,
 * and is told to stop. The others run to their end.
 */
struct command {
	char *name; /* of the block */
	size_t node;
	char **argv; /* NULL-terminated */
	struct listening *listens;
	size_t n_listens;
	char *ready_output; /* an expression that a line of its output matches when it is ready */
	bool background;    /* a server that is ready when it was started */
	bool ends;	    /* a server that ends by itself, which the run waits for */
	struct dependency *after;
	size_t n_after;
	char **env;  /* NULL-terminated, NAME=VALUE, added to the harness's own */
	char *cwd;   /* NULL: the node's folder */
	char *user;  /* to run as, NULL: as the harness does */
	char *input; /* path of its standard input, NULL: /dev/null */
	int stop_signal;
	uint64_t stop_grace_ns; /* between that and SIGKILL */
	uint64_t ready_within_ns;
	uint64_t deadline_ns; /* from its start on, 0: only that of the run */
	enum restart_policy restart;
	unsigned max_restarts; /* 0: any number */
	double cpus;	       /* processors that it may use, 0: all */
	uint64_t memory;       /* bytes that it may use, 0: all */
	int line;
};

/* Whether it is there for others: see above. */
bool command_is_server(const struct command *c);
/* Whether it has cpus or memory of its own. */
bool command_has_limits(const struct command *c);

enum capture_kind {
	CAPTURE_FULL,	 /* whole packets */
	CAPTURE_HEADERS, /* the first snaplen bytes of each */
	CAPTURE_OFF,
};

struct capture_settings {
	enum capture_kind kind;
	unsigned snaplen; /* bytes kept of each packet */
	char *filter;	  /* pcap-filter(7), or NULL */
	size_t buffer;	  /* bytes per interface, 0: sized from what the transfers send */
};

struct topology {
	char *path;  /* as given on the command line */
	char *name;  /* file name without folder and .conf */
	char *title; /* or NULL */
	uint64_t seed;
	uint64_t deadline_ns; /* of one run */
	struct network *networks;
	size_t n_networks;
	struct node *nodes;
	size_t n_nodes;
	struct transfer *transfers;
	size_t n_transfers;
	struct command *commands; /* `program` blocks */
	size_t n_commands;
	struct fault *faults;
	size_t n_faults;
	struct metric *metrics;
	size_t n_metrics;
	struct expectation *expectations;
	size_t n_expectations;
	struct capture_settings capture;
};

/* The address of this family by which `peer` reaches the node over the fewest routers (path.h), the
 * first of equals, or NULL. With peer == node: the node's first address of that family. */
const struct address *topology_address(const struct topology *t, size_t node, size_t peer,
				       int family);
/* The node's interface towards `peer`: where its routes to the peer begin, or else where the peer's
 * routes end, or else the first on a network that both are on; or NULL. */
const struct interface *topology_interface(const struct topology *t, size_t node, size_t peer);
/* The node that has this address, whatever the prefix lengths, or SIZE_MAX. */
size_t topology_owner(const struct topology *t, const struct address *a);
/* Of all nodes. */
size_t topology_count_interfaces(const struct topology *t);
/* Of those, how many links have an engine. */
size_t topology_count_engines(const struct topology *t);
/* Whether an expectation names the exit status of this command (index into topology.commands). */
bool topology_expects_exit(const struct topology *t, size_t command);
/* The IPv4 broadcast address of the subnet. */
struct in_addr address_broadcast(const struct address *a);

/* Accepts NULL. plan_free() calls it for every run. */
void topology_free(struct topology *t);

#endif
