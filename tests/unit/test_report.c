/* Tests of src/report: what each format says of a session, whatever bytes its names are made of. */
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

static void digest_of(struct layer *l, const char *content)
{
	l->has_digest = true;
	sha256_of(content, strlen(content), &l->digest);
	l->size = strlen(content);
}

static void fill_file(struct file_verdict *f, const char *node, const char *file)
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

static void fill_programs(struct run_verdict *r)
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

static void fill_ledger(struct ledger *l)
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

static void fill_run(struct run_verdict *r, const char *mode, const char *file)
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

static void session_fill(struct session *s, size_t n_runs, const char *file)
{
	static const char *const modes[] = { "multi-process", "multi-thread", "event-loop" };

	*s = (struct session){ .n_runs = n_runs, .n_planned = n_runs, .duration_ns = 240000000 };
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
static void spoil(struct session *s, size_t run)
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

/* ---- reports into memory ---- */

typedef int renderer(FILE *out, const struct session *s, struct err *e);

static char *render(renderer *report, const struct session *s)
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

static int plain(FILE *out, const struct session *s, struct err *e)
{
	(void)e;
	report_terminal(out, s, false, false);
	return 0;
}

static int verbose(FILE *out, const struct session *s, struct err *e)
{
	(void)e;
	report_terminal(out, s, false, true);
	return 0;
}

static int colored(FILE *out, const struct session *s, struct err *e)
{
	(void)e;
	report_terminal(out, s, true, false);
	return 0;
}

/* Nothing but printable UTF-8 and line feeds: what a terminal can be trusted with. */
static void assert_harmless(const char *report)
{
	assert_true(text_is_utf8(report, strlen(report)));
	for (const char *p = report; *p != '\0'; p++)
		assert_true(*p == '\n' || *p == '\t' || (unsigned char)*p >= 0x20);
	assert_null(strchr(report, 0x7f));
	assert_null(strstr(report, "\xc2\x9b"));     /* CSI */
	assert_null(strstr(report, "\xe2\x80\xae")); /* right-to-left override */
}

static size_t count(const char *haystack, const char *needle)
{
	size_t n = 0;

	for (const char *p = haystack; (p = strstr(p, needle)) != NULL; p += strlen(needle))
		n++;
	return n;
}

static const char *last_line(char *report)
{
	size_t len = strlen(report);

	assert_true(len > 0 && report[len - 1] == '\n');
	report[len - 1] = '\0';

	const char *line = strrchr(report, '\n');

	return line != NULL ? line + 1 : report;
}

static void assert_contains(const char *report, const char *part)
{
	if (strstr(report, part) == NULL)
		fail_msg("'%s' is not in:\n%s", part, report);
}

/* ---- terminal ---- */

static void passing_session_is_a_table_between_two_lines(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 3, "1.png");

	cleanup_free char *report = render(plain, &s);

	assert_int_equal(strncmp(report, "3alpine: Pictures over UDP (", 28), 0);
	assert_int_equal(count(report, "✓ pass"), 3);
	assert_int_equal(count(report, "✓ 2/2 ok"), 6);
	assert_int_equal(count(report, "\n"), 2 + 1 + 3 + 1 + 1);
	assert_null(strchr(report, '\033'));
	assert_string_equal(last_line(report),
			    "3 runs: 3 passed  (0.24 s)  captures/3alpine/20261121-074554");
}

static void failing_run_says_why_where_and_how_to_repeat(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 3, "1.png");
	spoil(&s, 1);

	cleanup_free char *report = render(plain, &s);

	assert_contains(report, "✗ FAIL  multi-thread\n");
	assert_contains(report, "✗ 1/2 FAIL");
	assert_contains(report, "the file is wrong at byte 3");
	assert_contains(report, "differs from byte 3 on; missing bytes 0-1, 5-6; repeated bytes 3");
	assert_contains(report, "lost chunks 7-9");
	assert_contains(report, "killed by SIGSEGV after 31.0 ms: it should have exited 0");
	assert_contains(report, "| last words\n");
	assert_contains(report, "captures/3alpine/20261121-074554/mode=multi-thread/merged.pcapng");
	assert_contains(report, "./harness run --set mode=multi-thread topologies/3alpine.conf");
	assert_harmless(report);
	assert_string_equal(last_line(report), "3 runs: 2 passed, 1 failed  (0.24 s)  "
					       "captures/3alpine/20261121-074554");
}

static void verbose_shows_digests_and_ledger_of_what_passed(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;
	char hex[2 * SHA256_LEN + 1];

	session_fill(&s, 1, "1.png");
	run_verdict_note(&s.runs[0], text_dup("a note"));

	cleanup_free char *brief = render(plain, &s);
	cleanup_free char *full = render(verbose, &s);

	assert_null(strstr(brief, "a note"));
	assert_contains(full, "a note");
	assert_contains(full, sha256_hex(hex, &s.runs[0].files[0].digest));
	assert_contains(full, "alpine-1 to alpine-2: 9 sent, 9 arrived, 0 lost");
	assert_contains(full, "alpine-2: 9 arrived = 9 read");
}

static void notes_of_raw_runs_are_always_shown(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 1, "1.png");
	free(s.runs[0].format);
	s.runs[0].format = text_dup("raw");
	run_verdict_note(&s.runs[0], text_dup("1.png and 2.png interleaved"));

	cleanup_free char *report = render(plain, &s);

	assert_contains(report, "1.png and 2.png interleaved");
}

static void color_comes_with_symbol_and_word(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 2, "1.png");
	spoil(&s, 0);

	cleanup_free char *report = render(colored, &s);

	assert_contains(report, "\033[31m✗ FAIL\033[0m");
	assert_contains(report, "\033[32m✓ pass\033[0m");
	/* Nothing but SGR sequences, and each is ended. */
	assert_int_equal(count(report, "\033["), 2 * count(report, RENDER_PLAIN));
	assert_int_equal(count(report, "\033"), count(report, "\033["));
}

static void interrupted_session_says_what_was_not_run(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 0, "");
	s.n_planned = 6;
	s.interrupted = true;
	s.outcome = OUTCOME_INCONCLUSIVE;

	cleanup_free char *report = render(plain, &s);

	assert_string_equal(last_line(report), "6 runs: 6 not run, interrupted  (0.24 s)  "
					       "captures/3alpine/20261121-074554");
}

static void other_variables_bring_the_label_into_the_table(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 1, "1.png");
	free(s.runs[0].variables[0].name);
	free(s.runs[0].variables[0].value);
	s.runs[0].variables[0].name = text_dup("mtu");
	s.runs[0].variables[0].value = text_dup("9000");
	free(s.runs[0].label);
	s.runs[0].label = text_dup("mtu=9000");

	cleanup_free char *report = render(plain, &s);

	assert_contains(report, "\n  run ");
	assert_contains(report, "\n  mtu=9000 ");
}

/* ---- repeated runs ---- */

/* Two combinations of four seeds each: mode 0 fails with the second and the fourth. */
static void repeat_fill(struct session *s)
{
	session_fill(s, 0, "");
	free(s->runs);
	s->repeat = 4;
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

static void repeated_runs_are_a_row_per_combination(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	repeat_fill(&s);

	cleanup_free char *report = render(plain, &s);

	assert_contains(report, "8 runs, seed 5 to 8)");
	/* binom.test(2, 4) and (0, 4). Times of runs 1 and 3 of the first, of all of the second. */
	assert_contains(report, "  mode=multi-thread     4       2       2             0  "
				"6.76% to 93.2%  2.00 ms  1.50 ms to 2.50 ms");
	assert_contains(report, "  mode=sequential       4       4       0             0  "
				"0% to 60.2%     2.50 ms  1.75 ms to 3.25 ms");
	assert_contains(report, "✗ FAIL  mode=multi-thread,seed=6\n");
	assert_contains(report, "differs from byte 3");
	assert_contains(report, "repeat    ./harness run x.conf --seed 6\n");
	assert_contains(report, "so did seeds 8\n");
	assert_null(strstr(report, "FAIL  mode=multi-thread,seed=8"));
	assert_contains(report, "8 runs: 6 passed, 2 failed");
}

static void repeated_runs_are_one_check_each(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	repeat_fill(&s);

	cleanup_free char *junit = render(report_junit, &s);
	cleanup_free char *tap = render(report_tap, &s);

	assert_int_equal(count(junit, "<testsuite "), 2);
	assert_int_equal(count(junit, "<testcase "), 8);
	assert_int_equal(count(junit, "<failure "), 2);
	assert_contains(junit, "<testsuite name=\"3alpine.mode=multi-thread\" tests=\"4\" "
			       "failures=\"2\"");
	assert_contains(junit, "name=\"mode=sequential,seed=8.run.verdict\"");
	assert_contains(tap, "\n1..8\n");
	assert_contains(tap, "\nnot ok 4 - mode=multi-thread,seed=8.run.verdict\n");
}

static void many_failures_do_not_bury_the_end(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 1, "1.png");
	spoil(&s, 0);
	for (size_t i = 0; i < 300; i++)
		run_verdict_reason(&s.runs[0], text_format("reason %zu", i));

	cleanup_free char *report = render(plain, &s);

	assert_contains(report, "more in report.json");
	assert_true(count(report, "\n") < 50);
}

/* ---- tables and widths ---- */

static char *table_text(const struct table *t, size_t max_width)
{
	char *bytes = NULL;
	size_t len;
	FILE *out = open_memstream(&bytes, &len);

	assert_non_null(out);
	table_print(t, out, "", max_width, false);
	fclose(out);
	return bytes;
}

static void table_aligns_what_is_wide(void **state)
{
	static const struct table_column columns[] = { { "name", false, 0 }, { "n", true, 0 } };
	cleanup_by(table_done) struct table t = { .columns = columns, .n_columns = 2 };

	(void)state;
	table_add(&t, NULL, "中文");
	table_add(&t, NULL, "1");
	table_add(&t, NULL, "é");
	table_add(&t, NULL, "22");

	cleanup_free char *text = table_text(&t, 0);

	assert_string_equal(text, "name   n\n中文   1\né     22\n");
}

static void table_leaves_out_columns_when_narrow(void **state)
{
	static const struct table_column columns[] = {
		{ "name", false, 0 },
		{ "first to go", true, 2 },
		{ "second to go", true, 1 },
	};
	cleanup_by(table_done) struct table t = { .columns = columns, .n_columns = 3 };

	(void)state;
	for (size_t i = 0; i < 3; i++)
		table_add(&t, NULL, "%zu", i);

	cleanup_free char *wide = table_text(&t, 80);
	cleanup_free char *closer = table_text(&t, 29);
	cleanup_free char *narrow = table_text(&t, 20);
	cleanup_free char *hopeless = table_text(&t, 2);

	assert_contains(wide, "name  first to go  second to go\n");
	assert_contains(closer, "name first to go second to go\n");
	assert_contains(narrow,
			"name second to go\n0               2\ntoo narrow to show: first to go\n");
	assert_contains(hopeless, "name\n0\ntoo narrow to show: first to go, second to go\n");
}

static void printable_keeps_only_what_shows_as_it_is(void **state)
{
	struct text t = { 0 };

	(void)state;
	render_printable(&t, HOSTILE, RENDER_ONE_LINE);
	assert_string_equal(text_str(&t), "-x\\x1b[2J<&\">\\n# SKIP \\ \\xff\\xc3 "
					  "\\u202egnp.\\uffff\\x01\\x7f\\u009b");
	text_done(&t);
	render_printable(&t, "übung 图.png\tx\n", RENDER_LINES);
	assert_string_equal(text_str(&t), "übung 图.png\tx\n");
	assert_int_equal(render_width("übung 图.png"), 12);
	assert_int_equal(render_width("\033[31m✗ FAIL\033[0m"), 6);
	text_done(&t);
}

/* ---- JSON ---- */

static json_t *json_of(const struct session *s)
{
	cleanup_free char *report = render(report_json, s);
	json_t *document = json_loads(report, JSON_REJECT_DUPLICATES, NULL);

	assert_non_null(document);
	return document;
}

static const json_t *first_of(const json_t *object, const char *list)
{
	const json_t *array = json_object_get(object, list);

	assert_true(json_array_size(array) > 0);
	return json_array_get(array, 0);
}

static void assert_json_int(const json_t *object, const char *key, json_int_t expected)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	assert_true(json_integer_value(value) == expected);
}

static void json_holds_every_layer(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, "1.png");
	spoil(&s, 0);

	json_t *document = json_of(&s);
	const json_t *run = first_of(document, "runs");
	const json_t *receiver = json_object_get(first_of(run, "files"), "receiver");

	assert_string_equal(json_string_value(json_object_get(document, "schema")),
			    "harness-report/2");
	assert_int_equal(json_array_size(json_object_get(document, "runs")), 2);
	assert_json_int(document, "exit_status", 1);
	assert_json_int(document, "started_unix_ns", 1795247154000000000);
	assert_string_equal(json_string_value(json_object_get(run, "seed")),
			    "18446744073709551615");
	assert_string_equal(json_string_value(json_object_get(receiver, "outcome")), "fail");
	assert_json_int(receiver, "first_difference_byte", 3);
	assert_int_equal(json_array_size(json_object_get(receiver, "missing_byte_ranges")), 2);
	assert_json_int(first_of(receiver, "repeated_byte_ranges"), "last", 3);
	assert_json_int(first_of(json_object_get(run, "ledger"), "networks"), "sent", 9);
	assert_json_int(first_of(json_object_get(run, "ledger"), "nodes"), "delivered", 9);
	assert_json_int(json_object_get(run, "totals"), "goodput_bits_per_second", 56000);
	json_decref(document);
}

static void json_sums_repeated_runs_up(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	repeat_fill(&s);

	json_t *document = json_of(&s);
	const json_t *series = first_of(document, "series");
	const json_t *interval = json_object_get(series, "failure_probability");
	const json_t *runs = json_object_get(document, "runs");

	assert_json_int(document, "repeat", 4);
	assert_int_equal(json_array_size(json_object_get(document, "series")), 2);
	assert_json_int(series, "failed", 2);
	assert_json_int(json_object_get(series, "time_ns"), "median", 2000000);
	assert_true(json_real_value(json_object_get(interval, "low")) > 0.0675);
	assert_true(json_real_value(json_object_get(interval, "high")) < 0.9325);
	assert_string_equal(json_string_value(json_object_get(series, "first_not_passed")),
			    "mode=multi-thread,seed=6");
	/* What was let go is still summed up. */
	assert_true(json_is_true(json_object_get(json_array_get(runs, 3), "brief")));
	assert_json_int(json_object_get(json_array_get(runs, 3), "totals"), "files_expected", 2);
	assert_int_equal(json_array_size(json_object_get(json_array_get(runs, 3), "reasons")), 1);
	assert_true(json_is_false(json_object_get(json_array_get(runs, 1), "brief")));
	json_decref(document);
}

static void json_survives_any_name(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, HOSTILE);

	json_t *document = json_of(&s);
	const json_t *file = first_of(first_of(document, "runs"), "files");

	/* As it is, but for the bytes that are not UTF-8. */
	assert_string_equal(json_string_value(json_object_get(file, "file")),
			    "-x\033[2J<&\">\n# SKIP \\ \\xff\\xc3 "
			    "\xe2\x80\xaegnp.\xef\xbf\xbf\x01\x7f\xc2\x9b");
	json_decref(document);
}

/* ---- with the help of Python, where there is one ---- */

static void skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	if (getenv("MUST_RUN") != NULL)
		fail_msg("skips are forbidden here: %s", why);
	skip();
}

static int run_script(const char *interpreter, const char *script, const char *path)
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
static int python(const char *script, const char *document)
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

static int validate(const char *document)
{
	return python(
		"import json, sys\n"
		"try:\n"
		"    from jsonschema import Draft202012Validator as Validator\n"
		"except ImportError:\n"
		"    sys.exit(77)\n"
		"schema, document = (json.load(open(p, encoding='utf-8')) for p in sys.argv[1:])\n"
		"Validator.check_schema(schema)\n"
		"errors = list(Validator(schema).iter_errors(document))\n"
		"for error in errors[:5]:\n"
		"    print(error.json_path, error.message)\n"
		"sys.exit(1 if errors else 0)\n",
		document);
}

static void assert_valid(const struct session *s)
{
	cleanup_free char *report = render(report_json, s);

	assert_int_equal(validate(report), 0);
}

static void json_keeps_to_its_schema(void **state)
{
	cleanup_by(session_done) struct session passing, failing, empty, repeated;

	(void)state;
	session_fill(&passing, 3, "1.png");
	session_fill(&failing, 2, HOSTILE);
	spoil(&failing, 0);
	session_fill(&empty, 0, "");
	repeat_fill(&repeated);

	cleanup_free char *report = render(report_json, &passing);
	int status = validate(report);

	if (status == 77)
		skip_because("python3 with jsonschema is not installed");
	assert_int_equal(status, 0);
	assert_valid(&failing);
	assert_valid(&empty);
	assert_valid(&repeated);
}

static void schema_is_strict(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");

	json_t *document = json_of(&s);
	json_t *run = json_array_get(json_object_get(document, "runs"), 0);

	assert_int_equal(json_object_del(run, "notes"), 0);

	cleanup_free char *less = json_dumps(document, 0);

	json_object_set_new(run, "notes", json_array());
	json_object_set_new(run, "surprise", json_true());

	cleanup_free char *more = json_dumps(document, 0);
	int status = validate(less);

	json_decref(document);
	if (status == 77)
		skip_because("python3 with jsonschema is not installed");
	assert_int_equal(status, 1);
	assert_int_equal(validate(more), 1);
}

/* ---- JUnit ---- */

static void junit_counts_what_it_holds(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, "1.png");
	spoil(&s, 0);
	s.runs[1].outcome = s.runs[1].captures[0].outcome = OUTCOME_INCONCLUSIVE;
	s.n_planned = 3;

	cleanup_free char *report = render(report_junit, &s);

	/* Per run 2 files x 4 layers, 2 programs, 1 capture, ledger, verdict; and the session. */
	assert_int_equal(count(report, "<testcase "), 2 * 13 + 1);
	assert_contains(report,
			"<testsuites name=\"3alpine\" tests=\"27\" failures=\"3\" errors=\"3\" "
			"skipped=\"4\" time=\"0.240000\">");
	assert_int_equal(count(report, "<failure "), 3);
	assert_int_equal(count(report, "<error "), 3);
	assert_int_equal(count(report, "<skipped "), 4);
	assert_contains(report, "name=\"multi-process.alpine-2.1.png.receiver\"");
	assert_contains(report, "<property name=\"seed\" value=\"18446744073709551615\"/>");
	assert_int_equal(count(report, "<testsuite "), 3);
}

static void junit_is_xml_whatever_the_names(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, HOSTILE);
	spoil(&s, 0);

	cleanup_free char *report = render(report_junit, &s);

	assert_harmless(report);
	assert_null(strstr(report, "]]>"));

	int status = python("import sys, xml.etree.ElementTree as tree\n"
			    "cases = list(tree.parse(sys.argv[2]).getroot().iter('testcase'))\n"
			    "names = {case.get('name') for case in cases}\n"
			    "sys.exit(0 if len(names) == len(cases) == 26 else 1)\n",
			    report);

	if (status == 77)
		skip_because("python3 is not installed");
	assert_int_equal(status, 0);
}

static void names_stay_unique(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");

	struct run_verdict *r = &s.runs[0];

	/* The same file to the same node by another transfer, with another receiver. */
	free(r->files[1].node);
	r->files[1].node = text_dup("alpine-2");
	free(r->files[1].transfer);
	r->files[1].transfer = text_dup("again");
	free(r->programs[0].name);
	free(r->programs[0].node);
	r->programs[0].name = text_dup(r->programs[1].name);
	r->programs[0].node = text_dup(r->programs[1].node);

	cleanup_free char *report = render(report_junit, &s);

	assert_contains(report, "multi-process.alpine-2.pictures/1.png.receiver");
	assert_contains(report, "multi-process.alpine-2.again/1.png.receiver");
	assert_contains(report, "multi-process.alpine-2.udp-recv.exit");
	assert_contains(report, "multi-process.alpine-2.udp-recv#2.exit");
}

/* ---- TAP ---- */

static void tap_numbers_every_check(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, HOSTILE);
	spoil(&s, 0);

	cleanup_free char *report = render(report_tap, &s);

	assert_harmless(report);
	assert_int_equal(strncmp(report, "TAP version 13\n1..26\n", 21), 0);
	assert_int_equal(count(report, "\nok "), 23);
	assert_int_equal(count(report, "\nnot ok "), 3);
	assert_int_equal(count(report, "\n  ---\n"), 3);
	assert_int_equal(count(report, "\n  ...\n"), 3);
	/* Only the pictures are skipped, whatever a file name says. */
	assert_int_equal(count(report, " # SKIP "), 4);
	assert_contains(report, "\\# SKIP");
	assert_contains(report, "\nok 26 - multi-thread.run.verdict");
	assert_contains(report, "    - \"evidence: captures/3alpine/20261121-074554/mode=");
}

/* ---- progress ---- */

static void progress_in_a_log_is_one_line_per_run(void **state)
{
	cleanup_by(session_done) struct session s;
	cleanup_free char *bytes = NULL;
	size_t len;
	struct progress p;

	(void)state;
	session_fill(&s, 2, "1.png");
	spoil(&s, 1);
	progress_init(&p, false, false, 2);
	p.redraw = false;
	p.out = open_memstream(&bytes, &len);
	for (size_t i = 0; i < 2; i++) {
		progress_stage(&p, i + 1, s.runs[i].label, "lab");
		progress_stage(&p, i + 1, s.runs[i].label, "transfer");
		progress_run_done(&p, &s.runs[i]);
	}
	progress_done(&p);
	fclose(p.out);
	assert_string_equal(bytes, "[1/2] mode=multi-process: ✓ pass (40.0 ms)\n"
				   "[2/2] mode=multi-thread: ✗ FAIL (40.0 ms): "
				   "alpine-2: the file is wrong at byte 3\n");
}

static void progress_on_a_terminal_is_redrawn_and_leaves_nothing(void **state)
{
	cleanup_by(session_done) struct session s;
	cleanup_free char *bytes = NULL;
	size_t len;
	struct progress p;

	(void)state;
	session_fill(&s, 1, "1.png");
	progress_init(&p, false, false, 1);
	p.redraw = true;
	p.out = open_memstream(&bytes, &len);
	progress_stage(&p, 1, s.runs[0].label, "lab");
	progress_stage(&p, 1, s.runs[0].label, "lab");
	progress_stage(&p, 1, s.runs[0].label, "transfer");
	progress_run_done(&p, &s.runs[0]);
	progress_done(&p);
	fclose(p.out);
	assert_string_equal(bytes, "[1/1] mode=multi-process: lab\r\033[K"
				   "[1/1] mode=multi-process: transfer\r\033[K");
}

static void progress_can_be_quiet(void **state)
{
	cleanup_by(session_done) struct session s;
	cleanup_free char *bytes = NULL;
	size_t len;
	struct progress p;

	(void)state;
	session_fill(&s, 1, "1.png");
	progress_init(&p, false, true, 1);
	assert_false(p.redraw);
	p.out = open_memstream(&bytes, &len);
	progress_stage(&p, 1, s.runs[0].label, "lab");
	progress_run_done(&p, &s.runs[0]);
	progress_done(&p);
	fclose(p.out);
	assert_string_equal(bytes, "");
}

/* ---- a full disk ---- */

static void reports_that_cannot_be_written_say_so(void **state)
{
	static renderer *const renderers[] = { report_json, report_junit, report_tap };
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 1, "1.png");
	for (size_t i = 0; i < 3; i++) {
		struct err e = { 0 };
		cleanup_fclose FILE *full = fopen("/dev/full", "w");

		assert_non_null(full);
		assert_int_equal(renderers[i](full, &s, &e), -1);
		assert_contains(e.msg, "No space left on device");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passing_session_is_a_table_between_two_lines),
		cmocka_unit_test(failing_run_says_why_where_and_how_to_repeat),
		cmocka_unit_test(verbose_shows_digests_and_ledger_of_what_passed),
		cmocka_unit_test(notes_of_raw_runs_are_always_shown),
		cmocka_unit_test(color_comes_with_symbol_and_word),
		cmocka_unit_test(interrupted_session_says_what_was_not_run),
		cmocka_unit_test(other_variables_bring_the_label_into_the_table),
		cmocka_unit_test(repeated_runs_are_a_row_per_combination),
		cmocka_unit_test(repeated_runs_are_one_check_each),
		cmocka_unit_test(json_sums_repeated_runs_up),
		cmocka_unit_test(many_failures_do_not_bury_the_end),
		cmocka_unit_test(table_aligns_what_is_wide),
		cmocka_unit_test(table_leaves_out_columns_when_narrow),
		cmocka_unit_test(printable_keeps_only_what_shows_as_it_is),
		cmocka_unit_test(json_holds_every_layer),
		cmocka_unit_test(json_survives_any_name),
		cmocka_unit_test(json_keeps_to_its_schema),
		cmocka_unit_test(schema_is_strict),
		cmocka_unit_test(junit_counts_what_it_holds),
		cmocka_unit_test(junit_is_xml_whatever_the_names),
		cmocka_unit_test(names_stay_unique),
		cmocka_unit_test(tap_numbers_every_check),
		cmocka_unit_test(progress_in_a_log_is_one_line_per_run),
		cmocka_unit_test(progress_on_a_terminal_is_redrawn_and_leaves_nothing),
		cmocka_unit_test(progress_can_be_quiet),
		cmocka_unit_test(reports_that_cannot_be_written_say_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
