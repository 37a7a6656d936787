/* Tests of src/shrink/ddmin: what is left, that it is minimal, and how often it asks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "shrink/ddmin.h"

/* It fails when all of these are there. */
struct culprits {
	size_t numbers[8];
	size_t n;
	size_t at_least; /* it fails with so many of whatever */
	size_t asked;
	int give_up_at;
	size_t n_all;
};

static bool holds(const size_t *set, size_t n, size_t number)
{
	for (size_t i = 0; i < n; i++)
		if (set[i] == number)
			return true;
	return false;
}

static int fails(void *arg, const size_t *set, size_t n, struct err *e)
{
	struct culprits *c = arg;

	/* Ascending, and of those there are. */
	for (size_t i = 0; i < n; i++)
		assert_true(set[i] < c->n_all && (i == 0 || set[i] > set[i - 1]));
	c->asked++;
	if (c->give_up_at != 0 && (int)c->asked == c->give_up_at)
		return err_set(e, 0, "no more");
	if (c->at_least != 0)
		return n >= c->at_least;
	for (size_t i = 0; i < c->n; i++)
		if (!holds(set, n, c->numbers[i]))
			return 0;
	return 1;
}

static struct ddmin_result shrink(struct culprits *c, size_t n, size_t max)
{
	struct ddmin_result r;
	struct err e;

	c->n_all = n;
	assert_int_equal(ddmin(n, max, fails, c, &r, &e), 0);
	assert_int_equal(r.n_tests, c->asked);
	assert_true(r.n_tests <= max);
	return r;
}

static void finds_exactly_the_culprits(void **state)
{
	static const struct culprits cases[] = {
		{ { 0 }, 1, 0, 0, 0, 0 },
		{ { 99 }, 1, 0, 0, 0, 0 },
		{ { 3, 50, 98 }, 3, 0, 0, 0, 0 },
		{ { 10, 11, 12, 13 }, 4, 0, 0, 0, 0 },
		{ { 0, 25, 50, 75, 99 }, 5, 0, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct culprits c = cases[i];
		struct ddmin_result r = shrink(&c, 100, SIZE_MAX);

		assert_true(r.minimal);
		assert_int_equal(r.n_left, c.n);
		assert_memory_equal(r.left, c.numbers, c.n * sizeof(size_t));
		free(r.left);
	}
}

/* One culprit is found by halving: 2 log2(n) questions, as the paper says. */
static void one_culprit_is_quick(void **state)
{
	struct culprits c = { .numbers = { 700 }, .n = 1 };
	struct ddmin_result r = shrink(&c, 1024, SIZE_MAX);

	(void)state;
	assert_int_equal(r.n_left, 1);
	assert_true(c.asked <= 20);
	free(r.left);
}

static void any_so_many_are_minimal(void **state)
{
	struct culprits c = { .at_least = 7 };
	struct ddmin_result r = shrink(&c, 60, SIZE_MAX);

	(void)state;
	assert_int_equal(r.n_left, 7);
	assert_true(r.minimal);
	free(r.left);
}

static void all_are_needed(void **state)
{
	struct culprits c = { .at_least = 9 };
	struct ddmin_result r = shrink(&c, 9, SIZE_MAX);

	(void)state;
	assert_int_equal(r.n_left, 9);
	assert_true(r.minimal);
	free(r.left);
}

static void one_circumstance_is_minimal_without_asking(void **state)
{
	struct culprits c = { .n = 1 };
	struct ddmin_result r = shrink(&c, 1, SIZE_MAX);

	(void)state;
	assert_int_equal(r.n_left, 1);
	assert_int_equal(c.asked, 0);
	assert_true(r.minimal);
	free(r.left);
}

/* Whatever the number of questions allowed: what is left fails, and `minimal` is no lie. */
static void a_budget_is_kept(void **state)
{
	size_t best = SIZE_MAX;

	(void)state;
	for (size_t max = 0; max < 60; max++) {
		struct culprits c = { .numbers = { 20, 21, 77 }, .n = 3 };
		struct ddmin_result r = shrink(&c, 100, max);
		struct err e;

		assert_int_equal(fails(&c, r.left, r.n_left, &e), 1);
		assert_true(r.n_left <= best);
		assert_true(!r.minimal || r.n_left == 3);
		best = r.n_left;
		free(r.left);
	}
	assert_int_equal(best, 3);
}

/* A test that says yes and no by chance of the set: the answers must agree with what is left. */
static int erratic(void *arg, const size_t *set, size_t n, struct err *e)
{
	uint32_t seed = *(uint32_t *)arg, x = seed;

	(void)e;
	for (size_t i = 0; i < n; i++)
		x = (x ^ (uint32_t)set[i]) * 2654435761u + seed;
	return x >> 16 & 1;
}

static void one_less_never_fails_whatever_the_test(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed < 300; seed++) {
		struct ddmin_result r;
		struct err e;

		assert_int_equal(ddmin(40, SIZE_MAX, erratic, &seed, &r, &e), 0);
		assert_true(r.minimal);
		for (size_t out = 0; r.n_left > 1 && out < r.n_left; out++) {
			cleanup_free size_t *less = array_new(r.n_left, sizeof(*less));
			size_t n = 0;

			for (size_t i = 0; i < r.n_left; i++)
				if (i != out)
					less[n++] = r.left[i];
			assert_int_equal(erratic(&seed, less, n, &e), 0);
		}
		free(r.left);
	}
}

/* A failure that stays away in one answer, whichever it is. */
struct lucky {
	struct culprits c;
	size_t lucky_at;
};

static int passes_by_luck(void *arg, const size_t *set, size_t n, struct err *e)
{
	struct lucky *l = arg;
	int failed = fails(&l->c, set, n, e);

	return l->c.asked == l->lucky_at ? 0 : failed;
}

static void one_lucky_pass_does_not_mislead(void **state)
{
	size_t asked = 1;

	(void)state;
	for (size_t at = 1; at <= asked; at++) {
		struct lucky l = { { .numbers = { 8, 21, 40 }, .n = 3, .n_all = 50 }, at };
		struct ddmin_result r;
		struct err e;

		assert_int_equal(ddmin(50, SIZE_MAX, passes_by_luck, &l, &r, &e), 0);
		assert_true(r.minimal);
		assert_int_equal(r.n_left, 3);
		assert_memory_equal(r.left, l.c.numbers, 3 * sizeof(size_t));
		free(r.left);
		asked = l.c.asked;
	}
	assert_true(asked > 20);
}

static void giving_up_is_passed_on(void **state)
{
	struct culprits c = { .numbers = { 5 }, .n = 1, .give_up_at = 3, .n_all = 50 };
	struct ddmin_result r;
	struct err e;

	(void)state;
	assert_int_equal(ddmin(50, SIZE_MAX, fails, &c, &r, &e), -1);
	assert_string_equal(e.msg, "no more");
	assert_int_equal(c.asked, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_exactly_the_culprits),
		cmocka_unit_test(one_culprit_is_quick),
		cmocka_unit_test(any_so_many_are_minimal),
		cmocka_unit_test(all_are_needed),
		cmocka_unit_test(one_circumstance_is_minimal_without_asking),
		cmocka_unit_test(a_budget_is_kept),
		cmocka_unit_test(one_less_never_fails_whatever_the_test),
		cmocka_unit_test(one_lucky_pass_does_not_mislead),
		cmocka_unit_test(giving_up_is_passed_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
