/*
 * verify_lab: a run that never happened, for the tests of src/verify: a folder
 * with sources, received files and captures, and the evidence to go with it.
 * The three hosts of 3alpine.conf, one transfer from alpine-1 to one or both of
 * the others. Each test spoils one thing and looks at what the judge makes of it.
 */
#ifndef TESTS_VERIFY_LAB_H
#define TESTS_VERIFY_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../nodes/lib/protocol.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "capture/pcapng.h"
#include "verify/crc32c.h"
#include "verify/judge.h"

#define LAB_NODES 3
#define LAB_FILES 8
#define LAB_PORT  10000
#define LAB_CHUNK 1432

/* Byte strings of the tests: positions from 0. */
struct lab_bytes {
	uint8_t *p;
	size_t len;
};

struct vlab {
	char dir[64];
	char path[80]; /* of the topology */
	struct topology topology;
	struct network network;
	struct node nodes[LAB_NODES];
	struct interface interfaces[LAB_NODES];
	struct address addresses[LAB_NODES];
	struct transfer transfer;
	size_t to[LAB_NODES - 1];
	struct transfer_file files[LAB_FILES];
	struct lab_bytes content[LAB_FILES];
	struct evidence *evidence;
	struct pcapng_writer *captures[LAB_NODES];
	uint64_t time_ns;
	struct run_verdict verdict;
	/* What happens to the next datagram. */
	bool lose;	 /* it leaves and never arrives */
	bool hide_out;	 /* the sender's capture misses it */
	bool hide_in;	 /* the receiver's capture misses it */
	bool damage;	 /* a bit flips on the way */
	bool full;	 /* the receiver's buffer has no room */
	bool unread;	 /* its program never reads it */
	bool twice;	 /* it arrives two times */
	uint32_t packet; /* of the sender; the receiver answers from 1000000 on */
};

static inline void lab_copy(char *to, size_t room, const char *from)
{
	assert_true(strlen(from) < room);
	memcpy(to, from, strlen(from) + 1);
}

/* ---- setting up ---- */

static inline void lab_add_node(struct vlab *l, size_t i, const char *name, const char *address)
{
	static char eth0[] = "eth0";

	l->nodes[i] = (struct node){ .name = text_dup(name), .n_interfaces = 1 };
	l->nodes[i].interfaces = &l->interfaces[i];
	l->addresses[i] = (struct address){ .family = AF_INET, .prefix_len = 24 };
	assert_int_equal(inet_pton(AF_INET, address, &l->addresses[i].v4), 1);
	l->interfaces[i] = (struct interface){
		.name = eth0,
		.mac = { 2, 0, 0, 0, 0, (uint8_t)(i + 1) },
		.mtu = 1500,
		.addresses = &l->addresses[i],
		.n_addresses = 1,
	};
}

static inline void lab_program(struct vlab *l, size_t i, size_t node, enum program_role role)
{
	struct program_evidence *p = &l->evidence->programs[i];
	const char *name = role == ROLE_SENDER ? "udp-send" : "udp-recv";

	assert_true(snprintf(p->name, sizeof(p->name), "%s/%s", l->nodes[node].name, name) > 0);
	assert_true(snprintf(p->log, sizeof(p->log), "%zu.log", i) > 0);
	assert_true(snprintf(p->report, sizeof(p->report), "%zu.json", i) > 0);
	p->node = node;
	p->role = role;
	p->state = PROGRAM_EXITED;
	p->ready = role == ROLE_RECEIVER;
	p->told_to_stop = role == ROLE_RECEIVER;
	p->started_ns = 1000;
	p->ended_ns = 5000000;
	l->evidence->sockets[i].seen = role == ROLE_RECEIVER;
}

static inline void lab_fill_evidence(struct vlab *l, bool captures)
{
	struct evidence *ev;
	struct err e;

	assert_int_equal(evidence_new(l->transfer.n_to + 1, LAB_NODES, captures ? LAB_NODES : 0,
				      &l->evidence, &e),
			 0);
	ev = l->evidence;
	ev->stage = STAGE_DONE;
	ev->recording_ns = 1;
	for (size_t i = 0; i < l->transfer.n_to; i++)
		lab_program(l, i, l->to[i], ROLE_RECEIVER);
	lab_program(l, l->transfer.n_to, 0, ROLE_SENDER);
	for (size_t i = 0; i < LAB_NODES; i++)
		ev->nodes[i].counted = true;
	for (size_t i = 0; i < ev->n_captures; i++) {
		struct capture_evidence *c = &ev->captures[i];

		c->node = i;
		c->complete = true;
		assert_true(snprintf(c->name, sizeof(c->name), "%s/eth0", l->nodes[i].name) > 0);
		assert_true(snprintf(c->file, sizeof(c->file), "%s.pcapng", l->nodes[i].name) > 0);
	}
}

static inline void lab_open_captures(struct vlab *l)
{
	for (size_t i = 0; i < l->evidence->n_captures; i++) {
		cleanup_free char *path = text_format("%s/%s", l->dir,
						      l->evidence->captures[i].file);
		struct pcapng_interface iface = {
			.name = l->evidence->captures[i].name,
			.snaplen = l->topology.capture.snaplen,
		};
		struct err e;

		assert_int_equal(pcapng_writer_open(path, NULL, NULL, &l->captures[i], &e), 0);
		assert_int_equal(pcapng_write_interface(l->captures[i], &iface, &e), 0);
	}
}

/* n_to receivers; snaplen 0: captures are off. */
static inline struct vlab *lab_new(size_t n_to, enum transfer_format format, unsigned snaplen)
{
	static const char *const names[] = { "alpine-1", "alpine-2", "alpine-3" };
	static const char *const addresses[] = { "192.168.122.72", "192.168.122.223",
						 "192.168.122.181" };
	static char pictures[] = "pictures", hub[] = "Hub1", conf[] = "lab.conf", lab[] = "lab";
	struct vlab *l = array_new(1, sizeof(*l));

	lab_copy(l->dir, sizeof(l->dir), "/tmp/verify.XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	for (size_t i = 0; i < LAB_NODES; i++)
		lab_add_node(l, i, names[i], addresses[i]);
	l->network.name = hub;
	for (size_t i = 0; i < n_to; i++)
		l->to[i] = i + 1;
	l->transfer = (struct transfer){
		.name = pictures,
		.to = l->to,
		.n_to = n_to,
		.port = LAB_PORT,
		.files = l->files,
		.format = format,
	};
	l->topology = (struct topology){
		.path = conf,
		.name = lab,
		.deadline_ns = 60 * NS_PER_SEC,
		.networks = &l->network,
		.n_networks = 1,
		.nodes = l->nodes,
		.n_nodes = LAB_NODES,
		.transfers = &l->transfer,
		.n_transfers = 1,
		.capture = { .kind = CAPTURE_FULL, .snaplen = snaplen },
	};
	l->time_ns = 1700000000 * NS_PER_SEC;
	lab_fill_evidence(l, snaplen != 0);
	lab_open_captures(l);
	return l;
}

static inline void lab_free(struct vlab *l)
{
	cleanup_free char *command = text_format("rm -rf '%s'", l->dir);

	for (size_t i = 0; i < LAB_NODES; i++) {
		pcapng_writer_freep(&l->captures[i]);
		free(l->nodes[i].name);
	}
	for (size_t i = 0; i < l->transfer.n_files; i++) {
		free(l->files[i].name);
		free(l->files[i].path);
		free(l->content[i].p);
	}
	evidence_free(l->evidence);
	run_verdict_done(&l->verdict);
	assert_int_equal(system(command), 0);
	free(l);
}

static inline void lab_write(const char *path, const void *bytes, size_t len)
{
	struct err e;

	if (fs_write(path, bytes, len, &e) != 0)
		fail_msg("%s", e.msg);
}

/* A source with these bytes. */
static inline void lab_add_file(struct vlab *l, const char *name, const void *bytes, size_t len)
{
	size_t i = l->transfer.n_files++;

	l->files[i].name = text_dup(name);
	l->files[i].path = text_format("%s/%s", l->dir, name);
	l->files[i].size = len;
	l->content[i].p = array_new(len, 1);
	if (len != 0)
		memcpy(l->content[i].p, bytes, len);
	l->content[i].len = len;
	lab_write(l->files[i].path, l->content[i].p, len);
}

/* A source that no two chunks of are alike. */
static inline void lab_add_random(struct vlab *l, const char *name, size_t len)
{
	cleanup_free uint8_t *bytes = array_new(len, 1);
	uint32_t state = 12345 + (uint32_t)l->transfer.n_files;

	for (size_t i = 0; i < len; i++) {
		state = state * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(state >> 24);
	}
	lab_add_file(l, name, bytes, len);
}

/* A file in the receiver's folder. */
static inline void lab_receive(struct vlab *l, size_t to, const char *name, const void *bytes,
			       size_t len)
{
	cleanup_free char *dir = judge_received_path(l->dir, l->nodes[l->to[to]].name,
						     l->transfer.name);
	cleanup_free char *path = text_format("%s/%s", dir, name);
	struct err e;

	assert_int_equal(fs_mkdir_all(dir, &e), 0);
	lab_write(path, bytes, len);
}

static inline void lab_receive_source(struct vlab *l, size_t to, size_t file)
{
	lab_receive(l, to, l->files[file].name, l->content[file].p, l->content[file].len);
}

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

static inline void lab_capture(struct vlab *l, size_t node, const uint8_t *frame, size_t len)
{
	struct capture_evidence *c = &l->evidence->captures[node];
	struct packet p = { .time_ns = l->time_ns, .original_len = (uint32_t)len, .data = frame };
	struct err e;

	l->time_ns += 1000;
	if (l->evidence->n_captures == 0)
		return;
	p.captured_len = p.original_len < l->topology.capture.snaplen ? p.original_len
								      : l->topology.capture.snaplen;
	assert_int_equal(pcapng_write_packet(l->captures[node], &p, &e), 0);
	c->packets++;
	c->received++;
	c->bytes += len;
}

/* Broadcasts that nobody waits for are dropped without being counted. */
static inline bool lab_is_counted(const struct vlab *l, const struct lab_way *w, size_t node)
{
	return w->to != LAB_NODES || (node != 0 && node <= l->transfer.n_to);
}

static inline void lab_arrive(struct vlab *l, const struct lab_way *w, size_t node, uint8_t *frame,
			      size_t len)
{
	struct udp_counters ignored = { 0 };
	struct udp_counters *c = lab_is_counted(l, w, node) ? &l->evidence->nodes[node].udp
							    : &ignored;

	if (l->damage) {
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

/* One datagram on a hub: everyone sees every frame; the spoiling flags are used up. */
static inline void lab_send(struct vlab *l, const struct lab_way *w, const void *payload,
			    size_t len)
{
	uint8_t frame[2048];
	size_t n = lab_frame(l, w, payload, len, frame);

	if (!l->hide_out)
		lab_capture(l, w->from, frame, n);
	for (size_t i = 0; !l->lose && i < LAB_NODES; i++) {
		bool for_it = w->to == i || (w->to == LAB_NODES && i != w->from);

		if (i == w->from)
			continue;
		if (!for_it) {
			lab_capture(l, i, frame, n);
			continue;
		}
		lab_arrive(l, w, i, frame, n);
		if (l->twice)
			lab_arrive(l, w, i, frame, n);
	}
	l->lose = l->hide_out = l->hide_in = l->damage = l->full = l->unread = l->twice = false;
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

/* ---- judging ---- */

static inline const struct run_verdict *lab_judge(struct vlab *l)
{
	const struct judge_input in = { &l->topology, l->evidence, l->dir };
	struct err e;

	for (size_t i = 0; i < l->evidence->n_captures; i++)
		assert_int_equal(pcapng_writer_close(l->captures[i], &e), 0);
	memset(l->captures, 0, sizeof(l->captures));
	run_verdict_done(&l->verdict);
	judge_run(&in, &l->verdict);
	return &l->verdict;
}

static inline void lab_show(const struct run_verdict *v)
{
	for (size_t i = 0; i < v->n_reasons; i++)
		print_message("  %s\n", v->reasons[i]);
}

#define assert_outcome(v, o)                                                                       \
	do {                                                                                       \
		const struct run_verdict *judged__ = (v);                                          \
		if (judged__->outcome != (o))                                                      \
			lab_show(judged__);                                                        \
		assert_string_equal(outcome_name(judged__->outcome), outcome_name(o));             \
	} while (0)

/* Whether the text has these words, and a message that shows it when not. */
#define assert_says(text, words)                                                                   \
	do {                                                                                       \
		const char *said__ = (text);                                                       \
		if (said__ == NULL || strstr(said__, words) == NULL)                               \
			fail_msg("\"%s\" does not say \"%s\"", said__, words);                     \
	} while (0)

#endif
