/* Expectations of files, captures and metrics. */
#include "unit/expect_lab.h"
#include "verify/comparisons.h"
#include "verify/number.h"

#define PNG "topologies/files/1.png"

/* ---- files ---- */

static void files_are_there(void **state)
{
	struct xlab *l = xlab_new("expect e { node = b file = \"out/page.html\" size = \"2-5\" }\n"
				  "expect f { node = b file = \"out/page.html\" exists = no }");
	const struct run_verdict *v;

	(void)state;
	assert_expected(l, OUTCOME_FAIL,
			"out/page.html at b: expected 2 to 5 bytes; found: no file");
	assert_says(xlab_expect(l)->conditions[0].look, "/nodes/b/out/page.html");
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_PASS);
	l->evidence->interrupted = true;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "no file");
	l->evidence->interrupted = false;
	xlab_write(l, "nodes/b/out/page.html", "abc", 3);
	v = xlab_judge(l);
	assert_int_equal(v->expectations[0].outcome, OUTCOME_PASS);
	assert_int_equal(v->expectations[1].outcome, OUTCOME_FAIL);
	assert_says(v->expectations[1].reason, "expected no file; found: a file");
	xlab_write(l, "nodes/b/out/page.html", "abcdef", 6);
	assert_expected(l, OUTCOME_FAIL, "found: 6 bytes");
	xlab_free(l);
}

static void files_are_the_same(void **state)
{
	struct xlab *l = xlab_new(
		"expect e { node = b file = x same-as = \"tests/unit/topology/files/a.bin\" }");
	cleanup_free char *bytes = NULL;
	size_t len;
	struct err e;

	(void)state;
	assert_int_equal(fs_read("tests/unit/topology/files/a.bin", 1 << 20, &bytes, &len, &e), 0);
	xlab_write(l, "nodes/b/x", bytes, len);
	assert_expected(l, OUTCOME_PASS, NULL);
	xlab_write(l, "nodes/b/x", bytes, len - 1);
	assert_expected(l, OUTCOME_FAIL, "found: only the first");

	cleanup_free char *longer = text_format("%.*sxyz", (int)len, bytes);

	xlab_write(l, "nodes/b/x", longer, len + 3);
	assert_expected(l, OUTCOME_FAIL, ", and 3 more behind them");
	bytes[len / 2] ^= 1;
	xlab_write(l, "nodes/b/x", bytes, len);

	cleanup_free char *where = text_format("differ at byte %zu: 0x%02x", len / 2,
					       (unsigned char)bytes[len / 2]);

	assert_expected(l, OUTCOME_FAIL, where);
	xlab_free(l);
}

static void files_have_a_digest(void **state)
{
	/* sha256sum of "abc": FIPS 180-2, appendix B.1. */
	struct xlab *l = xlab_new(
		"expect e { node = a file = x sha256 = "
		"\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\""
		" }");

	(void)state;
	xlab_write(l, "nodes/a/x", "abc", 3);
	assert_expected(l, OUTCOME_PASS, NULL);
	xlab_write(l, "nodes/a/x", "abd", 3);
	assert_expected(l, OUTCOME_FAIL, "found: sha256 a52d159f");
	xlab_free(l);
}

static void files_are_pictures(void **state)
{
	struct xlab *l = xlab_new("expect e { node = a file = x png = yes }\n"
				  "expect f { node = a file = x png = no }");
	cleanup_free char *bytes = NULL;
	size_t len;
	struct err e;

	(void)state;
	assert_int_equal(fs_read(PNG, 1 << 24, &bytes, &len, &e), 0);
	xlab_write(l, "nodes/a/x", bytes, len);
	assert_expected(l, OUTCOME_PASS, NULL);
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_FAIL);
	bytes[len / 2] ^= 1;
	xlab_write(l, "nodes/a/x", bytes, len);
	assert_expected(l, OUTCOME_FAIL, "expected a good PNG picture; found: ");
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_PASS);
	xlab_write(l, "nodes/a/x", "abc", 3);
	assert_expected(l, OUTCOME_FAIL, "it does not begin as a PNG file does");
	xlab_free(l);
}

/* ---- captures ---- */

static void packets_are_counted(void **state)
{
	struct xlab *l = xlab_new("expect e { capture = \"a/eth0\" filter = \"udp dst port 80\"\n"
				  "    packets = 3 bytes = \">= 300B\" }\n"
				  "expect f { capture = a filter = tcp packets = 0 }");

	(void)state;
	xlab_capture(l, 0, 3);
	assert_expected(l, OUTCOME_PASS, NULL);
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_PASS);
	xlab_capture(l, 0, 2);
	assert_expected(l, OUTCOME_FAIL,
			"capture a/eth0, 'udp dst port 80': expected 3 packets; found: 2 packets");
	assert_says(xlab_expect(l)->conditions[0].look, "tcpdump -n -tttt -r '");
	assert_says(l->verdict.expectations[0].conditions[0].look, "0.pcapng' 'udp dst port 80'");
	assert_int_equal(l->verdict.expectations[0].conditions[1].outcome, OUTCOME_FAIL);
	xlab_free(l);
}

static void packets_of_a_direction_and_a_time(void **state)
{
	struct xlab *l = xlab_new(
		"expect e { capture = a direction = out packets = 2 }\n"
		"expect f { capture = a from = 100ms until = 300ms packets = 2 }\n"
		"expect g { capture = a filter = udp direction = in\n"
		"    from = 200ms packets = 9 }");

	(void)state;
	xlab_capture(l, 0, 4);
	assert_expected(l, OUTCOME_PASS, NULL);
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_PASS);
	assert_int_equal(l->verdict.expectations[2].outcome, OUTCOME_FAIL);
	assert_string_equal(l->verdict.expectations[2].conditions[0].nearest,
			    "4 packets in the capture; 2 that pass the filter in the other "
			    "direction; 1 that pass the filter before 'from'");
	assert_says(l->verdict.expectations[2].conditions[0].look, "'(udp) and not ether src ");
	l->evidence->ready_ns = 0;
	assert_int_equal(xlab_judge(l)->expectations[1].outcome, OUTCOME_INCONCLUSIVE);
	xlab_free(l);
}

static void packets_that_may_be_missing(void **state)
{
	struct xlab *l = xlab_new("expect e { capture = a packets = 3 }\n"
				  "expect f { capture = a packets = \">= 3\" }\n"
				  "expect g { capture = a packets = \"< 3\" }\n"
				  "expect h { capture = a packets = \"< 4\" }");

	(void)state;
	xlab_capture(l, 0, 3);
	l->evidence->captures[0].dropped = 1;
	assert_expected(l, OUTCOME_INCONCLUSIVE,
			"3 packets, and there may have been more (dropped");
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_PASS);
	assert_int_equal(l->verdict.expectations[2].outcome, OUTCOME_FAIL);
	assert_int_equal(l->verdict.expectations[3].outcome, OUTCOME_INCONCLUSIVE);
	xlab_free(l);
	l = xlab_new("capture { packets = off } expect e { capture = a packets = 3 }");
	assert_expected(l, OUTCOME_INCONCLUSIVE, "captures are off");
	xlab_free(l);
}

/* ---- metrics ---- */

static double metric_of(const char *keys, const char *output)
{
	cleanup_free char *block = text_format(
		"metric m { program = client output = 'rate ([^ ]+)' %s }", keys);
	struct xlab *l = xlab_new(block);

	xlab_output(l, CLIENT, output, 300);

	const struct metric_value *m = &xlab_judge(l)->metrics[0];
	double value = m->value;

	if (!m->found || m->outcome != OUTCOME_PASS)
		fail_msg("%s: %s", keys, m->reason);
	assert_string_equal(m->node, "b");
	xlab_free(l);
	return value;
}

#define RATES		  "rate 4\nrate 2 rate 9\nnothing\nrate 5\n"
#define assert_near(a, b) assert_true((a) > (b)-1e-9 && (a) < (b) + 1e-9)

static void metrics_are_taken(void **state)
{
	(void)state;
	assert_near(metric_of("", RATES), 5);
	assert_near(metric_of("take = first", RATES), 4);
	assert_near(metric_of("take = min", RATES), 2);
	assert_near(metric_of("take = max scale = 0.5", RATES), 4.5);
	assert_near(metric_of("take = sum", RATES), 20);
	assert_near(metric_of("take = mean", RATES), 5);
	assert_near(metric_of("take = median", RATES), 4.5);
	assert_near(metric_of("take = count", RATES), 4);
	assert_near(metric_of("take = count", "nothing\n"), 0);
	assert_near(metric_of("", "rate 1,234.5 \n"), 1234.5);
}

static void metrics_that_are_not_there(void **state)
{
	struct xlab *l = xlab_new("metric m { program = client output = 'rate (?<value>\\w+)' }\n"
				  "expect e { metric = m above = 1 }");
	const struct run_verdict *v;

	(void)state;
	v = xlab_judge(l);
	assert_int_equal(v->outcome, OUTCOME_FAIL);
	assert_false(v->metrics[0].found);
	assert_says(v->reasons[0], "metric m: 'rate (?<value>\\w+)' is on no line of 0");
	assert_expected(l, OUTCOME_FAIL, "expected above 1; found: no value");
	xlab_output(l, CLIENT, "rate fast\n", 300);
	assert_expected(l, OUTCOME_FAIL, "'fast' in line 1 is no number");
	xlab_output(l, CLIENT, "rate 3\n", 300);
	assert_expected(l, OUTCOME_PASS, NULL);
	l->evidence->programs[CLIENT].output = 1000;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "3, but the middle of the output was not kept");
	xlab_free(l);
}

static void metrics_have_limits(void **state)
{
	struct xlab *l = xlab_new(
		"metric m { program = client output = '(\\d+)' unit = \"Mbit/s\" }\n"
		"expect e { metric = m above = 9 below = 11 }\n"
		"expect f { metric = m between = { 9, 11 } }");

	(void)state;
	xlab_output(l, CLIENT, "10\n", 300);
	assert_expected(l, OUTCOME_PASS, NULL);
	xlab_output(l, CLIENT, "11\n", 300);
	assert_expected(l, OUTCOME_FAIL,
			"metric m: expected above 9 and below 11 Mbit/s; found: 11 Mbit/s");
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_PASS);
	assert_says(l->verdict.expectations[0].conditions[0].look, "client.log:1");
	xlab_output(l, CLIENT, "12\n", 300);
	xlab_judge(l);
	assert_int_equal(l->verdict.expectations[1].outcome, OUTCOME_FAIL);
	xlab_free(l);
}

/* ---- comparisons: two runs of one topology, judged with other outputs ---- */

#define COMPARED                                                                                   \
	"vary v { values = { x, y } }\n"                                                           \
	"expect z { program = client absent = \"%{v}\" }\n"                                        \
	"metric m { program = client output = 'rate (\\d+)' }\n"                                   \
	"expect e { metric = m above = \"90%\" of = \"v=x\" }"

static void judge_as(struct xlab *l, struct run_verdict *r, const char *value, const char *output)
{
	xlab_output(l, CLIENT, output, 300);
	xlab_judge(l);
	*r = l->verdict;
	l->verdict = (struct run_verdict){ 0 };
	r->label = text_format("v=%s", value);
	r->variables = calloc(1, sizeof(*r->variables));
	assert_non_null(r->variables);
	r->n_variables = 1;
	r->variables[0] = (struct variable){ text_dup("v"), text_dup(value) };
}

static char v_name[] = "v", x_value[] = "x", y_value[] = "y";
static struct variable only_x[] = { { v_name, x_value } }, only_y[] = { { v_name, y_value } };
static struct planned_run both_runs[] = {
	{ .variables = only_y, .n_variables = 1 },
	{ .variables = only_x, .n_variables = 1 },
};
static const struct plan both = { .runs = both_runs, .n_runs = 2 };
static const struct plan y_alone = { .runs = both_runs, .n_runs = 1 };

static void check_comparison(const char *first, const char *second, enum outcome expected,
			     const char *words)
{
	struct xlab *l = xlab_new(COMPARED);
	struct run_verdict runs[2];
	struct session s = { .runs = runs, .n_runs = first != NULL ? 2 : 1 };
	struct run_verdict *last = &runs[s.n_runs - 1];

	s.n_planned = s.n_runs;
	if (first != NULL)
		judge_as(l, &runs[0], "x", first);
	judge_as(l, last, "y", second);
	for (size_t i = 0; i < s.n_runs; i++)
		comparisons_judge(&s, first != NULL ? &both : &y_alone, &runs[i]);
	if (first != NULL)
		assert_int_equal(runs[0].expectations[1].outcome,
				 runs[0].metrics[0].found ? OUTCOME_SKIP : OUTCOME_FAIL);
	assert_string_equal(outcome_name(last->expectations[1].outcome), outcome_name(expected));
	if (words != NULL)
		assert_says(last->expectations[1].reason, words);
	if (expected == OUTCOME_FAIL) {
		assert_int_equal(last->outcome, OUTCOME_FAIL);
		assert_int_equal(s.outcome, OUTCOME_FAIL);
		assert_says(last->reasons[0], "expect e: metric m");
	}
	for (size_t i = 0; i < s.n_runs; i++)
		run_verdict_done(&runs[i]);
	xlab_free(l);
}

static void runs_are_compared(void **state)
{
	(void)state;
	check_comparison("rate 100\n", "rate 95\n", OUTCOME_PASS, NULL);
	check_comparison("rate 100\n", "rate 85\n", OUTCOME_FAIL,
			 "expected above 90% of that of v=x; found: 85, 85% of the 100 of v=x");
	check_comparison("rate 0\n", "rate 0\n", OUTCOME_PASS, NULL);
	check_comparison("nothing\n", "rate 85\n", OUTCOME_INCONCLUSIVE, "no good value in v=x");
	check_comparison(NULL, "rate 85\n", OUTCOME_SKIP, "was left out");
}

/* A run waits for one that is planned, is judged once, and then by what there is. */
static void runs_wait_for_each_other(void **state)
{
	struct xlab *l = xlab_new(COMPARED);
	struct run_verdict runs[2] = { 0 };
	struct session s = { .runs = runs, .n_runs = 1, .n_planned = 2 };

	(void)state;
	judge_as(l, &runs[0], "y", "rate 85\n");
	assert_false(comparisons_pending(&s, &y_alone, &runs[0]));
	assert_true(comparisons_pending(&s, &both, &runs[0]));
	judge_as(l, &runs[1], "x", "rate 100\n");
	assert_false(comparisons_pending(&s, &both, &runs[0]));
	comparisons_judge(&s, &both, &runs[0]);
	comparisons_judge(&s, &both, &runs[0]);
	assert_int_equal(runs[0].outcome, OUTCOME_FAIL);
	assert_int_equal(runs[0].n_reasons, 1);
	run_verdict_done(&runs[1]);
	run_verdict_done(&runs[0]);
	judge_as(l, &runs[0], "y", "rate 85\n");
	comparisons_judge(&s, &both, &runs[0]);
	assert_says(runs[0].expectations[1].reason, "was not made");
	assert_int_equal(runs[0].outcome, OUTCOME_INCONCLUSIVE);
	run_verdict_done(&runs[0]);
	xlab_free(l);
}

/* ---- numbers ---- */

static void numbers_are_read(void **state)
{
	static const struct {
		const char *text;
		double value;
	} good[] = {
		{ "0", 0 },	   { "-1.5", -1.5 },
		{ "+2e3", 2000 },  { "1,234,567.8", 1234567.8 },
		{ "1'000", 1000 }, { " 94.1 ", 94.1 },
		{ "1.5k", 1500 },  { "2 M", 2e6 },
		{ "1Ki", 1024 },   { "1E-3", 1e-3 },
		{ ".5", 0.5 },
	};
	static const char *const bad[] = { "",	    " ",    "abc",	"0x10",	    "nan",
					   "inf",   "1,5",  "1,23,456", "1234,567", ",123",
					   "1.2.3", "5 ms", "1e999",	"1.000,5" };
	double value;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (!number_parse(good[i].text, strlen(good[i].text), &value))
			fail_msg("'%s' is no number", good[i].text);
		assert_near(value, good[i].value);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (number_parse(bad[i], strlen(bad[i]), &value))
			fail_msg("'%s' is %g", bad[i], value);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_there),
		cmocka_unit_test(files_are_the_same),
		cmocka_unit_test(files_have_a_digest),
		cmocka_unit_test(files_are_pictures),
		cmocka_unit_test(packets_are_counted),
		cmocka_unit_test(packets_of_a_direction_and_a_time),
		cmocka_unit_test(packets_that_may_be_missing),
		cmocka_unit_test(metrics_are_taken),
		cmocka_unit_test(metrics_that_are_not_there),
		cmocka_unit_test(metrics_have_limits),
		cmocka_unit_test(runs_are_compared),
		cmocka_unit_test(runs_wait_for_each_other),
		cmocka_unit_test(numbers_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
