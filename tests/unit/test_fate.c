/*
 * Fates: their statistics, over so many draws that a generator that was off by a few per cent would
 * show, and that they depend on nothing but what they should. Seeds are fixed: what passes once
 * passes always.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "link/fate.h"

#define SEED   2
#define N      200000
#define LEN    1000
#define LINK   "n1/eth0"
#define HEADER 14
/* Standard deviations that 99.9% of normal samples are within. */
#define BOUNDS 3.29

static struct link_flow udp_flow(uint16_t from_port)
{
	struct link_flow f = { .protocol = IPPROTO_UDP,
			       .ethertype = ETHERTYPE_IP,
			       .from_port = from_port,
			       .to_port = 10000,
			       .from = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
			       .to = { [10] = 0xff, 0xff, 10, 0, 0, 2 } };

	return f;
}

static struct fate_flow new_flow(uint64_t seed, const struct link_flow *name)
{
	struct fate_flow flow;

	fate_flow_init(&flow, seed, LINK, name);
	return flow;
}

static void assert_near(double value, double expected, double deviation)
{
	if (fabs(value - expected) > BOUNDS * deviation)
		fail_msg("%g is not within %g of %g", value, BOUNDS * deviation, expected);
}

static void assert_share(size_t count, size_t n, double p)
{
	assert_near((double)count, (double)n * p, sqrt((double)n * p * (1 - p)));
}

/* How many of n frames a condition holds for. */
#define count_if(impairment, n, condition)                                                         \
	({                                                                                         \
		struct link_flow name__ = udp_flow(20000);                                         \
		struct fate_flow flow__ = new_flow(SEED, &name__);                                 \
		size_t count__ = 0;                                                                \
		struct fate fate;                                                                  \
                                                                                                   \
		for (size_t i__ = 0; i__ < (n); i__++) {                                           \
			fate_decide((impairment), &flow__, LEN, &fate);                            \
			count__ += (condition);                                                    \
		}                                                                                  \
		fate_flow_done(&flow__);                                                           \
		count__;                                                                           \
	})

static void test_clean(void **state)
{
	struct impairment clean = { .delay_ns = 5 };

	(void)state;
	assert_int_equal(count_if(&clean, 1000,
				  fate.cause == CAUSE_NONE && fate.copies == 1 && fate.draw < 0 &&
					  fate.flipped == 0 && !fate.reordered &&
					  fate.hold_ns[0] == 5),
			 1000);
}

static void test_shares(void **state)
{
	static const double shares[] = { 0.001, 0.01, 0.1, 0.5, 0.9 };

	(void)state;
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		struct impairment loss = { .loss = shares[i] };
		struct impairment duplicate = { .duplicate = shares[i] };
		struct impairment corrupt = { .corrupt = shares[i] };
		struct impairment reorder = { .reorder = shares[i] };

		assert_share(count_if(&loss, N, fate.cause == CAUSE_LOSS && fate.copies == 0), N,
			     shares[i]);
		assert_share(count_if(&duplicate, N, fate.copies == 2), N, shares[i]);
		assert_share(count_if(&corrupt, N, fate.flipped != 0), N, shares[i]);
		assert_share(count_if(&reorder, N, fate.reordered), N, shares[i]);
	}
}

static void test_all_and_none(void **state)
{
	struct impairment all = { .loss = 1 }, none = { .loss = 0 };

	(void)state;
	assert_int_equal(count_if(&all, N, fate.cause == CAUSE_LOSS), N);
	assert_int_equal(count_if(&none, N, fate.cause == CAUSE_LOSS), 0);
}

/* The draw is what decided, and the same for every share of losses. */
static void test_draw(void **state)
{
	struct impairment i = { .loss = 0.3 };

	(void)state;
	assert_int_equal(count_if(&i, N,
				  (fate.draw < 0.3) == (fate.cause == CAUSE_LOSS) &&
					  fate.draw >= 0 && fate.draw < 1),
			 N);
}

/*
 * Gilbert-Elliott: the share of frames in the bad state, whose deviation is that of a Markov chain
 * whose second eigenvalue is 1 - enter - leave, and the length of bursts.
 */
static void test_bursts(void **state)
{
	const double enter = 0.01, leave = 0.2, eigen = 1 - enter - leave;
	const double bad = enter / (enter + leave);
	struct impairment i = { .loss_enter = enter, .loss_leave = leave, .loss_bad = 1 };
	bool before = false;
	size_t n_bursts = 0;
	size_t n_lost = count_if(&i, N, ({
		bool lost = fate.cause == CAUSE_BURST;

		n_bursts += lost && !before;
		before = lost;
		lost;
	}));

	(void)state;
	assert_near((double)n_lost, N * bad, sqrt(N * bad * (1 - bad) * (1 + eigen) / (1 - eigen)));
	/* Geometric: mean 1 / leave. */
	assert_near((double)n_lost / (double)n_bursts, 1 / leave,
		    sqrt((1 - leave) / leave / leave / (double)n_bursts));
}

static void test_losses_of_both_states(void **state)
{
	/* Each frame's state is drawn anew then, so losses are independent. */
	struct impairment i = {
		.loss_enter = 0.5, .loss_leave = 0.5, .loss_bad = 0.4, .loss_good = 0.1
	};

	(void)state;
	assert_share(count_if(&i, N, fate.cause == CAUSE_BURST), N, 0.25);
}

/* ---- jitter ---- */

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorted delays, in units of the jitter from the mean. */
static double *delays(enum jitter_shape shape)
{
	struct impairment i = { .delay_ns = 50 * NS_PER_MS,
				.jitter_ns = 100 * NS_PER_US,
				.jitter_shape = shape };
	double *d = calloc(N, sizeof(*d));
	size_t n = 0;

	assert_non_null(d);
	count_if(&i, N, ({
		d[n++] = ((double)fate.hold_ns[0] - (double)i.delay_ns) / (double)i.jitter_ns;
		fate.hold_ns[1] == fate.hold_ns[0];
	}));
	qsort(d, N, sizeof(*d), compare);
	return d;
}

static double mean(const double *d)
{
	double sum = 0;

	for (size_t i = 0; i < N; i++)
		sum += d[i];
	return sum / N;
}

static double variance(const double *d)
{
	double m = mean(d), sum = 0;

	for (size_t i = 0; i < N; i++)
		sum += (d[i] - m) * (d[i] - m);
	return sum / N;
}

static size_t below(const double *d, double x)
{
	size_t n = 0;

	while (n < N && d[n] < x)
		n++;
	return n;
}

static void test_uniform(void **state)
{
	double *d = delays(JITTER_UNIFORM);

	(void)state;
	assert_true(d[0] >= -1 && d[N - 1] <= 1);
	assert_near(mean(d), 0, sqrt(1.0 / 3 / N));
	for (double x = -0.9; x < 1; x += 0.1)
		assert_share(below(d, x), N, (x + 1) / 2);
	free(d);
}

static void test_normal(void **state)
{
	double *d = delays(JITTER_NORMAL);

	(void)state;
	assert_near(mean(d), 0, 1 / sqrt(N));
	assert_near(variance(d), 1, sqrt(2.0 / N));
	for (double x = -3; x <= 3; x += 0.25)
		assert_share(below(d, x), N, erfc(-x / M_SQRT2) / 2);
	free(d);
}

/* Shape 3, least value 1, mean 3/2, variance 3/4: P(X > x) is x to the power of -3. */
static void test_pareto(void **state)
{
	double *d = delays(JITTER_PARETO);

	(void)state;
	assert_near(mean(d), 0, 1 / sqrt(N));
	/* The nanosecond may be rounded away. */
	assert_true(d[0] >= (1 - 1.5) / sqrt(0.75) - 1e-4);
	assert_true(d[N - 1] <= (FATE_PARETO_TAIL - 1.5) / sqrt(0.75));
	for (double x = 1.1; x < 20; x *= 1.3)
		assert_share(N - below(d, (x - 1.5) / sqrt(0.75)), N, pow(x, -3));
	free(d);
}

/* Half of them would leave before they came. */
static void test_never_early(void **state)
{
	struct impairment i = { .delay_ns = 0,
				.jitter_ns = NS_PER_MS,
				.jitter_shape = JITTER_NORMAL };

	(void)state;
	assert_share(count_if(&i, N, fate.hold_ns[0] == 0), N, 0.5);
	assert_int_equal(count_if(&i, N, fate.hold_ns[0] > NS_PER_SEC), 0);
}

/* A duplicate has a delay of its own only where frames may overtake each other. */
static void test_duplicates_jitter(void **state)
{
	struct impairment i = { .delay_ns = NS_PER_MS,
				.jitter_ns = NS_PER_MS,
				.duplicate = 1,
				.jitter_reorders = true };

	(void)state;
	assert_in_range(count_if(&i, N, fate.hold_ns[0] == fate.hold_ns[1]), 0, 10);
	i.jitter_reorders = false;
	assert_int_equal(count_if(&i, N, fate.hold_ns[0] == fate.hold_ns[1]), N);
}

static void test_reordered_leave_at_once(void **state)
{
	struct impairment i = { .delay_ns = NS_PER_MS, .reorder = 0.25, .jitter_ns = 1000 };

	(void)state;
	assert_int_equal(count_if(&i, N, fate.reordered == (fate.hold_ns[0] == 0)), N);
}

/* ---- corruption ---- */

static void test_one_bit(void **state)
{
	struct impairment i = { .corrupt = 1 };
	static size_t hits[LEN * 8];
	uint8_t frame[LEN] = { 0 };

	(void)state;
	count_if(&i, N, ({
		hits[fate.flipped]++;
		true;
	}));
	for (size_t bit = 0; bit < HEADER * 8; bit++)
		assert_int_equal(hits[bit], 0);
	/* In each of 29 pieces of 34 bytes as many as in another. */
	for (size_t piece = 0; piece < 29; piece++) {
		size_t n = 0;

		for (size_t bit = 0; bit < 34 * 8; bit++)
			n += hits[HEADER * 8 + piece * 34 * 8 + bit];
		assert_share(n, N, 1.0 / 29);
	}
	fate_flip(frame, HEADER * 8 + 1);
	assert_int_equal(frame[HEADER], 0x40);
	fate_flip(frame, HEADER * 8 + 1);
	assert_int_equal(frame[HEADER], 0);
}

static void test_nothing_to_corrupt(void **state)
{
	struct impairment i = { .corrupt = 1 };
	struct link_flow name = udp_flow(20000);
	struct fate_flow flow = new_flow(1, &name);
	struct fate fate;

	(void)state;
	fate_decide(&i, &flow, HEADER, &fate);
	assert_int_equal(fate.flipped, 0);
	fate_decide(&i, &flow, HEADER + 1, &fate);
	assert_in_range(fate.flipped, HEADER * 8, HEADER * 8 + 7);
}

static void test_arp_stays_whole(void **state)
{
	struct impairment i = { .corrupt = 1 };
	struct link_flow name = { .ethertype = ETHERTYPE_ARP };
	struct fate_flow flow = new_flow(1, &name);
	struct fate fate;

	(void)state;
	for (int n = 0; n < 100; n++) {
		fate_decide(&i, &flow, 42, &fate);
		assert_int_equal(fate.flipped, 0);
	}
}

/* ---- what is named, and in which order it is asked ---- */

static enum link_cause cause_of(const struct impairment *i, const struct link_flow *name,
				uint64_t number, size_t len)
{
	struct fate_flow flow = new_flow(1, name);
	struct fate fate;

	flow.number = number - 1;
	fate_decide(i, &flow, len, &fate);
	fate_flow_done(&flow);
	assert_int_equal(flow.number, number);
	return fate.cause;
}

static void test_listed(void **state)
{
	char text[] = "udp 10.0.0.1:20001 > 10.0.0.2:10000";
	struct drop_range drops[] = { { .first = 3, .last = 3 },
				      { .first = 20, .last = 25 },
				      { .first = 7, .last = 7, .flow = text } };
	struct impairment i = { .drops = drops, .n_drops = 3 };
	struct link_flow one = udp_flow(20000), other = udp_flow(20001);
	struct link_flow arp = { .ethertype = ETHERTYPE_ARP };

	(void)state;
	for (uint64_t number = 1; number < 30; number++) {
		bool both = number == 3 || (number >= 20 && number <= 25);

		assert_int_equal(cause_of(&i, &one, number, LEN), both ? CAUSE_LISTED : 0);
		assert_int_equal(cause_of(&i, &other, number, LEN),
				 both || number == 7 ? CAUSE_LISTED : 0);
		assert_int_equal(cause_of(&i, &arp, number, LEN), CAUSE_NONE);
	}
}

static void test_every(void **state)
{
	struct impairment i = { .drop_every = 10 };
	struct link_flow arp = { .ethertype = ETHERTYPE_ARP }, udp = udp_flow(20000);

	(void)state;
	assert_int_equal(count_if(&i, 1000, fate.cause == CAUSE_EVERY), 100);
	assert_int_equal(cause_of(&i, &udp, 10, LEN), CAUSE_EVERY);
	assert_int_equal(cause_of(&i, &arp, 10, LEN), CAUSE_NONE);
}

static void test_order_of_causes(void **state)
{
	struct drop_range drop = { .first = 1, .last = 1 };
	struct impairment i = { .loss = 1,
				.drop_every = 1,
				.drops = &drop,
				.n_drops = 1,
				.mtu = LEN - HEADER - 1,
				.down = true };
	struct link_flow udp = udp_flow(20000), arp = { .ethertype = ETHERTYPE_ARP };

	(void)state;
	assert_int_equal(cause_of(&i, &udp, 1, LEN), CAUSE_DOWN);
	i.down = false;
	assert_int_equal(cause_of(&i, &udp, 1, LEN), CAUSE_MTU);
	assert_int_equal(cause_of(&i, &arp, 1, LEN), CAUSE_LOSS);
	i.mtu++;
	assert_int_equal(cause_of(&i, &udp, 1, LEN), CAUSE_LISTED);
	assert_int_equal(cause_of(&i, &udp, 2, LEN), CAUSE_EVERY);
	i.drop_every = 0;
	assert_int_equal(cause_of(&i, &udp, 2, LEN), CAUSE_LOSS);
}

/* ---- what fates depend on ---- */

static void decide_n(struct fate_flow *flow, const struct impairment *i, struct fate *fates,
		     size_t n)
{
	for (size_t k = 0; k < n; k++)
		fate_decide(i, flow, LEN, &fates[k]);
}

static const struct impairment everything = { .loss_enter = 0.1,
					      .loss_leave = 0.3,
					      .loss_bad = 0.5,
					      .duplicate = 0.2,
					      .corrupt = 0.2,
					      .reorder = 0.2,
					      .delay_ns = NS_PER_MS,
					      .jitter_ns = NS_PER_MS / 2,
					      .jitter_shape = JITTER_NORMAL };

static void test_interleaving(void **state)
{
	enum { M = 2000 };
	struct link_flow names[2] = { udp_flow(20000), udp_flow(20001) };
	static struct fate apart[2][M], mixed[2][M];
	struct fate_flow flows[2];
	size_t n[2] = { 0 };

	(void)state;
	memset(apart, 0, sizeof(apart));
	memset(mixed, 0, sizeof(mixed));
	for (int k = 0; k < 2; k++) {
		flows[k] = new_flow(7, &names[k]);
		decide_n(&flows[k], &everything, apart[k], M);
		flows[k] = new_flow(7, &names[k]);
	}
	for (unsigned i = 0; n[0] < M || n[1] < M; i++) {
		int k = n[1] == M || (n[0] < M && i * 2654435761U >> 31 == 0) ? 0 : 1;

		fate_decide(&everything, &flows[k], LEN, &mixed[k][n[k]++]);
	}
	assert_memory_equal(apart, mixed, sizeof(apart));
}

/* Losing p of both, p squared is lost of both at the same number. */
static void test_independence(void **state)
{
	struct impairment i = { .loss = 0.3 };
	struct link_flow names[2] = { udp_flow(20000), udp_flow(20001) };
	struct fate_flow a = new_flow(1, &names[0]), b = new_flow(1, &names[1]);
	size_t both = 0, in_a_row = 0;
	bool before = false;

	(void)state;
	for (size_t k = 0; k < N; k++) {
		struct fate x, y;

		fate_decide(&i, &a, LEN, &x);
		fate_decide(&i, &b, LEN, &y);
		both += x.copies == 0 && y.copies == 0;
		in_a_row += x.copies == 0 && before;
		before = x.copies == 0;
	}
	assert_share(both, N, 0.09);
	assert_share(in_a_row, N, 0.09);
}

/* What is drawn for other purposes makes no difference. */
static void test_purposes(void **state)
{
	struct impairment loss = { .loss = 0.3 }, more = everything;
	struct link_flow name = udp_flow(20000);
	struct fate_flow a = new_flow(1, &name), b = new_flow(1, &name);

	(void)state;
	more.loss_enter = 0;
	more.loss = 0.3;
	for (size_t k = 0; k < 10000; k++) {
		struct fate x, y;

		fate_decide(&loss, &a, LEN, &x);
		fate_decide(&more, &b, LEN + k, &y);
		assert_int_equal(x.cause, y.cause);
	}
}

/* 64 losses of a flow, as bits. */
static uint64_t losses(uint64_t seed, const char *link, const struct link_flow *name)
{
	struct impairment i = { .loss = 0.5 };
	struct fate_flow flow;
	struct fate fate;
	uint64_t bits = 0;

	fate_flow_init(&flow, seed, link, name);
	for (int k = 0; k < 64; k++) {
		fate_decide(&i, &flow, LEN, &fate);
		bits = bits << 1 | (fate.copies == 0);
	}
	return bits;
}

static void test_keys(void **state)
{
	struct link_flow f = udp_flow(20000), g = f;
	uint64_t first = losses(1, LINK, &f);

	(void)state;
	/* The link's place in the list does not count: another link may come before it. */
	g.link = 5;
	assert_int_equal(losses(1, LINK, &g), first);
	assert_int_not_equal(losses(2, LINK, &f), first);
	assert_int_not_equal(losses(1, "n2/eth0", &f), first);
	g.direction = LINK_IN;
	assert_int_not_equal(losses(1, LINK, &g), first);
	g = f;
	g.to[15]++;
	assert_int_not_equal(losses(1, LINK, &g), first);
	g = f;
	g.protocol = IPPROTO_TCP;
	assert_int_not_equal(losses(1, LINK, &g), first);
}

/* Of a port that differs from run to run only its ordinal counts. */
static void test_ordinals(void **state)
{
	struct link_flow f = udp_flow(40000), g = udp_flow(50000), h = udp_flow(40000);

	(void)state;
	f.from_ordinal = g.from_ordinal = 1;
	h.from_ordinal = 2;
	assert_int_equal(losses(1, LINK, &f), losses(1, LINK, &g));
	assert_int_not_equal(losses(1, LINK, &f), losses(1, LINK, &h));
}

/* A seed is a promise: these must be the same in every version. */
static void test_promise(void **state)
{
	struct link_flow f = udp_flow(20000);

	(void)state;
	assert_int_equal(losses(1, LINK, &f), 0x506b4b935d6b834b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_all_and_none),
		cmocka_unit_test(test_draw),
		cmocka_unit_test(test_bursts),
		cmocka_unit_test(test_losses_of_both_states),
		cmocka_unit_test(test_uniform),
		cmocka_unit_test(test_normal),
		cmocka_unit_test(test_pareto),
		cmocka_unit_test(test_never_early),
		cmocka_unit_test(test_duplicates_jitter),
		cmocka_unit_test(test_reordered_leave_at_once),
		cmocka_unit_test(test_one_bit),
		cmocka_unit_test(test_nothing_to_corrupt),
		cmocka_unit_test(test_arp_stays_whole),
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_every),
		cmocka_unit_test(test_order_of_causes),
		cmocka_unit_test(test_interleaving),
		cmocka_unit_test(test_independence),
		cmocka_unit_test(test_purposes),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_ordinals),
		cmocka_unit_test(test_promise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
