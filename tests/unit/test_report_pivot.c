/* Tests of src/report/pivot.c and figure.c: figures of many runs as tables of their variables. */
#include "unit/report_session.h"

#include "report/figure.h"
#include "report/pivot.h"
#include "report/series.h"

#define MAX_VARIABLES 3

static char loss[] = "loss", mode[] = "mode", size[] = "size";

/* A point and its variables; the values of those that the test has, as literals. */
struct test_point {
	const char *values[MAX_VARIABLES];
	enum outcome outcome;
	double value; /* negative: not known */
};

static char *table_of(const struct test_point *t, size_t n, size_t n_variables, size_t width)
{
	char *const names[MAX_VARIABLES] = { loss, mode, size };
	cleanup_free struct variable *variables = array_new(n * MAX_VARIABLES, sizeof(*variables));
	cleanup_free struct pivot_point *points = array_new(n, sizeof(*points));
	const struct pivot p = { "goodput", "bit/s", points, n };
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	for (size_t i = 0; i < n; i++) {
		struct variable *v = &variables[i * MAX_VARIABLES];

		for (size_t k = 0; k < n_variables; k++) {
			v[k].name = names[MAX_VARIABLES - n_variables + k];
			v[k].value = text_dup(t[i].values[k]);
		}
		points[i] = (struct pivot_point){ v, n_variables, t[i].outcome, t[i].value >= 0,
						  t[i].value };
	}
	pivot_print(f, &p, width, false);
	fclose(f);
	for (size_t i = 0; i < n * MAX_VARIABLES; i++)
		free(variables[i].value);
	return out;
}

/* Two figures of the same runs, as columns. */
static void many_figures_are_columns(void **state)
{
	struct variable v[3][2] = {
		{ { mode, text_dup("loop") }, { size, text_dup("small") } },
		{ { mode, text_dup("loop") }, { size, text_dup("big") } },
		{ { mode, text_dup("pool") }, { size, text_dup("small") } },
	};
	const struct pivot_point rates[] = {
		{ v[0], 2, OUTCOME_PASS, true, 1234.56 },
		{ v[1], 2, OUTCOME_FAIL, true, 5 },
		{ v[2], 2, OUTCOME_PASS, true, 0.5 },
	};
	const struct pivot_point counts[] = {
		{ v[0], 2, OUTCOME_PASS, true, 1e6 },
		{ v[1], 2, OUTCOME_FAIL, true, 5 },
		{ v[2], 2, OUTCOME_PASS, false, 0 },
	};
	const struct pivot figures[] = { { "rate", "/s", rates, 3 }, { "count", "", counts, 3 } };
	char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	(void)state;
	pivot_print_sheets(f, figures, 2, 0, false);
	fclose(f);
	assert_string_equal(out, "  mode=loop\n"
				 "  size      rate    count  verdict\n"
				 "  small  1235 /s  1000000  ✓ pass\n"
				 "  big          -        -  ✗ FAIL\n"
				 "\n"
				 "  mode=pool\n"
				 "  size     rate  count  verdict\n"
				 "  small  0.5 /s      -  ✓ pass\n"
				 "\n");
	free(out);
	for (size_t i = 0; i < 3; i++) {
		free(v[i][0].value);
		free(v[i][1].value);
	}
}

#define assert_table(points, n_variables, width, expected)                                         \
	do {                                                                                       \
		cleanup_free char *found__ = table_of(                                             \
			points, sizeof(points) / sizeof((points)[0]), n_variables, width);         \
		assert_string_equal(found__, expected);                                            \
	} while (0)

static void two_variables_are_rows_and_columns(void **state)
{
	static const struct test_point points[] = {
		{ { "thread", "small" }, OUTCOME_PASS, 1e6 },
		{ { "thread", "big" }, OUTCOME_PASS, 2e6 },
		{ { "loop", "small" }, OUTCOME_FAIL, 9e9 },
		{ { "loop", "huge" }, OUTCOME_INCONCLUSIVE, 9e9 },
		{ { "loop", "big" }, OUTCOME_PASS, -1 },
	};

	(void)state;
	/* What failed has no figure; what was not run has nothing. */
	assert_table(points, 2, 0,
		     "  goodput\n"
		     "  mode \\ size        small          big            huge\n"
		     "  thread       1.00 Mbit/s  2.00 Mbit/s                \n"
		     "  loop              ✗ FAIL            -  ? inconclusive\n\n");
	/* The values that come last are left out first. */
	assert_table(points, 2, 40,
		     "  goodput\n"
		     "  mode \\ size       small         big\n"
		     "  thread      1.00 Mbit/s 2.00 Mbit/s\n"
		     "  loop             ✗ FAIL           -\n"
		     "  too narrow to show: huge\n\n");
}

static void repeated_runs_are_their_median(void **state)
{
	static const struct test_point points[] = {
		{ { "thread", "small" }, OUTCOME_PASS, 3e6 },
		{ { "thread", "small" }, OUTCOME_PASS, 1e6 },
		{ { "thread", "small" }, OUTCOME_PASS, 2e6 },
		{ { "thread", "big" }, OUTCOME_PASS, 4e6 },
		{ { "thread", "big" }, OUTCOME_FAIL, 9e9 },
		{ { "thread", "big" }, OUTCOME_PASS, 5e6 },
		{ { "loop", "big" }, OUTCOME_INCONCLUSIVE, 1 },
		{ { "loop", "big" }, OUTCOME_FAIL, 1 },
	};

	(void)state;
	assert_table(points, 2, 0,
		     "  goodput\n"
		     "  mode \\ size        small                big\n"
		     "  thread       2.00 Mbit/s  4.50 Mbit/s (2/3)\n"
		     "  loop                                 ✗ FAIL\n\n");
}

static void further_variables_make_sections(void **state)
{
	static const struct test_point points[] = {
		{ { "1%", "thread", "small" }, OUTCOME_PASS, 1e6 },
		{ { "1%", "loop", "big" }, OUTCOME_PASS, 2e6 },
		{ { "5%", "thread", "small" }, OUTCOME_PASS, 3e6 },
		{ { "5%", "loop", "big" }, OUTCOME_PASS, 4e6 },
	};

	(void)state;
	assert_table(points, 3, 0,
		     "  goodput, loss=1%\n"
		     "  mode \\ size        small          big\n"
		     "  thread       1.00 Mbit/s             \n"
		     "  loop                      2.00 Mbit/s\n\n"
		     "  goodput, loss=5%\n"
		     "  mode \\ size        small          big\n"
		     "  thread       3.00 Mbit/s             \n"
		     "  loop                      4.00 Mbit/s\n\n");
}

static void what_does_not_vary_takes_no_part(void **state)
{
	static const struct test_point fixed[] = {
		{ { "1%", "thread", "small" }, OUTCOME_PASS, 1e6 },
		{ { "5%", "thread", "small" }, OUTCOME_PASS, 2e6 },
	};
	static const struct test_point single[] = {
		{ { "1%", "thread", "small" }, OUTCOME_PASS, 1e6 },
	};

	(void)state;
	assert_table(fixed, 3, 0,
		     "  goodput\n"
		     "  loss      goodput\n"
		     "  1%    1.00 Mbit/s\n"
		     "  5%    2.00 Mbit/s\n\n");
	assert_table(single, 3, 0, "  goodput\n        goodput\n    1.00 Mbit/s\n\n");
}

static void nothing_in_a_value_moves_the_cursor(void **state)
{
	static const struct test_point points[] = {
		{ { "a\033[2J", "\xff" }, OUTCOME_PASS, 1e6 },
		{ { "b\n", "c" }, OUTCOME_PASS, 2e6 },
	};
	cleanup_free char *table = table_of(points, 2, 2, 0);

	(void)state;
	assert_null(strchr(table, '\033'));
	assert_contains(table, "a\\x1b[2J");
	assert_contains(table, "\\xff");
	assert_contains(table, "b\\n");
}

static void figures_have_their_units(void **state)
{
	char buf[FIGURE_TEXT_LEN];

	(void)state;
	assert_string_equal(figure_format(buf, "ns", 31.6e6), "31.6 ms");
	assert_string_equal(figure_format(buf, "bit/s", 1.23e9), "1.23 Gbit/s");
	assert_string_equal(figure_format(buf, "B", 9900), "9.90 kB");
	assert_string_equal(figure_format(buf, "req/s", 42.5), "42.5 req/s");
	assert_string_equal(figure_format(buf, "", -3), "-3");
	assert_string_equal(figure_format(buf, "ns", -3), "-3 ns");
	/* Cut, not overrun. */
	assert_string_equal(figure_format(buf, "abcdefghijklmnopqrstuvwxyz0123456789", 1e300),
			    "1e+300 abcdefghijklmnopqrstuvwx");
}

static void figures_of_runs_become_samples(void **state)
{
	cleanup_by(samples_done) struct samples_list l = { 0 };
	const struct run_verdict runs[] = {
		{ .time_ns = 4000000, .bytes = 500 },
		{ .time_ns = 1000000, .bytes = 0 },
		{ .time_ns = 0, .bytes = 500 },
		{ .time_ns = 2000000, .bytes = 500 },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		samples_add_run(&l, &runs[i]);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.s[0].name, "time");
	assert_int_equal(l.s[0].n, 3);
	assert_string_equal(l.s[1].unit, "bit/s");
	assert_int_equal(l.s[1].n, 2);

	struct spread s = spread_of(&l.s[0]);

	assert_int_equal(s.n, 3);
	assert_true(s.least == 1e6 && s.median == 2e6 && s.most == 4e6);
	assert_true(s.quarter == 1.5e6 && s.three_quarters == 3e6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_figures_are_columns),
		cmocka_unit_test(two_variables_are_rows_and_columns),
		cmocka_unit_test(repeated_runs_are_their_median),
		cmocka_unit_test(further_variables_make_sections),
		cmocka_unit_test(what_does_not_vary_takes_no_part),
		cmocka_unit_test(nothing_in_a_value_moves_the_cursor),
		cmocka_unit_test(figures_have_their_units),
		cmocka_unit_test(figures_of_runs_become_samples),
	};

	return cmocka_run_group_tests_name("report_pivot", tests, NULL, NULL);
}
