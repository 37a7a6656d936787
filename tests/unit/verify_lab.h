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

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "capture/pcapng.h"
#include "link/log.h"
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

/* What an engine does to the next frame on one direction of a link, and what it says it did. */
struct lab_fate {
	enum link_cause cause;
	double draw; /* 0: nothing was drawn */
	bool twice, reordered;
	unsigned flip; /* this bit of the frame, 0: none */
	/* Lies. */
	bool unlogged, logged_twice, wrong_hash;
};

/* A link with an engine. */
struct lab_link {
	size_t node;
	struct lab_fate next[N_DIRECTIONS];
	uint32_t flows[N_DIRECTIONS];
	uint64_t numbers[N_DIRECTIONS];
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
	struct pcapng_writer *captures[2 * LAB_NODES]; /* far ones behind those of nodes */
	struct lab_link links[LAB_NODES];
	struct log_writer *log;
	unsigned flipped; /* the bit of the frame that is on its way */
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
	const struct evidence_sizes sizes = {
		.n_programs = l->transfer.n_to + 1,
		.n_nodes = LAB_NODES,
		.n_captures = captures ? 2 * LAB_NODES : 0,
		.n_links = LAB_NODES,
		.n_faults = 2,
	};
	struct evidence *ev;
	struct err e;

	assert_int_equal(evidence_new(&sizes, &l->evidence, &e), 0);
	ev = l->evidence;
	/* There is room for links with engines: see lab_engine(). */
	ev->n_captures = captures ? LAB_NODES : 0;
	ev->n_links = 0;
	ev->n_faults = 0;
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

static inline void lab_open_capture(struct vlab *l, size_t i)
{
	const struct capture_evidence *c = &l->evidence->captures[i];
	cleanup_free char *path = text_format("%s/%s", l->dir, c->file);
	struct pcapng_interface iface = { c->name, .snaplen = l->topology.capture.snaplen };
	struct err e;

	assert_int_equal(pcapng_writer_open(path, NULL, NULL, &l->captures[i], &e), 0);
	assert_int_equal(pcapng_write_interface(l->captures[i], &iface, &e), 0);
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
	for (size_t i = 0; i < l->evidence->n_captures; i++)
		lab_open_capture(l, i);
	return l;
}

static inline void lab_free(struct vlab *l)
{
	cleanup_free char *command = text_format("rm -rf '%s'", l->dir);

	for (size_t i = 0; i < 2 * LAB_NODES; i++)
		pcapng_writer_freep(&l->captures[i]);
	for (size_t i = 0; i < LAB_NODES; i++)
		free(l->nodes[i].name);
	log_writer_freep(&l->log);
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

/* ---- judging ---- */

static inline const struct run_verdict *lab_judge(struct vlab *l)
{
	const struct judge_input in = { &l->topology, l->evidence, l->dir };
	struct err e;

	for (size_t i = 0; i < l->evidence->n_captures; i++)
		assert_int_equal(pcapng_writer_close(l->captures[i], &e), 0);
	memset(l->captures, 0, sizeof(l->captures));
	if (l->log != NULL)
		assert_int_equal(log_writer_close(take_ptr(l->log), &e), 0);
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
