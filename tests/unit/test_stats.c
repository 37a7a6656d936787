/* Tests of src/base/stats: against values that tables of others give. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/stats.h"

/* assert_float_equal() takes floats, which hold too few digits. */
#define assert_near(a, b, epsilon) assert_true(fabs((a) - (b)) <= (epsilon))

/* As R's binom.test(k, n, conf.level = c) prints them; 0 of n by hand: 1 - tail^(1/n). */
static void clopper_pearson(void **state)
{
	static const struct {
		uint64_t k, n;
		double confidence, low, high;
	} cases[] = {
		{ 0, 10, 0.95, 0, 0.3084971 },
		{ 10, 10, 0.95, 0.6915029, 1 },
		{ 1, 10, 0.95, 0.002528579, 0.4450161 },
		{ 5, 10, 0.95, 0.1870860, 0.8129140 },
		{ 0, 1, 0.95, 0, 0.975 },
		{ 1, 1, 0.95, 0.025, 1 },
		{ 0, 1000, 0.95, 0, 0.003682084 },
		{ 0, 0, 0.95, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct interval found = stats_binomial(cases[i].k, cases[i].n, cases[i].confidence);

		assert_near(found.low, cases[i].low, 1e-7);
		assert_near(found.high, cases[i].high, 1e-7);
	}
}

/* The probability of `from` to `to` hits of n, added up term by term. */
static double probability(uint64_t from, uint64_t to, uint64_t n, double p)
{
	double term = 1, sum = 0;

	for (uint64_t i = 0; i < n; i++)
		term *= 1 - p;
	for (uint64_t k = 0; k <= to; k++) {
		sum += k >= from ? term : 0;
		term *= (double)(n - k) / (double)(k + 1) * p / (1 - p);
	}
	return sum;
}

/* What defines the limits: there, a count this large or this small is just as rare as allowed. */
static void limits_are_exact(void **state)
{
	static const uint64_t counts[][2] = {
		{ 3, 20 }, { 17, 20 }, { 50, 100 }, { 1, 500 }, { 40, 1000 }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		uint64_t k = counts[i][0], n = counts[i][1];
		struct interval found = stats_binomial(k, n, 0.99);

		assert_near(probability(k, n, n, found.low), 0.005, 1e-9);
		assert_near(probability(0, k, n, found.high), 0.005, 1e-9);
	}
}

/* Many packets: near the normal approximation, and never slow or lost in rounding. */
static void many_trials(void **state)
{
	struct interval found = stats_binomial(1000, 100000, 0.99);

	(void)state;
	/* 0.01 -+ 2.5758 * sqrt(0.01 * 0.99 / 100000), skewed by a little. */
	assert_near(found.low, 0.01 - 0.00081, 2e-5);
	assert_near(found.high, 0.01 + 0.00081, 4e-5);
	found = stats_binomial(500000000, 1000000000, 0.99);
	assert_near(found.high - 0.5, 2.5758 * 0.5 / 31622.7766, 1e-7);
}

static void samples(void **state)
{
	double four[] = { 4, 1, 3, 2 }, one[] = { 7 };

	(void)state;
	stats_sort(four, 4);
	assert_near(four[0], 1, 0);
	assert_near(stats_quantile(four, 4, 0), 1, 0);
	assert_near(stats_quantile(four, 4, 0.5), 2.5, 1e-12);
	assert_near(stats_quantile(four, 4, 0.25), 1.75, 1e-12);
	assert_near(stats_quantile(four, 4, 1), 4, 0);
	assert_near(stats_quantile(one, 1, 0.5), 7, 0);
	assert_near(stats_mean(four, 4), 2.5, 1e-12);
	assert_near(stats_deviation(four, 4), 1.2909944, 1e-6);
	assert_near(stats_deviation(one, 1), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clopper_pearson),
		cmocka_unit_test(limits_are_exact),
		cmocka_unit_test(many_trials),
		cmocka_unit_test(samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
