/* Tests of src/calibrate: what is measured of streams made up here, and how it is judged. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "calibrate/compare.h"

#define MS  NS_PER_MS
#define LEN 106

#define assert_near(a, b, epsilon) assert_true(fabs((double)(a) - (double)(b)) <= (epsilon))

/* A stream at both sides of a link; cleaned up by stream_done(). */
struct made {
	struct seen_list entrance, exit;
};

static void made_done(struct made *m)
{
	seen_done(&m->entrance);
	seen_done(&m->exit);
}

static void enter(struct made *m, uint64_t number, uint64_t ns)
{
	seen_add(&m->entrance, &(struct seen){ ns, number, number * 3, LEN });
}

static void leave(struct made *m, uint64_t number, uint64_t ns)
{
	seen_add(&m->exit, &(struct seen){ ns, number, number * 3, LEN });
}

static int by_time(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;

	return x->time_ns < y->time_ns ? -1 : x->time_ns > y->time_ns;
}

static struct measured measure_made(struct made *m, double early_ns)
{
	struct measured found;

	if (m->exit.n != 0)
		qsort(m->exit.s, m->exit.n, sizeof(*m->exit.s), by_time);
	measure(&m->entrance, &m->exit, early_ns, &found);
	return found;
}

/* ---- measuring ---- */

static void a_clean_link(void **state)
{
	cleanup_by(made_done) struct made m = { 0 };

	(void)state;
	/* Warm-up comes first and does not count, however it does. */
	enter(&m, 0, 1000 * MS);
	leave(&m, 0, 1500 * MS);
	for (uint64_t i = 1; i <= 100; i++) {
		enter(&m, i, (2000 + i) * MS);
		leave(&m, i, (2010 + i) * MS);
	}

	cleanup_by(measured_done) struct measured found = measure_made(&m, 0);

	assert_int_equal(found.sent, 100);
	assert_int_equal(found.arrived, 100);
	assert_int_equal(found.duplicated + found.corrupted + found.early, 0);
	assert_int_equal(found.overtook + found.strange, 0);
	assert_int_equal(found.n_delays, 100);
	assert_near(found.delays[0], 10 * MS, 0);
	assert_near(found.delays[99], 10 * MS, 0);
	assert_near(found.late_median_ns, 10 * MS, 0);
	/* 99 frames in 99 ms. */
	assert_true(fabs(found.rate_bps - LEN * 8 * 1000) < 1);
}

static void each_fault_is_counted_once(void **state)
{
	cleanup_by(made_done) struct made m = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= 10; i++)
		enter(&m, i, i * MS);
	/* 1 passes, 2 is lost, 3 comes three times, 4 is damaged, 5 not held, 6 twice and damaged. */
	leave(&m, 1, 1 * MS + 10 * MS);
	for (uint64_t k = 0; k < 3; k++)
		leave(&m, 3, 3 * MS + 10 * MS + k);
	leave(&m, 4, 4 * MS + 10 * MS);
	m.exit.s[m.exit.n - 1].hash ^= 1;
	leave(&m, 5, 5 * MS + 1000);
	leave(&m, 6, 6 * MS + 10 * MS);
	leave(&m, 6, 6 * MS + 11 * MS);
	m.exit.s[m.exit.n - 1].hash ^= 1;
	for (uint64_t i = 7; i <= 10; i++)
		leave(&m, i, i * MS + 10 * MS);
	/* A number that nobody sent, as a damaged one could be read. */
	leave(&m, 4711, 12 * MS);

	cleanup_by(measured_done) struct measured found = measure_made(&m, 5 * MS);

	assert_int_equal(found.sent, 10);
	assert_int_equal(found.arrived, 9);
	assert_int_equal(found.duplicated, 2);
	assert_int_equal(found.corrupted, 2);
	assert_int_equal(found.early, 1);
	assert_int_equal(found.overtook, 1);
	assert_int_equal(found.strange, 1);
	assert_int_equal(found.n_delays, 8);
}

static void nothing_arrives(void **state)
{
	cleanup_by(made_done) struct made m = { 0 };

	(void)state;
	enter(&m, 1, 1);

	cleanup_by(measured_done) struct measured found = measure_made(&m, 0);

	assert_int_equal(found.sent, 1);
	assert_int_equal(found.arrived, 0);
	assert_int_equal(found.n_delays, 0);
	assert_true(found.rate_bps == 0);
}

/* ---- judging ---- */

/* Uniform in [0, 1), the same in every run (Knuth's MMIX generator). */
static double draw(void)
{
	static uint64_t x = 1;

	x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (double)(x >> 11) * 0x1p-53;
}

static const struct limits limits = {
	.packets = 50000, .pps = 10000, .duration_ns = 30 * NS_PER_SEC, .mtu = 1500
};

/* A link that does what `does` says is compared with what was asked of it. */
static struct rows judge(const struct impairment *asked, const struct impairment *does)
{
	cleanup_by(made_done) struct made m = { 0 };
	struct stream_plan plans[N_STREAMS];
	struct rows rows;

	plan_streams(asked, &limits, plans);
	for (uint64_t i = 1; i <= plans[STREAM_COUNTS].count; i++) {
		uint64_t now = 1000 * MS + i * NS_PER_SEC / plans[STREAM_COUNTS].pps;
		double hold = (double)does->delay_ns + (2 * draw() - 1) * (double)does->jitter_ns;

		enter(&m, i, now);
		if (draw() < does->loss)
			continue;
		leave(&m, i, now + (draw() < does->reorder ? 1000 : (uint64_t)hold));
		if (draw() < does->corrupt)
			m.exit.s[m.exit.n - 1].hash ^= 1;
		if (draw() < does->duplicate)
			leave(&m, i, now + (uint64_t)hold);
	}

	cleanup_by(measured_done) struct measured found = measure_made(
		&m, early_limit(asked, plans[STREAM_COUNTS].frame_len));
	const struct measured *all[N_STREAMS] = { [STREAM_COUNTS] = &found };

	compare(asked, plans, all, 0.999, &rows);
	return rows;
}

static const struct impairment all_asked = { .delay_ns = 20 * MS,
					     .jitter_ns = 4 * MS,
					     .jitter_reorders = true,
					     .loss = 0.02,
					     .duplicate = 0.03,
					     .corrupt = 0.01,
					     .reorder = 0.05 };

static void what_does_as_asked_is_ok(void **state)
{
	struct rows rows = judge(&all_asked, &all_asked);

	(void)state;
	for (int p = PROPERTY_DELAY; p <= PROPERTY_CORRUPT; p++)
		assert_int_equal(rows.r[p].match, MATCH_OK);
	assert_int_equal(rows.r[PROPERTY_RATE].match, MATCH_NOT_ASKED);
	assert_int_equal(rows.r[PROPERTY_QUEUE].match, MATCH_NOT_ASKED);
	assert_near(rows.r[PROPERTY_JITTER].asked, 4 * MS / sqrt(3), 1);
	assert_int_equal(rows.r[PROPERTY_LOSS].packets, 50000);
	assert_true(rows.r[PROPERTY_LOSS].low < 0.02 && rows.r[PROPERTY_LOSS].high > 0.02);
	assert_int_equal(count_intervals(&all_asked), 4);
}

/* One thing is done otherwise: just that is off. */
static void what_does_otherwise_is_off(void **state)
{
	struct impairment does[] = { all_asked, all_asked, all_asked,
				     all_asked, all_asked, all_asked };
	static const enum property off[] = {
		PROPERTY_DELAY,	    PROPERTY_JITTER,  PROPERTY_LOSS,
		PROPERTY_DUPLICATE, PROPERTY_REORDER, PROPERTY_CORRUPT
	};

	(void)state;
	does[0].delay_ns = 22 * MS;
	does[1].jitter_ns = 6 * MS;
	does[2].loss = 0.025;
	does[3].duplicate = 0.04;
	does[4].reorder = 0.06;
	does[5].corrupt = 0.015;
	for (size_t i = 0; i < sizeof(does) / sizeof(does[0]); i++) {
		struct rows rows = judge(&all_asked, &does[i]);

		for (int p = PROPERTY_LOSS; p <= PROPERTY_CORRUPT; p++)
			assert_int_equal(rows.r[p].match == MATCH_OFF, (enum property)p == off[i]);
		assert_int_equal(rows.r[off[i]].match, MATCH_OFF);
		assert_int_equal(rows.r[PROPERTY_DELAY].match == MATCH_OFF, i == 0);
	}
}

static void what_nobody_asked_for_is_off(void **state)
{
	const struct impairment asked = { .delay_ns = 20 * MS };
	const struct impairment does = { .delay_ns = 20 * MS, .loss = 0.001, .reorder = 0.001 };
	struct rows rows = judge(&asked, &does);

	(void)state;
	assert_int_equal(rows.r[PROPERTY_DELAY].match, MATCH_OK);
	assert_int_equal(rows.r[PROPERTY_LOSS].match, MATCH_OFF);
	assert_int_equal(rows.r[PROPERTY_REORDER].match, MATCH_OFF);
	assert_int_equal(rows.r[PROPERTY_DUPLICATE].match, MATCH_NOT_ASKED);
	assert_int_equal(rows.r[PROPERTY_JITTER].match, MATCH_NOT_ASKED);
}

static void what_cannot_be_told_is_unknown(void **state)
{
	/* Jitter down to no delay at all looks like frames that were not held. */
	const struct impairment asked = {
		.delay_ns = 4 * MS, .jitter_ns = 4 * MS, .jitter_reorders = true, .reorder = 0.1
	};
	const struct impairment nothing = { .loss = 1 };
	struct rows rows = judge(&asked, &asked);

	(void)state;
	assert_int_equal(rows.r[PROPERTY_REORDER].match, MATCH_UNKNOWN);
	assert_int_equal(rows.r[PROPERTY_LOSS].match, MATCH_NOT_ASKED);
	rows = judge(&all_asked, &nothing);
	assert_int_equal(rows.r[PROPERTY_LOSS].match, MATCH_OFF);
	assert_int_equal(rows.r[PROPERTY_DELAY].match, MATCH_UNKNOWN);
	assert_int_equal(rows.r[PROPERTY_CORRUPT].match, MATCH_UNKNOWN);
}

/* Bursts say less than as many single losses: the interval is wider, and holds what was asked. */
static void bursts_have_wider_intervals(void **state)
{
	struct impairment asked = { .loss = 0.1 };
	const struct impairment does = { .loss = 0.1 };
	struct rows single = judge(&asked, &does), burst;

	(void)state;
	asked.loss = 0;
	asked.loss_enter = 0.01;
	asked.loss_leave = 0.09;
	asked.loss_bad = 1;
	burst = judge(&asked, &does);
	assert_near(burst.r[PROPERTY_LOSS].asked, 0.1, 1e-9);
	assert_int_equal(burst.r[PROPERTY_LOSS].match, MATCH_OK);
	assert_true(burst.r[PROPERTY_LOSS].high - burst.r[PROPERTY_LOSS].low >
		    3 * (single.r[PROPERTY_LOSS].high - single.r[PROPERTY_LOSS].low));
}

/* 10 frames wait at any time, 1 ms each, and three times everything stands still for 50 ms. */
static void pauses_do_not_belie_the_rate(void **state)
{
	cleanup_by(made_done) struct made m = { 0 };
	uint64_t paused = 0;

	(void)state;
	for (uint64_t i = 1; i <= 1000; i++) {
		if (i % 250 == 0)
			paused += 50 * MS;
		enter(&m, i, i <= 10 ? 1 : (990 + i) * MS + paused);
		leave(&m, i, (1000 + i) * MS + paused);
	}

	cleanup_by(measured_done) struct measured found = measure_made(&m, 0);

	assert_true(fabs(found.rate_bps - LEN * 8 * 1000) < 1);
}

/* A rate of 10 Mbit/s with room for 20 kB before it, asked for more than that. */
static struct rows judge_rate(const struct impairment *asked, double bps, double queue)
{
	cleanup_by(made_done) struct made slow = { 0 }, m = { 0 };
	struct stream_plan plans[N_STREAMS];
	struct rows rows;
	double free_ns = 0;

	plan_streams(asked, &limits, plans);
	assert_true(plans[STREAM_RATE].wanted);
	enter(&slow, 1, 1);
	leave(&slow, 1, 1 + asked->delay_ns);
	for (uint64_t i = 1; i <= plans[STREAM_RATE].count; i++) {
		double now = (double)i * 1e9 / (double)plans[STREAM_RATE].pps;
		double each = 8e9 * plans[STREAM_RATE].frame_len / bps;

		enter(&m, i, (uint64_t)now + 1);
		if ((free_ns - now) * bps / 8e9 > queue)
			continue;
		free_ns = fmax(free_ns, now) + each;
		leave(&m, i, (uint64_t)free_ns + asked->delay_ns + 1);
		m.exit.s[m.exit.n - 1].len = plans[STREAM_RATE].frame_len;
	}

	cleanup_by(measured_done) struct measured a = measure_made(&slow, 0);
	cleanup_by(measured_done) struct measured b = measure_made(&m, 0);
	const struct measured *all[N_STREAMS] = { [STREAM_COUNTS] = &a, [STREAM_RATE] = &b };

	compare(asked, plans, all, 0.99, &rows);
	return rows;
}

static void rates_and_queues(void **state)
{
	struct impairment asked = { .rate_bps = 10000000,
				    .queue_bytes = 20000,
				    .delay_ns = 5 * MS };
	struct rows rows = judge_rate(&asked, 1e7, 20000);

	(void)state;
	assert_int_equal(rows.r[PROPERTY_RATE].match, MATCH_OK);
	assert_near(rows.r[PROPERTY_RATE].measured, 1e7, 2e4);
	assert_int_equal(rows.r[PROPERTY_QUEUE].match, MATCH_OK);
	rows = judge_rate(&asked, 1.05e7, 20000);
	assert_int_equal(rows.r[PROPERTY_RATE].match, MATCH_OFF);
	rows = judge_rate(&asked, 1e7, 28000);
	assert_int_equal(rows.r[PROPERTY_QUEUE].match, MATCH_OFF);
	asked.queue_bytes = 0;
	asked.queue_packets = 10;
	rows = judge_rate(&asked, 1e7, 10 * 1442);
	assert_int_equal(rows.r[PROPERTY_QUEUE].match, MATCH_OK);
	assert_near(rows.r[PROPERTY_QUEUE].asked, 14420, 0);
}

/* ---- planning ---- */

static void streams_fit_the_link(void **state)
{
	struct impairment asked = { .rate_bps = 1000000, .duplicate = 1 };
	struct stream_plan p[N_STREAMS];
	struct limits small = limits;

	(void)state;
	plan_streams(&asked, &limits, p);
	/* Half of 1 Mbit/s, and each frame twice. */
	assert_true(p[STREAM_COUNTS].pps * LEN * 8 * 2 <= 500000);
	assert_true(p[STREAM_COUNTS].count <= 30 * p[STREAM_COUNTS].pps);
	assert_true(p[STREAM_RATE].pps * p[STREAM_RATE].frame_len * 8 >= 1250000);
	assert_true(p[STREAM_RATE].count >= 1000);
	assert_false(p[STREAM_TIMES].wanted);

	/* Frames that may not overtake: each comes when the one before is through. */
	asked = (struct impairment){ .delay_ns = 10 * MS, .jitter_ns = 5 * MS };
	plan_streams(&asked, &limits, p);
	assert_true(p[STREAM_TIMES].wanted);
	assert_true(p[STREAM_TIMES].pps <= 100);
	assert_int_equal(p[STREAM_COUNTS].pps, 10000);
	asked.jitter_reorders = true;
	plan_streams(&asked, &limits, p);
	assert_false(p[STREAM_TIMES].wanted);
	assert_false(p[STREAM_RATE].wanted);

	/* A frame is no larger than the link lets through, and holds whole words. */
	small.mtu = 576;
	asked = (struct impairment){ .rate_bps = 1000000000 };
	plan_streams(&asked, &small, p);
	assert_int_equal(p[STREAM_RATE].frame_len, (576 - 28) / 8 * 8 + STREAM_HEADERS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_link),
		cmocka_unit_test(each_fault_is_counted_once),
		cmocka_unit_test(nothing_arrives),
		cmocka_unit_test(what_does_as_asked_is_ok),
		cmocka_unit_test(what_does_otherwise_is_off),
		cmocka_unit_test(what_nobody_asked_for_is_off),
		cmocka_unit_test(what_cannot_be_told_is_unknown),
		cmocka_unit_test(bursts_have_wider_intervals),
		cmocka_unit_test(pauses_do_not_belie_the_rate),
		cmocka_unit_test(rates_and_queues),
		cmocka_unit_test(streams_fit_the_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
