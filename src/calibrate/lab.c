#include "calibrate/lab.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "program/argv.h"
#include "topology/address.h"

#define PORT	 9
#define WARM_UP	 200	      /* datagrams: rings and caches are touched once before it counts */
#define SNAPLEN	 128	      /* all of a small frame, and enough of a large one */
#define BUFFER	 (64UL << 20) /* bytes: half a million of those */
#define PATIENCE (30 * NS_PER_SEC)
#define TAIL	 100 /* jitters: no frame is held for longer than its delay and so many (link/fate.h) */

/* ---- nodes ---- */

static void add_interface(struct node *n, const char *name, const char *address, unsigned mtu,
			  const uint8_t mac[6])
{
	struct err never;
	struct interface *i = array_new(1, sizeof(*i));

	n->interfaces = i;
	n->n_interfaces = 1;
	i->name = text_dup(name);
	i->mtu = mtu;
	memcpy(i->mac, mac, 6);
	i->addresses = array_new(1, sizeof(*i->addresses));
	i->n_addresses = address_parse(address, i->addresses, &never) == 0;
}

static void add_nodes(struct topology *t, const struct stream_request *r)
{
	const struct node *node = &r->topology->nodes[r->node];
	const struct interface *iface = &node->interfaces[r->interface];
	/* Host names are the same in either case. */
	const char *peer = strcasecmp(node->name, "peer") == 0 ? "peer-2" : "peer";
	unsigned attempt = 0;
	uint8_t mac[6];

	do
		mac_derive(peer, "eth0", attempt++, mac);
	while (memcmp(mac, iface->mac, 6) == 0);
	t->nodes = array_new(2, sizeof(*t->nodes));
	t->n_nodes = 2;
	t->nodes[0].name = text_dup(node->name);
	t->nodes[1].name = text_dup(peer);
	/* 198.18.0.0/15 is for measuring (RFC 2544). */
	add_interface(&t->nodes[0], iface->name, "198.18.0.1/24", iface->mtu, iface->mac);
	add_interface(&t->nodes[1], "eth0", "198.18.0.2/24", iface->mtu, mac);
	impairment_copy(&t->nodes[0].interfaces[0].impairments[r->direction],
			&iface->impairments[r->direction]);
	t->nodes[0].interfaces[0].engine = true;
}

static void add_network(struct topology *t, const struct stream_request *r)
{
	const struct interface *iface = &r->topology->nodes[r->node].interfaces[r->interface];
	const struct network *n = &r->topology->networks[iface->network];

	t->networks = array_new(1, sizeof(*t->networks));
	t->n_networks = 1;
	t->networks[0] = (struct network){ .name = text_dup(n->name), .kind = n->kind };
}

/* ---- programs ---- */

/* The raw format: then the nodes know each other's link addresses, and no question can be lost. */
static int add_transfer(struct topology *t, const struct stream_request *r, struct err *e)
{
	struct transfer *tr = array_new(1, sizeof(*tr));
	struct argv sender = { 0 }, receiver = { 0 };

	t->transfers = tr;
	t->n_transfers = 1;
	tr->name = text_dup("calibration");
	tr->from = r->direction == LINK_OUT ? 0 : 1;
	tr->to = array_new(1, sizeof(*tr->to));
	tr->to[tr->n_to++] = 1 - tr->from;
	tr->port = PORT;
	tr->format = FORMAT_RAW;
	if (argv_begin_own(&sender, "udp-stream", e) != 0)
		return -1;
	argv_add2(&sender, "--count", text_format("%llu", (unsigned long long)r->plan.count));
	argv_add2(&sender, "--pps", text_format("%llu", (unsigned long long)r->plan.pps));
	argv_add2(&sender, "--size", text_format("%u", r->plan.frame_len - STREAM_HEADERS));
	argv_add2(&sender, "--warm-up", text_format("%d", WARM_UP));
	if (r->plan.spaced)
		argv_add(&sender, text_dup("--spaced"));
	tr->sender = argv_end(&sender);
	if (argv_begin_own(&receiver, "udp-stream", e) != 0)
		return -1;
	argv_add(&receiver, text_dup("--listen"));
	tr->receiver = argv_end(&receiver);
	return 0;
}

static uint64_t duration_ns(const struct stream_request *r)
{
	const struct impairment *i =
		&r->topology->nodes[r->node].interfaces[r->interface].impairments[r->direction];
	uint64_t held = i->delay_ns + TAIL * i->jitter_ns;

	return (r->plan.count + WARM_UP) * NS_PER_SEC / r->plan.pps + held;
}

int calibration_lab(const struct stream_request *r, struct topology **ret_topology, struct err *e)
{
	struct topology *t = array_new(1, sizeof(*t));

	t->path = text_dup(r->topology->path);
	t->name = text_dup(r->topology->name);
	t->seed = r->topology->seed;
	/* Twice: what a rate holds back leaves only when the stream is over. */
	t->deadline_ns = 2 * duration_ns(r) + PATIENCE;
	t->capture = (struct capture_settings){ .kind = CAPTURE_HEADERS,
						.snaplen = SNAPLEN,
						.buffer = BUFFER };
	add_network(t, r);
	add_nodes(t, r);
	if (add_transfer(t, r, e) != 0) {
		topology_free(t);
		return -1;
	}
	*ret_topology = t;
	return 0;
}
