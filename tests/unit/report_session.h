/*
 * report_session: a session to report, for the tests of src/report: runs that passed, one that is
 * spoilt, names of hostile bytes, and renderers that write into memory.
 */
#ifndef TESTS_REPORT_SESSION_H
#define TESTS_REPORT_SESSION_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "report/render.h"
#include "report/report.h"
#include "report/table.h"

#define SCHEMA "src/report/report.schema.json"

/* Moves the cursor, closes XML, ends a line, begins a TAP directive, is not UTF-8, reorders text. */
#define HOSTILE "-x\033[2J<&\">\n# SKIP \\ \xff\xc3 \xe2\x80\xaegnp.\xef\xbf\xbf\x01\x7f\xc2\x9b"

/* ---- a session to report ---- */

static inline void digest_of(struct layer *l, const char *content)
{
	l->has_digest = true;
	sha256_of(content, strlen(content), &l->digest);
	l->size = strlen(content);
}

static inline void fill_file(struct file_verdict *f, const char *node, const char *file)
{
	f->transfer = text_dup("pictures");
	f->node = text_dup(node);
	f->file = text_dup(file);
	f->source = text_format("topologies/files/%s", file);
	f->size = strlen("content");
	sha256_of("content", strlen("content"), &f->digest);
	digest_of(&f->receiver, "content");
	digest_of(&f->capture, "content");
	digest_of(&f->sender, "content");
	f->picture.outcome = OUTCOME_SKIP;
	f->picture.reason = text_dup("not a PNG file");
	f->datagrams = (struct datagram_account){ .ideal = 1, .sent = 1, .arrived = 1 };
	f->time_ns = 1234567;
}

static inline void fill_programs(struct run_verdict *r)
{
	static const char *const names[] = { "alpine-1/udp-send", "alpine-2/udp-recv" };

	r->programs = array_new(2, sizeof(*r->programs));
	r->n_programs = 2;
	for (size_t i = 0; i < 2; i++) {
		struct program_verdict *p = &r->programs[i];

		p->name = text_dup(names[i]);
		p->node = text_format("%.8s", names[i]);
		p->ended = text_dup("exited 0");
		p->log = text_format("logs/%zu.log", i);
		p->time_ns = 31000000;
	}
}

static inline void fill_ledger(struct ledger *l)
{
	l->networks = array_new(1, sizeof(*l->networks));
	l->n_networks = 1;
	l->networks[0] = (struct network_account){
		.from = text_dup("alpine-1"), .to = text_dup("alpine-2"), .sent = 9, .arrived = 9
	};
	l->nodes = array_new(1, sizeof(*l->nodes));
	l->n_nodes = 1;
	l->nodes[0] =
		(struct node_account){ .node = text_dup("alpine-2"), .arrived = 9, .delivered = 9 };
}

/* A third of the frames to alpine-2 is lost; a fault pulled the cable, another one came too late. */
static inline void impair(struct run_verdict *r)
{
	struct ledger *l = &r->ledger;

	l->links = array_new(2, sizeof(*l->links));
	l->n_links = 2;
	for (size_t i = 0; i < 2; i++) {
		l->links[i] = (struct link_account){ .link = text_dup("alpine-1/eth0"),
						     .direction = (enum direction)i,
						     .engine = text_dup("user (packet rings, "
									"SCHED_FIFO)"),
						     .captured = i == 0,
						     .before = 1204,
						     .seen = 1204,
						     .after = 855 };
		for (size_t c = 0; c < N_CAUSES; c++)
			l->links[i].rules[c] = text_dup("some rule");
	}
	l->links[0].lost[CAUSE_LOSS] = 360;
	l->links[0].lost[CAUSE_QUEUE] = 1;
	free(l->links[0].rules[CAUSE_LOSS]);
	l->links[0].rules[CAUSE_LOSS] = text_dup("loss 30%");
	free(l->links[0].rules[CAUSE_QUEUE]);
	l->links[0].rules[CAUSE_QUEUE] = text_dup("queue full");
	l->links[0].duplicated = 12;
	l->links[0].corrupted = 3;
	r->links_table = text_dup("links.tsv");
	r->faults = array_new(2, sizeof(*r->faults));
	r->n_faults = 2;
	for (size_t i = 0; i < 2; i++)
		r->faults[i] = (struct fault_verdict){ .name = text_format("cut-%zu", i),
						       .action = text_dup("down alpine-1/eth0"),
						       .due = text_dup("at 1.00 s"),
						       .fired = i == 0,
						       .undone = i == 0,
						       .fired_ns = 1000000000,
						       .undone_ns = 1500000000 };
	r->faults[1].outcome = OUTCOME_INCONCLUSIVE;
	r->faults[1].reason = text_dup("fault cut-1 never fired");
}

static inline void fill_run(struct run_verdict *r, const char *mode, const char *file)
{
	r->label = text_format("mode=%s", mode);
	r->variables = array_new(1, sizeof(*r->variables));
	r->n_variables = 1;
	r->variables[0].name = text_dup("mode");
	r->variables[0].value = text_dup(mode);
	r->mode = text_dup(mode);
	r->format = text_dup("reliable");
	r->folder = text_dup(r->label);
	r->merged = text_dup("merged.pcapng");
	r->command = text_format("./harness run --set mode=%s topologies/3alpine.conf", mode);
	r->seed = UINT64_MAX;
	r->files = array_new(2, sizeof(*r->files));
	r->n_files = 2;
	fill_file(&r->files[0], "alpine-2", file);
	fill_file(&r->files[1], "alpine-3", file);
	fill_programs(r);
	r->captures = array_new(1, sizeof(*r->captures));
	r->n_captures = 1;
	r->captures[0] = (struct capture_verdict){ .name = text_dup("alpine-2/eth0"),
						   .file = text_dup("alpine-2-eth0.pcapng"),
						   .packets = 20,
						   .bytes = 2000 };
	fill_ledger(&r->ledger);
	r->files_whole = 2;
	r->bytes = 14;
	r->time_ns = 2000000;
	r->datagrams = 2;
	r->total_ns = 40000000;
}

static inline void session_fill(struct session *s, size_t n_runs, const char *file)
{
	static const char *const modes[] = { "multi-process", "multi-thread", "event-loop" };

	*s = (struct session){
		.n_runs = n_runs, .n_planned = n_runs, .jobs = 1, .duration_ns = 240000000
	};
	s->topology = text_dup("3alpine");
	s->path = text_dup("topologies/3alpine.conf");
	s->title = text_dup("Pictures over UDP");
	s->command = text_dup("./harness run topologies/3alpine.conf");
	s->version = text_dup("0.1.0");
	s->kernel = text_dup("Linux 6.18.0 x86_64");
	s->folder = text_dup("captures/3alpine/20261121-074554");
	s->started = text_dup("2026-11-21T07:45:54+00:00");
	s->started_real_ns = 1795247154000000000;
	s->runs = array_new(n_runs, sizeof(*s->runs));
	for (size_t i = 0; i < n_runs; i++)
		fill_run(&s->runs[i], modes[i], file);
}

/* The receiver of the run flips a byte, loses two ranges and crashes. */
static inline void spoil(struct session *s, size_t run)
{
	struct run_verdict *r = &s->runs[run];
	struct file_verdict *f = &r->files[0];

	s->outcome = r->outcome = OUTCOME_FAIL;
	s->exit_status = 1;
	r->files_whole = 1;
	run_verdict_reason(r, text_dup("alpine-2: the file is wrong at byte 3"));
	run_verdict_reason(r, text_dup("second reason\033[2J"));
	f->outcome = f->receiver.outcome = OUTCOME_FAIL;
	f->reason = text_dup("the receiver wrote it wrong");
	f->receiver.reason = text_dup("not the source");
	f->receiver.differs = true;
	f->receiver.first_difference = 3;
	ranges_add(&f->receiver.missing, 0, 1);
	ranges_add(&f->receiver.missing, 5, 6);
	ranges_add(&f->receiver.repeated, 3, 3);
	ranges_add(&f->datagrams.lost_chunks, 7, 9);
	r->programs[1].outcome = OUTCOME_FAIL;
	free(r->programs[1].ended);
	r->programs[1].ended = text_dup("killed by SIGSEGV");
	r->programs[1].reason = text_dup("it should have exited 0");
	r->programs[1].output = text_dup("last words\n]]>\033]0;owned\a\nbye");
}

/* One expectation failed, one was skipped and one passed; a metric was read and another was not. */
static inline void expect_things(struct session *s, size_t run)
{
	struct run_verdict *r = &s->runs[run];

	s->outcome = r->outcome = OUTCOME_FAIL;
	run_verdict_reason(r, text_dup("expect page-1: GET / is missing"));
	r->n_expectations = 3;
	r->expectations = array_new(3, sizeof(*r->expectations));
	for (size_t i = 0; i < 3; i++) {
		struct expectation_verdict *x = &r->expectations[i];

		x->name = text_format("page-%zu", i);
		x->subject = text_dup("program web");
		x->node = i == 2 ? NULL : text_dup("alpine-1");
		x->n_conditions = 1;
		x->conditions = array_new(1, sizeof(*x->conditions));
		x->conditions[0].expected = text_dup("'GET /' on 3 lines");
		x->conditions[0].found = text_dup("on 2 lines of 7");
	}
	r->expectations[1].outcome = r->expectations[1].conditions[0].outcome = OUTCOME_FAIL;
	r->expectations[1].reason = text_dup("GET / is missing");
	r->expectations[1].conditions[0].nearest = text_dup("GET /" HOSTILE "\nlast line");
	r->expectations[1].conditions[0].look = text_dup("logs/web.log:5");
	r->expectations[2].outcome = r->expectations[2].conditions[0].outcome = OUTCOME_SKIP;
	r->expectations[2].reason = text_dup("left out");
	r->n_metrics = 2;
	r->metrics = array_new(2, sizeof(*r->metrics));
	r->metrics[0] = (struct metric_value){ .name = text_dup("rate"),
					       .unit = text_dup("req/s"),
					       .node = text_dup("alpine-1"),
					       .found = true,
					       .value = 94.25,
					       .samples = 3 };
	r->metrics[1] = (struct metric_value){ .name = text_dup("delay"),
					       .node = text_dup("alpine-1"),
					       .outcome = OUTCOME_FAIL,
					       .reason = text_dup("on no line"),
					       .look = text_dup("logs/web.log") };
}

/* ---- reports into memory ---- */

typedef int renderer(FILE *out, const struct session *s, struct err *e);

static inline char *render(renderer *report, const struct session *s)
{
	char *bytes = NULL;
	size_t len;
	struct err e = { 0 };
	FILE *out = open_memstream(&bytes, &len);

	assert_non_null(out);
	assert_int_equal(report(out, s, &e), 0);
	fclose(out);
	return bytes;
}

static inline int plain(FILE *out, const struct session *s, struct err *e)
{
	(void)e;
	report_terminal(out, s, false, false);
	return 0;
}

static inline int verbose(FILE *out, const struct session *s, struct err *e)
{
	(void)e;
	report_terminal(out, s, false, true);
	return 0;
}

static inline int colored(FILE *out, const struct session *s, struct err *e)
{
	(void)e;
	report_terminal(out, s, true, false);
	return 0;
}

/* Nothing but printable UTF-8 and line feeds: what a terminal can be trusted with. */
static inline void assert_harmless(const char *report)
{
	assert_true(text_is_utf8(report, strlen(report)));
	for (const char *p = report; *p != '\0'; p++)
		assert_true(*p == '\n' || *p == '\t' || (unsigned char)*p >= 0x20);
	assert_null(strchr(report, 0x7f));
	assert_null(strstr(report, "\xc2\x9b"));     /* CSI */
	assert_null(strstr(report, "\xe2\x80\xae")); /* right-to-left override */
}

static inline size_t count(const char *haystack, const char *needle)
{
	size_t n = 0;

	for (const char *p = haystack; (p = strstr(p, needle)) != NULL; p += strlen(needle))
		n++;
	return n;
}

static inline void assert_contains(const char *report, const char *part)
{
	if (strstr(report, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, report);
}

/* ---- with the help of Python, where there is one ---- */

static inline void skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	if (getenv("MUST_RUN") != NULL)
		fail_msg("skips are forbidden here: %s", why);
	skip();
}

static inline int run_script(const char *interpreter, const char *script, const char *path)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execlp(interpreter, "python3", "-c", script, SCHEMA, path, (char *)NULL);
		_exit(77);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/*
 * The exit status of a script whose arguments are the schema and this document on disk; 77 when
 * neither the user's nor the distribution's Python can run it.
 */
static inline int python(const char *script, const char *document)
{
	char path[] = "/tmp/test_report.XXXXXX";
	int fd = mkstemp(path);
	struct err e;

	assert_true(fd >= 0);
	assert_int_equal(fs_write_fd(fd, document, strlen(document), &e), 0);
	close(fd);

	int status = run_script("python3", script, path);

	if (status == 77)
		status = run_script("/usr/bin/python3", script, path);
	unlink(path);
	return status;
}

/* ---- repeated runs ---- */

/* Two combinations of four seeds each: mode 0 fails with the second and the fourth. */
static inline void repeat_fill(struct session *s)
{
	session_fill(s, 0, "");
	free(s->runs);
	s->repeat = 4;
	s->jobs = 1;
	s->n_planned = s->n_runs = 8;
	s->runs = array_new(8, sizeof(*s->runs));
	for (size_t i = 0; i < 8; i++) {
		struct run_verdict *r = &s->runs[i];

		fill_run(r, i < 4 ? "multi-thread" : "sequential", "1.png");
		r->combination = r->label;
		r->seed = 5 + i % 4;
		r->label = text_format("%s,seed=%zu", r->combination, (size_t)r->seed);
		free(r->command);
		r->command = text_format("./harness run x.conf --seed %zu", (size_t)r->seed);
		r->time_ns = (1 + i % 4) * 1000000;
	}
	spoil(s, 1);
	spoil(s, 3);
	for (size_t i = 0; i < 8; i++)
		if (i != 1)
			run_verdict_shorten(&s->runs[i]);
}

/* ---- JSON ---- */

static inline json_t *json_of(const struct session *s)
{
	cleanup_free char *report = render(report_json, s);
	json_t *document = json_loads(report, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(document);
	return document;
}

static inline const json_t *first_of(const json_t *object, const char *list)
{
	const json_t *array = json_object_get(object, list);

	assert_true(json_array_size(array) > 0);
	return json_array_get(array, 0);
}

static inline void assert_json_int(const json_t *object, const char *key, json_int_t expected)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	assert_true(json_integer_value(value) == expected);
}

#endif
