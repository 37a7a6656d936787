/*
 * expect_lab: a run that never happened, for the tests of expectations: a topology with them, a
 * server and a client with outputs, files and a capture that the test writes.
 */
#ifndef TESTS_EXPECT_LAB_H
#define TESTS_EXPECT_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "capture/pcapng.h"
#include "topology/plan.h"
#include "verify/judge.h"

#define BEGAN (1700000000 * NS_PER_SEC) /* of the run, since 1970; CLOCK_MONOTONIC 1 s */

struct xlab {
	char dir[64];
	struct plan *plan;
	struct topology *topology;
	struct evidence *evidence;
	struct run_verdict verdict;
};

enum { SERVER, CLIENT };

/* ms after the run began, as CLOCK_MONOTONIC. */
static inline uint64_t at_ms(uint64_t ms)
{
	return NS_PER_SEC + ms * NS_PER_MS;
}

static inline void xlab_program(struct xlab *l, size_t i, const char *name)
{
	struct program_evidence *p = &l->evidence->programs[i];

	assert_true(snprintf(p->name, sizeof(p->name), "%s/sh.%s", i == SERVER ? "a" : "b", name) >
		    0);
	assert_true(snprintf(p->log, sizeof(p->log), "logs/%s.log", name) > 0);
	p->node = i;
	p->transfer = NO_TRANSFER;
	p->role = i == SERVER ? ROLE_RECEIVER : ROLE_SENDER;
	p->state = PROGRAM_EXITED;
	p->told_to_stop = i == SERVER;
	p->ready = i == SERVER;
	p->started_ns = at_ms(i == SERVER ? 100 : 300);
	p->ready_ns = i == SERVER ? at_ms(200) : 0;
	p->ended_ns = at_ms(i == SERVER ? 900 : 800);
}

static inline void xlab_evidence(struct xlab *l)
{
	const struct evidence_sizes sizes = {
		.n_programs = 2,
		.n_nodes = 2,
		.n_captures = l->topology->capture.kind != CAPTURE_OFF ? 2 : 0,
		.n_faults = l->topology->n_faults,
	};
	struct evidence *ev;
	struct err e;

	assert_int_equal(evidence_new(&sizes, &l->evidence, &e), 0);
	ev = l->evidence;
	ev->stage = STAGE_DONE;
	ev->started_real_ns = BEGAN;
	ev->started_ns = at_ms(0);
	ev->recording_ns = at_ms(50);
	ev->ready_ns = at_ms(200);
	ev->sent_ns = at_ms(850);
	ev->nodes[0].counted = ev->nodes[1].counted = true;
	xlab_program(l, SERVER, "server");
	xlab_program(l, CLIENT, "client");
	for (size_t i = 0; i < ev->n_captures; i++) {
		struct capture_evidence *c = &ev->captures[i];

		c->node = i;
		c->complete = true;
		assert_true(snprintf(c->name, sizeof(c->name), "%s/eth0", i == 0 ? "a" : "b") > 0);
		assert_true(snprintf(c->file, sizeof(c->file), "%zu.pcapng", i) > 0);
	}
}

static inline void xlab_write(struct xlab *l, const char *name, const void *bytes, size_t len)
{
	cleanup_free char *path = text_format("%s/%s", l->dir, name);
	cleanup_free char *folder = text_format("%.*s", (int)(fs_basename(path) - path), path);
	struct err e;

	assert_int_equal(fs_mkdir_all(folder, &e), 0);
	if (fs_write(path, bytes, len, &e) != 0)
		fail_msg("%s", e.msg);
}

/* The output of a program, and a time for each line: 10 ms apart, the first at_ms after the run. */
static inline void xlab_output(struct xlab *l, size_t program, const char *text, uint64_t first_ms)
{
	const char *name = program == SERVER ? "server" : "client";
	cleanup_free char *log = text_format("logs/%s.log", name);
	cleanup_free char *times = text_format("logs/%s.times", name);
	struct text t = { 0 };
	uint64_t ns = BEGAN + first_ms * NS_PER_MS;

	for (const char *s = text; *s != '\0'; s += strcspn(s, "\n") + (strchr(s, '\n') != NULL)) {
		text_add(&t, "%llu.%09llu\n", (unsigned long long)(ns / NS_PER_SEC),
			 (unsigned long long)(ns % NS_PER_SEC));
		ns += 10 * NS_PER_MS;
	}
	xlab_write(l, log, text, strlen(text));
	xlab_write(l, times, text_str(&t), t.len);
	text_done(&t);
	l->evidence->programs[program].output = strlen(text);
	l->evidence->programs[program].output_kept = strlen(text);
}

/* An empty capture, or one with UDP datagrams of 100 bytes: n of them, 100 ms apart. */
static inline void xlab_capture(struct xlab *l, size_t i, size_t n)
{
	cleanup_free char *path = text_format("%s/%zu.pcapng", l->dir, i);
	struct pcapng_interface iface = { "x", .snaplen = 262144 };
	struct pcapng_writer *w;
	uint8_t frame[100] = { [12] = 8, [14] = 0x45, [17] = 86, [22] = 64, [23] = 17 };
	struct err e;

	frame[37] = 80; /* to port 80 */
	assert_int_equal(pcapng_writer_open(path, NULL, NULL, &w, &e), 0);
	assert_int_equal(pcapng_write_interface(w, &iface, &e), 0);
	for (size_t k = 0; k < n; k++) {
		const struct packet p = { .time_ns = BEGAN + (200 + k * 100) * NS_PER_MS,
					  .captured_len = sizeof(frame),
					  .original_len = sizeof(frame),
					  .data = frame,
					  .direction = k % 2 == 0 ? DIRECTION_OUT : DIRECTION_IN };

		assert_int_equal(pcapng_write_packet(w, &p, &e), 0);
	}
	assert_int_equal(pcapng_writer_close(w, &e), 0);
	l->evidence->captures[i].packets = n;
	l->evidence->captures[i].received = n;
}

/* With these blocks; nothing was written by anyone, and programs exited 0. */
static inline struct xlab *xlab_new(const char *blocks)
{
	struct xlab *l = calloc(1, sizeof(*l));
	struct problems p = { 0 };

	assert_non_null(l);
	strcpy(l->dir, "/tmp/expect.XXXXXX");
	assert_non_null(mkdtemp(l->dir));

	cleanup_free char *text = text_format(
		"hub H {}\n"
		"node a { interface eth0 { network = H address = \"10.0.0.1/24\" } }\n"
		"node b { interface eth0 { network = H address = \"10.0.0.2/24\" } }\n"
		"program server { node = a command = \"sh -c true\" listens = \"tcp/80\" }\n"
		"program client { node = b command = \"sh -c true\" }\n"
		"%s\n",
		blocks);

	if (plan_parse("x.conf", text, strlen(text), &l->plan, &p) != 0)
		fail_msg("%s", p.messages[0]);
	l->topology = l->plan->runs[0].topology;
	xlab_evidence(l);
	xlab_output(l, SERVER, "", 0);
	xlab_output(l, CLIENT, "", 0);
	for (size_t i = 0; i < l->evidence->n_captures; i++)
		xlab_capture(l, i, 0);
	return l;
}

static inline void xlab_free(struct xlab *l)
{
	cleanup_free char *command = text_format("rm -rf '%s'", l->dir);

	run_verdict_done(&l->verdict);
	evidence_free(l->evidence);
	plan_free(l->plan);
	assert_int_equal(system(command), 0);
	free(l);
}

static inline const struct run_verdict *xlab_judge(struct xlab *l)
{
	const struct judge_input in = { l->topology, l->evidence, l->dir };

	run_verdict_done(&l->verdict);
	judge_run(&in, &l->verdict);
	return &l->verdict;
}

/* The first expectation of the run, as it is judged now. */
static inline const struct expectation_verdict *xlab_expect(struct xlab *l)
{
	return &xlab_judge(l)->expectations[0];
}

#define assert_says(text, words)                                                                   \
	do {                                                                                       \
		const char *said__ = (text);                                                       \
		if (said__ == NULL || strstr(said__, words) == NULL)                               \
			fail_msg("\"%s\" does not say \"%s\"", said__ != NULL ? said__ : "NULL",   \
				 words);                                                           \
	} while (0)

/* It has this outcome, and, unless it passed, its reason says this. */
static inline void assert_expected(struct xlab *l, enum outcome o, const char *words)
{
	const struct expectation_verdict *x = xlab_expect(l);

	if (x->outcome != o)
		fail_msg("%s is %s and not %s: %s", x->name, outcome_name(x->outcome),
			 outcome_name(o), x->reason != NULL ? x->reason : "-");
	if (o != OUTCOME_PASS)
		assert_says(x->reason, words);
	else
		assert_null(x->reason);
}

#endif
