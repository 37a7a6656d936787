/* Frames that wait: for the line (rate) and for their time (hold). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "link/hold.h"
#include "link/rate.h"

#define MIB	(1 << 20)
#define MEGABIT 1000000ULL

/* ---- rate ---- */

static uint64_t queue(struct rate *r, const struct impairment *i, size_t len, uint64_t at_ns)
{
	uint64_t sent_ns;

	return rate_queue(r, i, len, at_ns, &sent_ns) ? sent_ns : 0;
}

static void test_no_rate(void **state)
{
	struct impairment i = { .queue_packets = 1 };
	struct rate r = { .queue = NULL };

	(void)state;
	for (uint64_t k = 1; k < 100; k++)
		assert_int_equal(queue(&r, &i, 1000, 5), 5);
	rate_done(&r);
}

/* 1250 bytes at 10 Mbit/s take a millisecond each. */
static void test_rate(void **state)
{
	struct impairment i = { .rate_bps = 10 * MEGABIT };
	struct rate r = { .queue = NULL };

	(void)state;
	for (uint64_t k = 1; k <= 1000; k++)
		assert_int_equal(queue(&r, &i, 1250, 7), 7 + k * NS_PER_MS);
	/* An idle line saves nothing up. */
	assert_int_equal(queue(&r, &i, 1250, 9 * NS_PER_SEC), 9 * NS_PER_SEC + NS_PER_MS);
	assert_int_equal(queue(&r, &i, 125, 9 * NS_PER_SEC), 9 * NS_PER_SEC + NS_PER_MS * 11 / 10);
	rate_done(&r);
}

/* 8/3 of a nanosecond per byte: parts of nanoseconds add up. */
static void test_nothing_is_rounded_away(void **state)
{
	struct impairment i = { .rate_bps = 3000 * MEGABIT };
	struct rate r = { .queue = NULL };
	uint64_t last = 0;

	(void)state;
	for (uint64_t k = 1; k <= 300000; k++)
		last = queue(&r, &i, 61, 1);
	assert_int_equal(last, 1 + 300000ULL * 61 * 8 / 3);
	rate_done(&r);
}

/* The frame that is being sent does not wait: one and three can be there. */
static void test_queue_of_packets(void **state)
{
	struct impairment i = { .rate_bps = 10 * MEGABIT, .queue_packets = 3 };
	struct rate r = { .queue = NULL };

	(void)state;
	for (uint64_t k = 1; k <= 4; k++)
		assert_int_equal(queue(&r, &i, 1250, 1), 1 + k * NS_PER_MS);
	assert_int_equal(queue(&r, &i, 1250, 1), 0);
	assert_int_equal(queue(&r, &i, 60, NS_PER_MS), 0);
	/* Then the second one's first bit is sent, and there is a place again. */
	assert_int_equal(queue(&r, &i, 1250, 1 + NS_PER_MS), 1 + 5 * NS_PER_MS);
	assert_int_equal(queue(&r, &i, 1250, 1 + NS_PER_MS), 0);
	rate_done(&r);
}

static void test_queue_of_bytes(void **state)
{
	struct impairment i = { .rate_bps = 10 * MEGABIT, .queue_bytes = 3000 };
	struct rate r = { .queue = NULL };

	(void)state;
	for (uint64_t k = 1; k <= 3; k++)
		assert_int_equal(queue(&r, &i, 1250, 1), 1 + k * NS_PER_MS);
	assert_int_equal(queue(&r, &i, 1250, 1), 0);
	/* What is small enough still fits. */
	assert_int_not_equal(queue(&r, &i, 500, 1), 0);
	assert_int_equal(queue(&r, &i, 1, 1), 0);
	rate_done(&r);
}

/* A queue that is emptied and filled again and again, while its ring grows. */
static void test_long_queue(void **state)
{
	struct impairment i = { .rate_bps = 10 * MEGABIT };
	struct rate r = { .queue = NULL };
	uint64_t now = 1;

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (int k = 0; k < 1 + round * 20; k++)
			queue(&r, &i, 1250, now);
		assert_int_equal(r.bytes, r.n * 1250);
		now += NS_PER_MS * 5;
	}
	queue(&r, &i, 1250, now + NS_PER_SEC * 1000);
	assert_int_equal(r.n, 0);
	assert_int_equal(r.bytes, 0);
	rate_done(&r);
}

/* ---- hold ---- */

static struct held *new_frame(struct hold *h, size_t len, uint64_t place)
{
	struct held *f = hold_alloc(h, len);

	assert_non_null(f);
	assert_int_equal(f->len, len);
	f->place = place;
	memset(f->bytes, (int)place, len);
	return f;
}

static void take(struct hold *h, uint64_t due_ns, uint64_t place)
{
	struct held *f;

	assert_int_equal(hold_due(h), due_ns);
	f = hold_take(h);
	assert_int_equal(f->place, place);
	for (size_t i = 0; i < f->len; i++)
		assert_int_equal(f->bytes[i], (uint8_t)place);
	hold_free_frame(h, f);
}

static void test_hold(void **state)
{
	struct hold *h = hold_new(16 * MIB);
	struct hold_list a = { .owner = NULL }, b = { .owner = NULL };

	(void)state;
	assert_int_equal(hold_due(h), UINT64_MAX);
	hold_put(h, &a, 10, new_frame(h, 100, 1));
	hold_put(h, &a, 10, new_frame(h, 100, 2));
	hold_put(h, &b, 10, new_frame(h, 100, 3));
	hold_put(h, &a, 5, new_frame(h, 100, 4));
	hold_put(h, &b, 20, new_frame(h, 100, 5));
	hold_put(h, &a, 15, new_frame(h, 100, 6));
	take(h, 5, 4);
	take(h, 10, 1);
	take(h, 10, 2);
	take(h, 10, 3);
	take(h, 15, 6);
	hold_put(h, &a, 20, new_frame(h, 100, 7));
	take(h, 20, 5);
	take(h, 20, 7);
	assert_int_equal(hold_due(h), UINT64_MAX);
	hold_free(h);
}

struct expected {
	uint64_t due, place;
};

static int compare(const void *a, const void *b)
{
	const struct expected *x = a, *y = b;

	if (x->due != y->due)
		return x->due < y->due ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

/* Against sorting: many owners, mostly in order, sometimes not; half is taken between. */
static void test_hold_at_random(void **state)
{
	enum { N = 20000, OWNERS = 17 };
	struct hold *h = hold_new(64 * MIB);
	struct hold_list lists[OWNERS] = { { .owner = NULL } };
	static struct expected e[N];
	size_t first = 0, n = 0;

	(void)state;
	srand(1);
	while (first < N) {
		size_t batch = (size_t)rand() % 400;

		for (size_t i = 0; i < batch && n < N; i++, n++) {
			e[n] = (struct expected){ n / 3 + (size_t)rand() % (i % 7 == 0 ? 99 : 2),
						  n };
			if (first > 0 && e[n].due < e[first - 1].due)
				e[n].due = e[first - 1].due;
			hold_put(h, &lists[rand() % OWNERS], e[n].due,
				 new_frame(h, 60 + n % 1400, n));
		}
		qsort(e + first, n - first, sizeof(*e), compare);
		for (size_t i = n == N ? n - first : (n - first) / 2; i > 0; i--, first++)
			take(h, e[first].due, e[first].place);
	}
	assert_int_equal(hold_due(h), UINT64_MAX);
	hold_free(h);
}

/* What was freed is used again, so memory stays as it is. */
static void test_memory_is_bounded(void **state)
{
	struct hold *h = hold_new(4 * MIB);
	struct hold_list list = { .owner = NULL };
	size_t n = 0, again = 0;

	(void)state;
	for (struct held *f; (f = hold_alloc(h, 1514)) != NULL; n++)
		hold_put(h, &list, n, f);
	/* Headers and rounding take less than a tenth. */
	assert_in_range(n, 4 * MIB / 1514 * 9 / 10, 4 * MIB / 1514);
	for (size_t i = 0; i < n; i++)
		hold_free_frame(h, hold_take(h));
	for (struct held *f; (f = hold_alloc(h, 1514)) != NULL; again++)
		hold_put(h, &list, again, f);
	assert_int_equal(again, n);
	hold_free(h);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = { 14, 60, 128, 1514, 1518, 9018, 65549, 200000 };
	struct hold *h = hold_new(64 * MIB);
	struct hold_list list = { .owner = NULL };

	(void)state;
	for (uint64_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (uint64_t k = 0; k < 40; k++)
			hold_put(h, &list, i * 40 + k, new_frame(h, sizes[i], i * 40 + k));
	for (uint64_t i = 0; i < 40 * sizeof(sizes) / sizeof(sizes[0]); i++)
		take(h, i, i);
	assert_null(hold_alloc(h, MIB));
	hold_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_rate),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_nothing_is_rounded_away),
		cmocka_unit_test(test_queue_of_packets),
		cmocka_unit_test(test_queue_of_bytes),
		cmocka_unit_test(test_long_queue),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_hold_at_random),
		cmocka_unit_test(test_memory_is_bounded),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
