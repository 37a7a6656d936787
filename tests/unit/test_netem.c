/*
 * Tests of src/lab/netem*.c. Without arguments: the bytes that the kernel is
 * told, taken apart by libnl. With "live": what a kernel that has sch_netem does
 * with them, on a veth pair in a network namespace of the test's own
 * (tests/labs/netem.sh runs it under ci/stock-kernel).
 *
 *	far (netem) ---> port
 */
#include <linux/pkt_sched.h>
#include <math.h>
#include <netlink/attr.h>

#include "base/text.h"
#include "lab/netem_options.h"
#include "unit/netem_cable.h"

#define MAX_SHARE UINT32_MAX

/* ---- what the kernel is told ---- */

struct told {
	struct text bytes;
	struct tc_netem_qopt options;
	struct nlattr *a[NETEM_PRNG_SEED + 1];
};

static void told_done(struct told *t)
{
	text_done(&t->bytes);
}

static void tell(const struct impairment *i, uint64_t seed, struct told *t)
{
	netem_add_options(&t->bytes, i, seed);
	memcpy(&t->options, t->bytes.s, sizeof(t->options));
	assert_int_equal(nla_parse(t->a, NETEM_PRNG_SEED,
				   (struct nlattr *)(t->bytes.s + sizeof(t->options)),
				   (int)(t->bytes.len - sizeof(t->options)), NULL),
			 0);
}

static uint64_t value64(const struct told *t, int type)
{
	assert_non_null(t->a[type]);
	assert_int_equal(nla_len(t->a[type]), 8);
	return nla_get_u64(t->a[type]);
}

static uint32_t value32(const struct told *t, int type)
{
	assert_non_null(t->a[type]);
	return nla_get_u32(t->a[type]);
}

/* All that netem keeps unless it is told anew is there, and nothing waits in a short queue. */
static void a_clean_cable_is_told_in_full(void **state)
{
	const struct impairment clean = { 0 };
	struct told t cleanup_by(told_done) = { 0 };

	(void)state;
	tell(&clean, 7, &t);
	assert_int_equal(t.options.loss, 0);
	assert_int_equal(t.options.gap, 0);
	assert_int_equal(t.options.duplicate, 0);
	assert_int_equal(t.options.limit, UINT32_MAX);
	assert_int_equal(value32(&t, TCA_NETEM_REORDER), 0);
	assert_int_equal(value32(&t, TCA_NETEM_CORRUPT), 0);
	assert_int_equal(value32(&t, TCA_NETEM_RATE), 0);
	assert_int_equal(value64(&t, TCA_NETEM_LATENCY64), 0);
	assert_int_equal(value64(&t, TCA_NETEM_JITTER64), 0);
	assert_int_equal(value64(&t, NETEM_PRNG_SEED), 7);
	assert_null(t.a[TCA_NETEM_LOSS]);
	assert_null(t.a[TCA_NETEM_DELAY_DIST]);
}

static void shares_and_limits(void **state)
{
	const struct impairment i = {
		.loss = 0.25,
		.duplicate = 0.5,
		.corrupt = 1,
		.reorder = 0.125,
		.delay_ns = 5 * NS_PER_SEC,
		.rate_bps = 10000000,
		.queue_packets = 100,
	};
	struct told t cleanup_by(told_done) = { 0 };

	(void)state;
	tell(&i, UINT64_MAX, &t);
	assert_int_equal(t.options.loss, 1U << 30);
	assert_int_equal(t.options.duplicate, 1U << 31);
	assert_int_equal(t.options.gap, 1);
	assert_int_equal(t.options.limit, 100);
	assert_int_equal(value32(&t, TCA_NETEM_REORDER), 1U << 29);
	assert_int_equal(value32(&t, TCA_NETEM_CORRUPT), MAX_SHARE);
	assert_int_equal(value32(&t, TCA_NETEM_RATE), 1250000);
	assert_null(t.a[TCA_NETEM_RATE64]);
	assert_int_equal(value64(&t, TCA_NETEM_LATENCY64), 5 * NS_PER_SEC);
	assert_true(value64(&t, NETEM_PRNG_SEED) == UINT64_MAX);
}

static void large_rates(void **state)
{
	const struct impairment i = { .rate_bps = 100000000000 };
	struct told t cleanup_by(told_done) = { 0 };

	(void)state;
	tell(&i, 1, &t);
	assert_int_equal(value32(&t, TCA_NETEM_RATE), UINT32_MAX);
	assert_int_equal(value64(&t, TCA_NETEM_RATE64), 12500000000);
}

static void bursts(void **state)
{
	struct impairment i = {
		.loss_enter = 0.25,
		.loss_leave = 0.5,
		.loss_bad = 0.875,
		.loss_good = 0.0625,
	};
	struct told t cleanup_by(told_done) = { 0 };
	struct told down cleanup_by(told_done) = { 0 };
	struct nlattr *nested[NETEM_LOSS_MAX + 1];
	struct tc_netem_gemodel model;

	(void)state;
	tell(&i, 1, &t);
	assert_non_null(t.a[TCA_NETEM_LOSS]);
	assert_int_equal(nla_parse_nested(nested, NETEM_LOSS_MAX, t.a[TCA_NETEM_LOSS], NULL), 0);
	assert_int_equal(nla_memcpy(&model, nested[NETEM_LOSS_GE], sizeof(model)), sizeof(model));
	assert_int_equal(model.p, 1U << 30);
	assert_int_equal(model.r, 1U << 31);
	assert_int_equal(model.h, 1U << 29);
	assert_int_equal(model.k1, 1U << 28);
	i.down = true;
	tell(&i, 1, &down);
	assert_int_equal(down.options.loss, MAX_SHARE);
	assert_null(down.a[TCA_NETEM_LOSS]);
}

/* ---- the shapes of jitter ---- */

/* What tabledist() of the kernel makes of the table, in units of the jitter asked for. */
struct moments {
	double mean, deviation, least, most;
	size_t n;
};

static void measure(const struct impairment *i, struct moments *ret)
{
	struct told t cleanup_by(told_done) = { 0 };

	tell(i, 1, &t);
	assert_non_null(t.a[TCA_NETEM_DELAY_DIST]);

	const int16_t *table = nla_data(t.a[TCA_NETEM_DELAY_DIST]);
	double jitter = (double)value64(&t, TCA_NETEM_JITTER64);
	double sum = 0, squares = 0;
	struct moments m = { .n = (size_t)nla_len(t.a[TCA_NETEM_DELAY_DIST]) / 2 };

	assert_true(m.n <= NETEM_DIST_MAX);
	assert_true(jitter <= INT32_MAX);
	for (size_t k = 0; k < m.n; k++) {
		double x = table[k] * jitter / NETEM_DIST_SCALE / (double)i->jitter_ns;

		m.least = k == 0 || x < m.least ? x : m.least;
		m.most = k == 0 || x > m.most ? x : m.most;
		sum += x;
		squares += x * x;
	}
	m.mean = sum / (double)m.n;
	m.deviation = sqrt(squares / (double)m.n - m.mean * m.mean);
	*ret = m;
}

static void assert_near(double found, double expected, double tolerance)
{
	if (fabs(found - expected) > tolerance)
		fail_msg("%f is not %f +- %f", found, expected, tolerance);
}

static void jitter_has_the_shape_asked_for(void **state)
{
	struct impairment i = { .jitter_ns = 2 * NS_PER_SEC, .jitter_shape = JITTER_UNIFORM };
	struct moments m;

	(void)state;
	measure(&i, &m);
	assert_near(m.mean, 0, 1e-3);
	assert_near(m.least, -1, 1e-3);
	assert_near(m.most, 1, 1e-3);
	assert_near(m.deviation, 1 / sqrt(3), 1e-3);

	i.jitter_shape = JITTER_NORMAL;
	measure(&i, &m);
	assert_near(m.mean, 0, 1e-3);
	assert_near(m.deviation, 1, 1e-3);
	/* The quantile of 1 - 1/8192. */
	assert_near(m.most, 3.67, 0.01);
	assert_near(m.least, -3.67, 0.01);

	i.jitter_shape = JITTER_PARETO;
	i.jitter_ns = 300 * NS_PER_MS;
	measure(&i, &m);
	assert_near(m.mean, 0, 2e-3);
	assert_near(m.deviation, 1, 2e-3);
	/* Nothing is earlier than (1 - 3/2) / sqrt(3/4), or a little: the tail has an end. */
	assert_near(m.least, -0.58, 0.04);
	assert_true(m.most > 15);
}

static void jitter_in_order_is_a_rate(void **state)
{
	struct impairment i = { .delay_ns = 1000, .jitter_ns = 1000 };
	struct told in_order cleanup_by(told_done) = { 0 };
	struct told any cleanup_by(told_done) = { 0 };

	(void)state;
	tell(&i, 1, &in_order);
	assert_int_equal(value32(&in_order, TCA_NETEM_RATE), UINT32_MAX);
	/* Not a nanosecond for the largest frame. */
	assert_true(value64(&in_order, TCA_NETEM_RATE64) > 65535 * NS_PER_SEC);
	i.jitter_reorders = true;
	tell(&i, 1, &any);
	assert_int_equal(value32(&any, TCA_NETEM_RATE), 0);
}

/* ---- what the kernel does ---- */

static void apply(const struct impairment *i, uint64_t seed)
{
	struct err e;

	if (netem_apply("far", i, seed, &e) != 0)
		fail_msg("%s", e.msg);
}

static void every_loss_is_counted(void **state)
{
	const struct impairment i = { .loss = 0.2 };
	const size_t n = 3000;
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	cable_send(n);
	cable_receive(&c);
	assert_int_equal(c.sent + c.dropped, n);
	assert_int_equal(cable.n, c.sent);
	/* The deviation of 600 is 22. */
	assert_in_range(c.dropped, 600 - 130, 600 + 130);
}

static void bursts_are_as_long_as_asked_for(void **state)
{
	const struct impairment i = { .loss_enter = 0.05, .loss_leave = 0.25, .loss_bad = 1 };
	const size_t n = 6000;
	size_t n_bursts = 0, next = 0;
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	cable_send(n);
	cable_receive(&c);
	for (size_t k = 0; k < cable.n; k++) {
		n_bursts += cable.arrivals[k].number != next;
		next = cable.arrivals[k].number + 1;
	}
	assert_int_equal(c.sent + c.dropped, n);
	assert_near((double)c.dropped / (double)n, 0.05 / 0.30, 0.04);
	assert_near((double)c.dropped / (double)n_bursts, 4, 1);
}

static void nothing_waits_in_a_short_queue(void **state)
{
	const struct impairment i = { .delay_ns = 2 * NS_PER_SEC };
	const size_t n = 3000;
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	cable_send(n);
	cable_receive(&c);
	assert_int_equal(c.dropped, 0);
	assert_int_equal(cable.n, n);
}

static void a_full_queue_drops(void **state)
{
	/* A frame takes 2 s. */
	const struct impairment i = { .rate_bps = FRAME_BYTES * 8 / 2, .queue_packets = 10 };
	struct netem_counters c;
	struct err e;

	(void)state;
	apply(&i, 1);
	cable_send(30);
	assert_int_equal(netem_read("far", &c, &e), 0);
	assert_int_equal(c.sent + c.held + c.dropped, 30);
	assert_int_equal(c.held, 10);
}

static void frames_are_held_for_their_delay(void **state)
{
	const struct impairment i = { .delay_ns = 20 * NS_PER_MS };
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	for (int k = 0; k < 50; k++) {
		cable_send(1);
		cable_receive(&c);
	}
	for (size_t k = 0; k < cable.n; k++)
		assert_true(cable_held_ns(k) >= 20 * NS_PER_MS);
	assert_true(cable_median_ns() < 2 * 20 * NS_PER_MS);
}

static void a_rate_takes_its_time(void **state)
{
	const struct impairment i = { .rate_bps = 1000000 };
	const size_t n = 101;
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	cable_send(n);
	cable_receive(&c);
	assert_int_equal(cable.n, n);

	uint64_t took = cable.arrivals[n - 1].arrived_ns - cable.arrivals[0].arrived_ns;

	/* 100 frames behind the first, 2 ms each; the machine may be busy, but not so much. */
	assert_in_range(took, 195 * NS_PER_MS, 2 * 200 * NS_PER_MS);
}

static size_t count_overtaken(void)
{
	uint32_t latest = 0;
	size_t n = 0;

	for (size_t k = 0; k < cable.n; k++) {
		n += cable.arrivals[k].number < latest;
		if (cable.arrivals[k].number > latest)
			latest = cable.arrivals[k].number;
	}
	return n;
}

static void jitter_keeps_the_order_unless_told(void **state)
{
	struct impairment i = {
		.delay_ns = 100 * NS_PER_MS,
		.jitter_ns = 20 * NS_PER_MS,
		.jitter_shape = JITTER_NORMAL,
	};
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	cable_send(500);
	cable_receive(&c);
	assert_int_equal(cable.n, 500);
	assert_int_equal(count_overtaken(), 0);
	i.jitter_reorders = true;
	apply(&i, 1);
	cable_restart();
	cable_send(500);
	cable_receive(&c);
	assert_int_equal(cable.n, 500);
	assert_true(count_overtaken() > 100);
	/* Whoever goes by its own time has the delay at the median. */
	assert_in_range(cable_median_ns(), 95 * NS_PER_MS, 2 * 100 * NS_PER_MS);
}

static void some_overtake(void **state)
{
	const struct impairment i = { .delay_ns = 3 * NS_PER_SEC, .reorder = 0.5 };
	struct netem_counters c;
	size_t early = 0;

	(void)state;
	apply(&i, 1);
	cable_send(400);
	cable_receive(&c);
	assert_int_equal(cable.n, 400);
	for (size_t k = 0; k < cable.n; k++)
		early += cable_held_ns(k) < 3 * NS_PER_SEC;
	/* The deviation of 200 is 10. */
	assert_in_range(early, 140, 260);
}

static void twice_and_damaged(void **state)
{
	const struct impairment i = { .duplicate = 1, .corrupt = 1 };
	struct netem_counters c;

	(void)state;
	apply(&i, 1);
	cable_send(200);
	cable_receive(&c);
	assert_int_equal(c.sent, 400);
	assert_int_equal(c.dropped, 0);
	/* A flipped bit may be of the type that frames are recognized by, or of their number. */
	assert_in_range(cable.n, 340, 400);
	for (size_t k = 0; k < cable.n; k++)
		assert_true(cable.arrivals[k].flipped <= 1);
	assert_true(cable_count_flipped() > 300);
}

/* A fault in the middle of a run: what is held and what was counted stays. */
static void a_change_keeps_what_is_there(void **state)
{
	const struct impairment slow = { .delay_ns = NS_PER_SEC };
	const struct impairment down = { .down = true };
	const struct impairment clean = { 0 };
	struct netem_counters c;
	struct err e;

	(void)state;
	apply(&slow, 1);
	cable_send(5);
	apply(&down, 1);
	assert_int_equal(netem_read("far", &c, &e), 0);
	assert_int_equal(c.held, 5);
	cable_send(7);
	cable_receive(&c);
	assert_int_equal(c.sent, 5);
	assert_int_equal(c.dropped, 7);
	apply(&clean, 1);
	cable_send(3);
	cable_receive(&c);
	assert_int_equal(c.sent, 8);
	assert_int_equal(c.dropped, 7);
	assert_int_equal(cable.n, 8);
	assert_int_equal(cable.arrivals[7].number, 14);
}

/* Which of 500 frames arrive, with this seed. */
static void draw_losses(uint64_t seed, bool *ret_arrived)
{
	const struct impairment i = { .loss = 0.3 };
	struct netem_counters c;

	apply(&i, seed);
	cable_restart();
	cable_send(500);
	cable_receive(&c);
	memset(ret_arrived, 0, 500);
	for (size_t k = 0; k < cable.n; k++)
		ret_arrived[cable.arrivals[k].number] = true;
}

/* A kernel that says it takes a seed repeats itself, and one that does not takes none. */
static void a_seed_is_obeyed_or_not_claimed(void **state)
{
	bool first[500], again[500], other[500];
	struct netem_counters c;
	struct err e;

	(void)state;
	draw_losses(1, first);
	draw_losses(1, again);
	draw_losses(2, other);
	assert_int_equal(netem_read("far", &c, &e), 0);
	print_message("this kernel %s a seed\n", c.seeded ? "takes" : "does not take");
	assert_int_equal(memcmp(first, again, sizeof(first)) == 0, c.seeded);
	assert_int_not_equal(memcmp(first, other, sizeof(first)), 0);
}

static void what_is_not_there_is_said(void **state)
{
	const struct impairment i = { 0 };
	struct netem_counters c;
	struct err e;

	(void)state;
	assert_int_equal(netem_apply("nothing", &i, 1, &e), -1);
	assert_non_null(strstr(e.msg, "'nothing': No such device"));
	assert_int_equal(netem_read("far", &c, &e), -1);
	assert_string_equal(e.msg, "read netem of 'far': it has none");
	assert_true(netem_available(&e));
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, cable_make, cable_break)

static int run_live(void)
{
	const struct CMUnitTest tests[] = {
		LIVE(what_is_not_there_is_said),
		LIVE(every_loss_is_counted),
		LIVE(bursts_are_as_long_as_asked_for),
		LIVE(nothing_waits_in_a_short_queue),
		LIVE(a_full_queue_drops),
		LIVE(frames_are_held_for_their_delay),
		LIVE(a_rate_takes_its_time),
		LIVE(jitter_keeps_the_order_unless_told),
		LIVE(some_overtake),
		LIVE(twice_and_damaged),
		LIVE(a_change_keeps_what_is_there),
		LIVE(a_seed_is_obeyed_or_not_claimed),
	};

	return cmocka_run_group_tests_name("netem live", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_clean_cable_is_told_in_full),
		cmocka_unit_test(shares_and_limits),
		cmocka_unit_test(large_rates),
		cmocka_unit_test(bursts),
		cmocka_unit_test(jitter_has_the_shape_asked_for),
		cmocka_unit_test(jitter_in_order_is_a_rate),
	};

	if (argc == 2 && strcmp(argv[1], "live") == 0)
		return run_live();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
