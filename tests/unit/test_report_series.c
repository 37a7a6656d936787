/* Tests of src/report: what each format says of runs that are repeated with many seeds. */
#include "unit/report_session.h"

static void repeated_runs_are_a_row_per_combination(void **state)
{
	cleanup_by(session_done) struct session s;

	(void)state;
	repeat_fill(&s);

	cleanup_free char *report = render(plain, &s);

	assert_contains(report, "8 runs, seed 5 to 8)");
	/* binom.test(2, 4) and (0, 4). Times of runs 1 and 3 of the first, of all of the second. */
	assert_contains(report, "  mode=multi-thread     4       2       2             0  "
				"6.76% to 93.2%  2.00 ms ");
	assert_contains(report, "  mode=sequential       4       4       0             0  "
				"0% to 60.2%     2.50 ms ");
	assert_contains(report,
			"  mode=multi-thread  time           2      2.00 ms      1.00 ms     "
			"3.00 ms  1.50 ms to 2.50 ms\n");
	assert_contains(report,
			"  mode=sequential    time           4      2.50 ms      1.00 ms     "
			"4.00 ms  1.75 ms to 3.25 ms\n");
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
	assert_int_equal(json_array_size(json_object_get(series, "figures")), 2);
	assert_string_equal(json_string_value(json_object_get(first_of(series, "figures"), "name")),
			    "time");
	assert_true(json_real_value(json_object_get(first_of(series, "figures"), "most")) == 3e6);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeated_runs_are_a_row_per_combination),
		cmocka_unit_test(repeated_runs_are_one_check_each),
		cmocka_unit_test(json_sums_repeated_runs_up),
	};

	return cmocka_run_group_tests_name("report_series", tests, NULL, NULL);
}
