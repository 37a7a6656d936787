/*
 * verify_send: datagrams of a run that never happened (verify_lab.h), as captures
 * and kernels would have seen them: frames, and the transfer protocol spoken by
 * the book. The flags of struct vlab spoil the next datagram.
 */
#ifndef TESTS_VERIFY_SEND_H
#define TESTS_VERIFY_SEND_H

#include "../../nodes/lib/protocol.h"
#include "unit/verify_lab.h"
#include "verify/crc32c.h"

/* ---- frames ---- */

static inline void lab_put16(uint8_t *at, uint32_t v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

static inline void lab_put32(uint8_t *at, uint32_t v)
{
	lab_put16(at, v >> 16);
	lab_put16(at + 2, v);
}

static inline void lab_put64(uint8_t *at, uint64_t v)
{
	lab_put32(at, (uint32_t)(v >> 32));
	lab_put32(at + 4, (uint32_t)v);
}

/* As RFC 1071 writes it down: slow, and nothing like what is tested. */
static inline uint16_t lab_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)sum;
}

struct lab_way {
	size_t from, to; /* nodes; to LAB_NODES: everyone */
	uint16_t from_port, to_port;
};

static inline size_t lab_frame(const struct vlab *l, const struct lab_way *w, const void *payload,
			       size_t len, uint8_t *f)
{
	struct in_addr to = w->to == LAB_NODES ? address_broadcast(&l->addresses[0])
					       : l->addresses[w->to].v4;
	uint8_t pseudo[12] = { [9] = 17 };

	memset(f, 0, 42);
	memset(f, 0xff, 6);
	if (w->to != LAB_NODES)
		memcpy(f, l->interfaces[w->to].mac, 6);
	memcpy(f + 6, l->interfaces[w->from].mac, 6);
	lab_put16(f + 12, 0x0800);
	f[14] = 0x45;
	lab_put16(f + 16, (uint32_t)len + 28);
	f[22] = 64;
	f[23] = 17;
	memcpy(f + 26, &l->addresses[w->from].v4, 4);
	memcpy(f + 30, &to, 4);
	lab_put16(f + 24, (uint16_t)~lab_sum(f + 14, 20, 0));
	lab_put16(f + 34, w->from_port);
	lab_put16(f + 36, w->to_port);
	lab_put16(f + 38, (uint32_t)len + 8);
	if (len != 0)
		memcpy(f + 42, payload, len);
	memcpy(pseudo, f + 26, 8);
	lab_put16(pseudo + 10, (uint32_t)len + 8);
	lab_put16(f + 40, (uint16_t)~lab_sum(f + 34, len + 8, lab_sum(pseudo, 12, 0)));
	return len + 42;
}

/* number: of the capture; nodes' own are numbered as the nodes. */
static inline void lab_capture(struct vlab *l, size_t number, const uint8_t *frame, size_t len)
{
	struct capture_evidence *c = &l->evidence->captures[number];
	struct packet p = { .time_ns = l->time_ns, .original_len = (uint32_t)len, .data = frame };
	struct err e;

	l->time_ns += 1000;
	if (l->evidence->n_captures == 0)
		return;
	p.captured_len = p.original_len < l->topology.capture.snaplen ? p.original_len
								      : l->topology.capture.snaplen;
	assert_int_equal(pcapng_write_packet(l->captures[number], &p, &e), 0);
	c->packets++;
	c->received++;
	c->bytes += len;
}

/* ---- engines ---- */

static inline uint32_t lab_log_flow(struct vlab *l, size_t link, enum direction d)
{
	const struct link_flow flow = {
		.link = (uint16_t)link,
		.direction = (uint8_t)d,
		.protocol = 17,
		.ethertype = 0x0800,
		.from_port = 43210,
		.to_port = LAB_PORT,
		.from = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 },
		.to = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 },
	};

	return log_write_flow(l->log, &flow);
}

/* Gives the link of this node an engine; what happens there is links[NUMBER].next. */
static inline struct lab_link *lab_engine(struct vlab *l, size_t node, enum link_engine engine)
{
	struct evidence *ev = l->evidence;
	size_t number = ev->n_links++;
	struct lab_link *link = &l->links[number];
	struct link_evidence *le = &ev->links[number];
	struct err e;

	link->node = le->node = node;
	le->engine = engine;
	le->ring = RING_PACKET;
	l->interfaces[node].engine = true;
	assert_true(snprintf(le->name, sizeof(le->name), "%s/eth0", l->nodes[node].name) > 0);
	if (ev->n_captures != 0) {
		struct capture_evidence *c = &ev->captures[ev->n_captures++];

		c->node = node;
		c->far = c->complete = true;
		assert_true(snprintf(c->name, sizeof(c->name), "Hub1/%s.eth0",
				     l->nodes[node].name) > 0);
		assert_true(snprintf(c->file, sizeof(c->file), "far-%zu.pcapng", node) > 0);
		lab_open_capture(l, LAB_NODES + number);
	}
	if (engine == ENGINE_NETEM)
		return link;
	ev->wire.complete = ev->wire.fifo = true;
	lab_copy(ev->wire.log, sizeof(ev->wire.log), "links.log");
	if (l->log == NULL) {
		cleanup_free char *path = text_format("%s/links.log", l->dir);

		assert_int_equal(log_writer_open(path, &l->log, &e), 0);
	}
	for (size_t d = 0; d < N_DIRECTIONS; d++)
		link->flows[d] = lab_log_flow(l, number, (enum direction)d);
	return link;
}

static inline struct lab_link *lab_link_of(struct vlab *l, size_t node)
{
	for (size_t i = 0; i < l->evidence->n_links; i++)
		if (l->links[i].node == node)
			return &l->links[i];
	return NULL;
}

/* The capture at the network's side of the node's link. */
static inline size_t lab_far(const struct vlab *l, const struct lab_link *link)
{
	return LAB_NODES + (size_t)(link - l->links);
}

static inline void lab_count_fate(struct direction_evidence *d, const struct lab_fate *f)
{
	d->arrived++;
	d->lost[f->cause] += f->cause != CAUSE_NONE;
	if (f->cause != CAUSE_NONE)
		return;
	d->left += f->twice ? 2 : 1;
	d->duplicated += f->twice;
	d->corrupted += f->flip != 0;
	d->reordered += f->reordered;
}

/* The frame goes over the node's link. Returns how many come out, and flips the bit in there. */
static inline size_t lab_cross(struct vlab *l, size_t node, enum direction d, uint8_t *frame,
			       size_t len)
{
	struct lab_link *link = lab_link_of(l, node);

	if (link == NULL)
		return 1;

	struct link_evidence *le = &l->evidence->links[link - l->links];
	struct lab_fate f = link->next[d];
	size_t captured = len < l->topology.capture.snaplen ? len : l->topology.capture.snaplen;
	struct link_frame record = {
		.arrived_ns = l->time_ns,
		.due_ns = f.cause == CAUSE_NONE ? l->time_ns + 500 : 0,
		.due_again_ns = f.cause == CAUSE_NONE && f.twice ? l->time_ns + 700 : 0,
		.hash_in = log_hash(frame, captured, len),
		.number = ++link->numbers[d],
		.draw = f.draw != 0 ? f.draw : -1,
		.flow = link->flows[d],
		.len = (uint32_t)len,
		.flipped = f.flip,
		.cause = (uint8_t)f.cause,
		.reordered = f.reordered,
	};

	l->time_ns += 1000;
	if (f.flip != 0)
		frame[f.flip / 8] ^= (uint8_t)(1u << f.flip % 8);
	l->flipped = f.flip != 0 ? f.flip : l->flipped;
	record.hash_out = log_hash(frame, captured, len) ^ f.wrong_hash;
	for (size_t i = 0; le->engine == ENGINE_USER && !f.unlogged && i <= f.logged_twice; i++)
		log_write_frame(l->log, &record);
	lab_count_fate(&le->directions[d], &f);
	link->next[d] = (struct lab_fate){ .cause = CAUSE_NONE };
	return f.cause != CAUSE_NONE ? 0 : f.twice ? 2 : 1;
}

/* ---- ways ---- */

/* Broadcasts that nobody waits for are dropped without being counted. */
static inline bool lab_is_counted(const struct vlab *l, const struct lab_way *w, size_t node)
{
	return w->to != LAB_NODES || (node != 0 && node <= l->transfer.n_to);
}

/*
 * What the kernel makes of a datagram with a flipped bit (net/ethernet, net/ipv4). Nobody
 * looks at the link address that it came from; then there are the IP header and the length.
 */
static inline void lab_count_damaged(struct udp_counters *c, const uint8_t *frame, size_t len,
				     unsigned bit)
{
	size_t at = bit / 8, udp_len = (size_t)(frame[38] << 8 | frame[39]);

	if (at >= 6 && at < 12)
		c->in_datagrams++;
	if (at < 34)
		return;
	c->in_errors++;
	c->csum_errors += (at != 38 && at != 39) || (udp_len >= 8 && udp_len <= len - 34);
}

static inline void lab_arrive(struct vlab *l, const struct lab_way *w, size_t node, uint8_t *frame,
			      size_t len)
{
	struct udp_counters ignored = { 0 };
	struct udp_counters *c = lab_is_counted(l, w, node) ? &l->evidence->nodes[node].udp
							    : &ignored;

	if (l->flipped != 0) {
		lab_count_damaged(c, frame, len, l->flipped);
	} else if (l->damage) {
		frame[len - 1] ^= 0x10;
		c->csum_errors++;
		c->in_errors++;
	} else if (l->full) {
		c->rcvbuf_errors++;
		c->in_errors++;
	} else if (!l->unread) {
		c->in_datagrams++;
	}
	if (!l->hide_in)
		lab_capture(l, node, frame, len);
	if (l->damage)
		frame[len - 1] ^= 0x10;
}

/* From the network to one node. */
static inline void lab_deliver(struct vlab *l, const struct lab_way *w, size_t node,
			       const uint8_t *sent, size_t len)
{
	const struct lab_link *link = lab_link_of(l, node);
	bool for_it = w->to == node || (w->to == LAB_NODES && node != w->from);
	unsigned flipped = l->flipped;
	uint8_t frame[2048];

	memcpy(frame, sent, len);
	if (link != NULL)
		lab_capture(l, lab_far(l, link), frame, len);

	size_t copies = lab_cross(l, node, LINK_IN, frame, len) * (l->twice && for_it ? 2 : 1);

	for (size_t i = 0; i < copies && for_it; i++)
		lab_arrive(l, w, node, frame, len);
	for (size_t i = 0; i < copies && !for_it; i++)
		lab_capture(l, node, frame, len);
	l->flipped = flipped;
}

/* One datagram on a hub: everyone sees every frame; the spoiling flags are used up. */
static inline void lab_send(struct vlab *l, const struct lab_way *w, const void *payload,
			    size_t len)
{
	const struct lab_link *link = lab_link_of(l, w->from);
	uint8_t frame[2048];
	size_t n = lab_frame(l, w, payload, len, frame);

	if (!l->hide_out)
		lab_capture(l, w->from, frame, n);

	size_t copies = lab_cross(l, w->from, LINK_OUT, frame, n);

	for (size_t k = 0; k < copies; k++) {
		if (link != NULL)
			lab_capture(l, lab_far(l, link), frame, n);
		for (size_t i = 0; !l->lose && i < LAB_NODES; i++)
			if (i != w->from)
				lab_deliver(l, w, i, frame, n);
	}
	l->lose = l->hide_out = l->hide_in = l->damage = l->full = l->unread = l->twice = false;
	l->flipped = 0;
}

/* ---- the transfer protocol ---- */

struct lab_message {
	uint8_t type, flags;
	uint64_t transfer;
	uint32_t packet;
	uint64_t offset;
	const uint8_t *payload;
	size_t len;
};

static inline void lab_send_message(struct vlab *l, const struct lab_way *w,
				    const struct lab_message *m)
{
	uint8_t d[2048] = { 0 };

	lab_put32(d + PROTOCOL_AT_MAGIC, PROTOCOL_MAGIC);
	d[PROTOCOL_AT_VERSION] = PROTOCOL_VERSION;
	d[PROTOCOL_AT_TYPE] = m->type;
	d[PROTOCOL_AT_FLAGS] = m->flags;
	d[PROTOCOL_AT_HEADER_WORDS] = PROTOCOL_HEADER_WORDS;
	lab_put64(d + PROTOCOL_AT_TRANSFER, m->transfer);
	lab_put32(d + PROTOCOL_AT_PACKET, m->packet);
	lab_put64(d + PROTOCOL_AT_OFFSET, m->offset);
	lab_put16(d + PROTOCOL_AT_PAYLOAD_LENGTH, (uint32_t)m->len);
	if (m->len != 0)
		memcpy(d + PROTOCOL_HEADER_LENGTH, m->payload, m->len);
	lab_put32(d + PROTOCOL_AT_CRC, crc32c_by_table(0, d, PROTOCOL_HEADER_LENGTH + m->len));
	lab_send(l, w, d, PROTOCOL_HEADER_LENGTH + m->len);
}

/* What is sent, and how it is spoilt; chunks are counted from 1, 0: none. */
struct lab_flow {
	size_t to; /* receiver */
	size_t file;
	uint64_t id;				       /* of the transfer, 0: 7 */
	uint16_t port;				       /* of the sender, 0: 43210 */
	size_t lose, damage, hide_out, hide_in, twice; /* these chunks */
	size_t alter; /* this chunk leaves with another byte, and all checksums right */
	bool repair;  /* what was lost or damaged is sent again */
};

#define LAB_FLOW(...) (&(const struct lab_flow){ __VA_ARGS__ })

static inline uint16_t lab_port(const struct lab_flow *f)
{
	return f->port != 0 ? f->port : 43210;
}

static inline uint64_t lab_id(const struct lab_flow *f)
{
	return f->id != 0 ? f->id : 7;
}

static inline struct lab_way lab_forth(const struct vlab *l, const struct lab_flow *f)
{
	return (struct lab_way){ 0, l->to[f->to], lab_port(f), LAB_PORT };
}

static inline void lab_answer(struct vlab *l, const struct lab_flow *f, uint8_t type,
			      const uint8_t *payload, size_t len)
{
	const struct lab_way back = { l->to[f->to], 0, LAB_PORT, lab_port(f) };
	const struct lab_message m = { type, 0, lab_id(f), 1000000 + l->packet, 0, payload, len };

	lab_send_message(l, &back, &m);
}

static inline void lab_open(struct vlab *l, const struct lab_flow *f)
{
	const struct lab_way w = lab_forth(l, f);
	uint8_t p[512] = { 0 };
	const char *name = l->files[f->file].name;
	size_t size = l->content[f->file].len;
	struct sha256 digest;

	sha256_of(l->content[f->file].p, size, &digest);
	lab_put64(p + PROTOCOL_OPEN_SIZE, size);
	lab_put32(p + PROTOCOL_OPEN_CHUNK, LAB_CHUNK);
	lab_put32(p + PROTOCOL_OPEN_COUNT, (uint32_t)((size + LAB_CHUNK - 1) / LAB_CHUNK));
	memcpy(p + PROTOCOL_OPEN_SHA256, digest.bytes, SHA256_LEN);
	lab_put16(p + PROTOCOL_OPEN_NAME_LENGTH, (uint32_t)strlen(name));
	memcpy(p + PROTOCOL_OPEN_NAME, name, strlen(name));
	lab_send_message(
		l, &w,
		&(struct lab_message){ PROTOCOL_OPEN, 0, lab_id(f), ++l->packet, 0, p, 216 });
	lab_answer(l, f, PROTOCOL_OPEN_ACK, p, PROTOCOL_OPEN_ACK_LENGTH);
}

static inline void lab_chunk(struct vlab *l, const struct lab_flow *f, size_t chunk, uint8_t flags)
{
	const struct lab_way w = lab_forth(l, f);
	const struct lab_bytes *c = &l->content[f->file];
	uint8_t bytes[LAB_CHUNK];
	size_t at = (chunk - 1) * LAB_CHUNK;
	size_t len = c->len - at < LAB_CHUNK ? c->len - at : LAB_CHUNK;

	memcpy(bytes, c->p + at, len);
	if (f->alter == chunk)
		bytes[len / 2] ^= 0xff;
	lab_send_message(l, &w,
			 &(struct lab_message){ PROTOCOL_DATA, flags, lab_id(f), ++l->packet, at,
						bytes, len });
}

static inline void lab_data(struct vlab *l, const struct lab_flow *f)
{
	size_t n = (l->content[f->file].len + LAB_CHUNK - 1) / LAB_CHUNK;

	for (size_t i = 1; i <= n; i++) {
		l->lose = f->lose == i;
		l->damage = f->damage == i;
		l->hide_out = f->hide_out == i;
		l->hide_in = f->hide_in == i;
		l->twice = f->twice == i;
		lab_chunk(l, f, i, 0);
	}
	if (f->repair && f->lose != 0)
		lab_chunk(l, f, f->lose, PROTOCOL_FLAG_RETX);
	if (f->repair && f->damage != 0)
		lab_chunk(l, f, f->damage, PROTOCOL_FLAG_RETX);
}

static inline void lab_finish(struct vlab *l, const struct lab_flow *f)
{
	const struct lab_way w = lab_forth(l, f);
	uint8_t p[PROTOCOL_FIN_LENGTH] = { 0 };
	struct sha256 digest;
	size_t n = (l->content[f->file].len + LAB_CHUNK - 1) / LAB_CHUNK;

	sha256_of(l->content[f->file].p, l->content[f->file].len, &digest);
	memcpy(p + PROTOCOL_FIN_SHA256, digest.bytes, SHA256_LEN);
	lab_send_message(
		l, &w,
		&(struct lab_message){ PROTOCOL_FIN, 0, lab_id(f), ++l->packet, 0, p, sizeof(p) });
	memset(p, 0, sizeof(p));
	lab_put32(p + PROTOCOL_FIN_ACK_VERDICT, PROTOCOL_VERDICT_COMPLETE);
	lab_put32(p + PROTOCOL_FIN_ACK_RECEIVED, (uint32_t)n);
	lab_answer(l, f, PROTOCOL_FIN_ACK, p, PROTOCOL_FIN_ACK_LENGTH);
	lab_send_message(
		l, &w,
		&(struct lab_message){ PROTOCOL_CLOSE, 0, lab_id(f), ++l->packet, 0, NULL, 0 });
}

/* A whole transfer of one file to one receiver. */
static inline void lab_transfer(struct vlab *l, const struct lab_flow *f)
{
	l->packet = 0;
	lab_open(l, f);
	lab_data(l, f);
	lab_finish(l, f);
}

#endif
