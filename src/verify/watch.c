/* watch: one pass over all captures, in the order of time, for everyone who counts. */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "verify/book.h"
#include "verify/crossings.h"
#include "verify/defrag.h"
#include "verify/raw.h"
#include "verify/reassemble.h"
#include "verify/stream.h"
#include "verify/trial.h"

static const struct ip_address v4_everyone = {
	{ [10] = 0xff, [11] = 0xff, [12] = 0xff, [13] = 0xff, [14] = 0xff, [15] = 0xff }
};

static bool has_address(const struct node *n, const struct ip_address *a)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t k = 0; k < n->interfaces[i].n_addresses; k++) {
			struct ip_address own = ip_address_of(&n->interfaces[i].addresses[k]);

			if (ip_address_equal(&own, a))
				return true;
		}
	return false;
}

/* Whether the interface has an address with this broadcast address. */
static bool is_broadcast(const struct interface *i, const struct ip_address *a)
{
	if (ip_address_equal(a, &v4_everyone))
		return true;
	for (size_t k = 0; k < i->n_addresses; k++) {
		if (i->addresses[k].family != AF_INET)
			continue;

		struct ip_address all = ip_address_of_v4(address_broadcast(&i->addresses[k]));

		if (ip_address_equal(&all, a))
			return true;
	}
	return false;
}

static bool command_has_port(const struct command *c, uint16_t port)
{
	for (size_t i = 0; i < c->n_listens; i++)
		if (c->listens[i].protocol == IPPROTO_UDP && c->listens[i].port == port)
			return true;
	return false;
}

/* Nobody who waits for broadcasts on that port: the kernel drops it without counting (udp(7)). */
static bool ignored(const struct trial *t, size_t node, uint16_t port)
{
	const struct evidence *ev = t->evidence;
	const struct topology *topology = t->topology;

	for (size_t i = 0; i < ev->n_programs; i++)
		if (ev->programs[i].node == node && ev->programs[i].role == ROLE_RECEIVER &&
		    ev->programs[i].transfer != NO_TRANSFER &&
		    topology->transfers[ev->programs[i].transfer].port == port)
			return false;
	for (size_t i = 0; i < topology->n_commands; i++)
		if (topology->commands[i].node == node &&
		    command_has_port(&topology->commands[i], port))
			return false;
	return true;
}

/* ... unless it is so short that its checksum is looked at first (CHECKSUM_BREAK in skbuff.h). */
static bool counted_anyway(const struct datagram *d)
{
	return d->checksum == CHECKSUM_BAD && 8 + d->len <= 76;
}

/* ---- to the transfers ---- */

static void show(struct trial *t, const struct sighting *s)
{
	if (t->topology->transfers[s->transfer].format == FORMAT_RAW)
		raw_see(t->raw, s);
	else
		reassembly_see(t->reassembly, s);
}

static bool is_for(const struct trial *t, const struct transfer *tr, size_t to,
		   const struct datagram *d, bool broadcast)
{
	const struct node *n = &t->topology->nodes[tr->to[to]];
	const struct interface *i = topology_interface(t->topology, tr->to[to], tr->from);

	return broadcast ? i != NULL && is_broadcast(i, &d->to) : has_address(n, &d->to);
}

/* A datagram of the transfer's sender, seen at `node`. */
static void show_forward(struct trial *t, size_t transfer, size_t node, bool out, bool broadcast,
			 const struct datagram *d)
{
	const struct transfer *tr = &t->topology->transfers[transfer];
	struct sighting s = { .transfer = transfer, .forward = true, .datagram = d };

	s.side = out ? AT_SENDER : AT_RECEIVER;
	for (s.to = 0; s.to < tr->n_to; s.to++)
		if ((out ? tr->from : tr->to[s.to]) == node && is_for(t, tr, s.to, d, broadcast))
			show(t, &s);
}

/* An answer of receiver number `to`. */
static void show_backward(struct trial *t, size_t transfer, size_t to, size_t node, bool out,
			  const struct datagram *d)
{
	const struct sighting s = {
		.transfer = transfer,
		.to = to,
		.side = out ? AT_RECEIVER : AT_SENDER,
		.datagram = d,
	};
	const struct transfer *tr = &t->topology->transfers[transfer];

	if ((out ? tr->to[to] : tr->from) != node || tr->format == FORMAT_RAW)
		return;
	if (!out && reassembly_flow_ended(t->reassembly, &s))
		book_late(t->book, node);
	show(t, &s);
}

/* Whether receivers of this transfer see its sender's datagrams come from that node. */
static bool speaks_for_sender(const struct trial *t, size_t transfer, size_t node)
{
	for (size_t i = 0; i < t->n_translations; i++)
		if (t->translations[i].transfer == transfer && t->translations[i].node == node)
			return true;
	return false;
}

static void show_to_transfers(struct trial *t, size_t node, bool out, bool broadcast,
			      const struct datagram *d)
{
	size_t from = trial_node_of(t, &d->from);

	for (size_t i = 0; i < t->topology->n_transfers; i++) {
		const struct transfer *tr = &t->topology->transfers[i];

		if (tr->port == d->to_port &&
		    (tr->from == from || (!out && speaks_for_sender(t, i, from))))
			show_forward(t, i, node, out, broadcast, d);
		for (size_t k = 0; k < tr->n_to && tr->port == d->from_port; k++)
			if (tr->to[k] == from)
				show_backward(t, i, k, node, out, d);
	}
}

/* ---- to the book ---- */

static void book_broadcast(struct trial *t, size_t from, const struct interface *i,
			   const struct datagram *d)
{
	const struct topology *topology = t->topology;

	for (size_t n = 0; n < topology->n_nodes; n++)
		for (size_t k = 0; n != from && k < topology->nodes[n].n_interfaces; k++) {
			const struct interface *other = &topology->nodes[n].interfaces[k];

			if (other->network == i->network && is_broadcast(other, &d->to) &&
			    !ignored(t, n, d->to_port))
				book_sent(t->book, from, n, d);
		}
}

static bool is_group(const uint8_t *mac)
{
	return (mac[0] & 1) != 0;
}

/*
 * Over this network, to whoever has the link address: a router, when another network follows. A
 * flipped bit may have changed it, and then no node takes the frame.
 */
static void book_out(struct trial *t, size_t node, const struct interface *i, bool broadcast,
		     const struct datagram *d)
{
	size_t to = is_group(d->to_mac) ? trial_node_of(t, &d->to)
					: trial_node_of_mac(t, d->to_mac);

	if (broadcast)
		book_broadcast(t, node, i, d);
	else if (to != SIZE_MAX && to != node)
		book_sent(t->book, node, to, d);
}

/* Came to the end of the node's link, as seen from the network. */
static void book_in(struct trial *t, size_t node, bool broadcast, const struct datagram *d)
{
	size_t from = trial_node_of_mac(t, d->from_mac);

	/* A flipped bit again: without routers, the address of IP tells, too. */
	if (from == SIZE_MAX)
		from = trial_node_of(t, &d->from);
	if (from == SIZE_MAX)
		return;
	if (broadcast ? !ignored(t, node, d->to_port)
		      : !is_group(d->to_mac) || has_address(&t->topology->nodes[node], &d->to))
		book_arrived(t->book, from, node, d);
}

static bool runs_programs(const struct trial *t, size_t node)
{
	for (size_t i = 0; i < t->topology->n_commands; i++)
		if (t->topology->commands[i].node == node)
			return true;
	return false;
}

/* Not all that has its address is for it. */
static bool translates(const struct node *n)
{
	return n->n_masquerade + n->n_port_forwards != 0;
}

/*
 * Came to the node. /proc/net/snmp, which this will be compared with, is about IPv4. What programs
 * of others listen to, and which addresses they give, is not known here.
 */
static void book_node(struct trial *t, size_t node, bool broadcast, const struct datagram *d)
{
	const struct node *n = &t->topology->nodes[node];
	bool heard = broadcast && (!ignored(t, node, d->to_port) || counted_anyway(d));
	bool own = !broadcast && has_address(n, &d->to);

	if (!d->v4)
		return;
	if (heard || (own && !translates(n)))
		book_came(t->book, node);
	else if (own || (broadcast ? runs_programs(t, node) : trial_node_of(t, &d->to) == SIZE_MAX))
		book_perhaps(t->book, node);
}

static void book_short(struct trial *t, size_t node, bool broadcast, const struct datagram *d)
{
	if (d->v4 && (broadcast || has_address(&t->topology->nodes[node], &d->to)))
		book_malformed(t->book, node);
}

/* ---- packets ---- */

/* What the network has of it, and what the node: the same capture when nothing is between them. */
static void watch_datagram(struct trial *t, size_t capture, struct datagram *d,
			   const struct packet *p, bool whole)
{
	const struct capture_evidence *c = &t->evidence->captures[capture];
	const struct interface *i = &t->topology->nodes[c->node].interfaces[c->interface];
	bool out = trial_direction(t, capture, d->from_mac) == LINK_OUT;
	bool broadcast = d->v4 && is_broadcast(i, &d->to);

	/* A hub shows everyone's frames to everyone. */
	if (!out && memcmp(d->to_mac, i->mac, 6) != 0 && (d->to_mac[0] & 1) == 0)
		return;
	if (!whole) {
		if (!out && !c->far)
			book_short(t, c->node, broadcast, d);
		return;
	}
	decode_verify_checksum(d);
	if (!out && crossings_damaged(t->crossings, capture, p))
		d->checksum = CHECKSUM_BAD;
	if (t->captures[capture].faces_network && out)
		book_out(t, c->node, i, broadcast, d);
	else if (t->captures[capture].faces_network)
		book_in(t, c->node, broadcast, d);
	if (c->far)
		return;
	if (!out)
		book_node(t, c->node, broadcast, d);
	show_to_transfers(t, c->node, out, broadcast, d);
}

static void watch_packet(struct trial *t, struct defrag *defrag, size_t capture,
			 const struct packet *p)
{
	struct datagram d = { 0 };
	struct fragment f = { 0 };
	enum decoded what = decode_frame(p, &d, &f);

	t->captures[capture].read++;
	crossings_see(t->crossings, capture, p);
	if (what == DECODED_FRAGMENT)
		what = defrag_add(defrag, capture, &f, &d);
	if (what == DECODED_UDP || what == DECODED_SHORT)
		watch_datagram(t, capture, &d, p, what == DECODED_UDP);
}

static void note_error(struct trial *t, size_t capture, const struct err *e)
{
	if (t->captures[capture].error == NULL)
		t->captures[capture].error = text_dup(e->msg);
}

void watch_captures(struct trial *t)
{
	cleanup_by(stream_freep) struct stream *stream = stream_new();
	cleanup_by(defrag_freep) struct defrag *defrag = defrag_new();
	struct packet p = { 0 };
	struct err e;
	size_t n = 0;
	int more;

	for (size_t i = 0; i < t->evidence->n_captures; i++) {
		cleanup_free char *path = text_format("%s/%s", t->folder,
						      t->evidence->captures[i].file);

		if (stream_add(stream, i, path, &e) != 0)
			note_error(t, i, &e);
	}
	while ((more = stream_next(stream, &n, &p, &e)) != 0) {
		if (more < 0)
			note_error(t, n, &e);
		else
			watch_packet(t, defrag, n, &p);
	}
}
