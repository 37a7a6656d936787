/* Tests of src/report: what people see, on terminals wide and narrow, and while runs go on. */
#include "unit/report_session.h"

/* ---- terminal ---- */

static const char *last_line(char *report)
{
	size_t len = strlen(report);

	assert_true(len > 0 && report[len - 1] == '\n');
	report[len - 1] = '\0';

	const char *line = strrchr(report, '\n');

	return line != NULL ? line + 1 : report;
}

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

static void expectations_that_failed_are_told_in_full(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 1, "1.png");
	expect_things(&s, 0);

	cleanup_free char *brief = render(plain, &s);
	cleanup_free char *full = render(verbose, &s);

	assert_contains(brief, "  ✗ 1/2 FAIL  94.25 req/s      -  ✗ FAIL\n");
	assert_contains(brief, "  metric    rate: 94.25 req/s\n");
	assert_contains(brief, "  metric    ✗ delay: no value, on no line\n");
	assert_contains(brief, "  expect    ✗ page-1: program web\n");
	assert_contains(brief, "expected  'GET /' on 3 lines\n");
	assert_contains(brief, "found     on 2 lines of 7\n");
	assert_contains(brief, "    | last line\n");
	assert_contains(brief, "look      logs/web.log:5\n");
	assert_contains(brief, "  expect    1 of 3 passed, 1 skipped\n");
	assert_null(strstr(brief, "page-0"));
	assert_contains(full, "✓ page-0: program web\n");
	assert_harmless(brief);
}

static void links_and_faults_are_details(void **state)
{
	(void)state;
	cleanup_by(session_done) struct session s;

	session_fill(&s, 1, "1.png");
	impair(&s.runs[0]);

	cleanup_free char *brief = render(plain, &s);
	cleanup_free char *full = render(verbose, &s);

	assert_null(strstr(brief, "alpine-1/eth0"));
	assert_contains(
		full,
		"  link      alpine-1/eth0 out  user (packet rings, SCHED_FIFO): 1204 frames, "
		"361 lost (360 loss 30%, 1 queue full), 12 duplicated, 3 corrupted\n");
	assert_contains(full, "alpine-1/eth0 in  user (packet rings, SCHED_FIFO): 1204 frames, "
			      "0 lost\n");
	assert_contains(full, "  fault     cut-0: down alpine-1/eth0, due at 1.00 s: fired after "
			      "1.00 s, undone after 1.50 s\n");
	assert_contains(full, "cut-1: down alpine-1/eth0, due at 1.00 s: never fired\n");
	spoil(&s, 0);

	cleanup_free char *failed = render(plain, &s);

	assert_contains(failed, "361 lost (360 loss 30%");
	assert_contains(failed, "never fired");
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

static void table_without_titles(void **state)
{
	static const struct table_column columns[3];
	cleanup_by(
		table_done) struct table t = { .columns = columns, .n_columns = 3, .max_cell = 4 };

	(void)state;
	table_add(&t, NULL, "a");
	table_add(&t, NULL, "b");
	table_end_row(&t);
	table_end_row(&t);
	table_add(&t, NULL, "long");
	table_add(&t, NULL, "longer");
	table_add(&t, NULL, "c");
	table_add(&t, NULL, "d");
	table_add(&t, NULL, "e");
	table_add(&t, NULL, "f");

	cleanup_free char *text = table_text(&t, 0);

	assert_string_equal(text, "a     b\nlong  longer  c\nd     e  f\n");
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

static void runs_side_by_side_are_told(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	session_fill(&s, 2, "1.png");
	cleanup_free char *alone = render(plain, &s);

	s.jobs = 4;
	cleanup_free char *beside = render(plain, &s);

	assert_null(strstr(alone, "side by side"));
	assert_contains(beside, ", 4 at a time)\n");
	assert_contains(beside, "taken with up to 4 runs side by side");
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
		progress_run_done(&p, i + 1, &s.runs[i]);
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
	progress_run_done(&p, 1, &s.runs[0]);
	progress_done(&p);
	fclose(p.out);
	assert_string_equal(bytes, "[1/1] mode=multi-process: lab\r\033[K"
				   "[1/1] mode=multi-process: transfer\r\033[K");
}

static void progress_of_several_runs_is_one_line(void **state)
{
	cleanup_by(session_done) struct session s;
	cleanup_free char *bytes = NULL;
	size_t len;
	struct progress p;

	(void)state;
	session_fill(&s, 2, "1.png");
	progress_init(&p, false, false, 3);
	p.redraw = true;
	p.out = open_memstream(&bytes, &len);
	progress_stage(&p, 1, "a", "lab");
	progress_stage(&p, 3, "c", "lab");
	progress_stage(&p, 1, "a", "transfer");
	progress_run_done(&p, 1, &s.runs[0]);
	progress_done(&p);
	fclose(p.out);
	assert_string_equal(bytes, "[1/3] a: lab\r\033[K[1/3] a: lab | [3/3] c: lab\r\033[K"
				   "[1/3] a: transfer | [3/3] c: lab\r\033[K[3/3] c: lab\r\033[K");
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
	progress_run_done(&p, 1, &s.runs[0]);
	progress_done(&p);
	fclose(p.out);
	assert_string_equal(bytes, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passing_session_is_a_table_between_two_lines),
		cmocka_unit_test(failing_run_says_why_where_and_how_to_repeat),
		cmocka_unit_test(verbose_shows_digests_and_ledger_of_what_passed),
		cmocka_unit_test(expectations_that_failed_are_told_in_full),
		cmocka_unit_test(links_and_faults_are_details),
		cmocka_unit_test(notes_of_raw_runs_are_always_shown),
		cmocka_unit_test(color_comes_with_symbol_and_word),
		cmocka_unit_test(interrupted_session_says_what_was_not_run),
		cmocka_unit_test(other_variables_bring_the_label_into_the_table),
		cmocka_unit_test(many_failures_do_not_bury_the_end),
		cmocka_unit_test(table_aligns_what_is_wide),
		cmocka_unit_test(table_without_titles),
		cmocka_unit_test(table_leaves_out_columns_when_narrow),
		cmocka_unit_test(printable_keeps_only_what_shows_as_it_is),
		cmocka_unit_test(runs_side_by_side_are_told),
		cmocka_unit_test(progress_in_a_log_is_one_line_per_run),
		cmocka_unit_test(progress_on_a_terminal_is_redrawn_and_leaves_nothing),
		cmocka_unit_test(progress_of_several_runs_is_one_line),
		cmocka_unit_test(progress_can_be_quiet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
