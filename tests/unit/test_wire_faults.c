/* Faults on links: by time, by a count of datagrams, undone, one over another. */
#include "wire_test.h"

#include <poll.h>

#define N 500

/* What becomes of N datagrams from the first node to the second one, one by one. */
static void run(struct wire_lab *l, enum link_cause causes[N + 1])
{
	cleanup_close int a = lab_open("a0");
	size_t n;

	start(l);
	send_datagrams(a, N);
	await_arrived(l, N);
	stop(l);

	cleanup_free struct link_frame *f = read_log(l, &n);

	assert_int_equal(n, N);
	for (size_t i = 0; i < n; i++)
		causes[f[i].number] = f[i].cause;
	assert_balance(l);
}

static void assert_causes(const enum link_cause causes[N + 1], size_t from, size_t to,
			  enum link_cause c)
{
	for (size_t i = from; i <= to; i++)
		if (causes[i] != c)
			fail_msg("datagram %zu: %s", i, link_cause_name(causes[i]));
}

/* The n-th datagram is the first one that meets the new state, in every run. */
static void test_after(void **state)
{
	(void)state;
	for (uint64_t after = 1; after < N; after += 83) {
		struct fault down = { .action = FAULT_DOWN,
				      .after = after,
				      .flow = { .from = 0, .to = 1, .port = LAB_PORT } };
		enum link_cause causes[N + 1];
		struct wire_lab l;

		setup(&l, 1, &down);
		run(&l, causes);
		assert_causes(causes, 1, after - 1, CAUSE_NONE);
		assert_causes(causes, after, N, CAUSE_DOWN);
		assert_true(l.evidence->faults[0].fired_ns != 0);
		assert_int_equal(l.evidence->faults[0].undone_ns, 0);
		lab_done(&l);
	}
}

/* Flows keep their numbers when what the link does changes. */
static void test_numbers_stay(void **state)
{
	struct fault change = { .action = FAULT_CHANGE,
				.after = 100,
				.flow = { .from = 0, .to = 1 },
				.direction = { true, false },
				.to = { { .drop_every = 7 } } };
	enum link_cause causes[N + 1];
	struct wire_lab l;

	(void)state;
	setup(&l, 1, &change);
	run(&l, causes);
	for (size_t i = 1; i <= N; i++)
		assert_int_equal(causes[i], i >= 100 && i % 7 == 0 ? CAUSE_EVERY : CAUSE_NONE);
	lab_done(&l);
}

/* One direction, or the other node's link, or other datagrams: nothing happens here. */
static void test_not_concerned(void **state)
{
	struct fault faults[] = {
		{ .action = FAULT_BLACKHOLE,
		  .after = 10,
		  .flow = { .from = 0, .to = 1 },
		  .direction = { false, true } },
		{ .action = FAULT_DOWN, .after = 10, .node = 1, .flow = { .from = 0, .to = 1 } },
		{ .action = FAULT_DOWN, .after = 10, .flow = { .from = 0, .to = 1, .port = 9 } },
		{ .action = FAULT_DOWN, .after = 10, .flow = { .from = 1, .to = 0 } },
		{ .action = FAULT_DOWN, .after = N + 1, .flow = { .from = 0, .to = 1 } },
		{ .action = FAULT_DOWN, .at_ns = 0 }, /* wire_begin() was never called */
	};
	enum { N_FAULTS = sizeof(faults) / sizeof(faults[0]) };
	enum link_cause causes[N + 1];
	struct wire_lab l;

	(void)state;
	setup(&l, N_FAULTS, faults);
	run(&l, causes);
	assert_causes(causes, 1, N, CAUSE_NONE);
	for (size_t i = 0; i < N_FAULTS; i++)
		assert_int_equal(l.evidence->faults[i].fired_ns != 0, i < 2);
	lab_done(&l);
}

/* Each is in force on top of those before it; undoing one leaves the others. */
static void test_one_over_another(void **state)
{
	struct fault faults[] = {
		{ .action = FAULT_BLACKHOLE,
		  .after = 100,
		  .flow = { .from = 0, .to = 1 },
		  .direction = { true, false } },
		{ .action = FAULT_UP, .after = 200, .flow = { .from = 0, .to = 1 } },
		{ .action = FAULT_CHANGE,
		  .after = 300,
		  .flow = { .from = 0, .to = 1 },
		  .direction = { true, true },
		  .to = { { .loss = 1 } } },
		{ .action = FAULT_DOWN, .after = 400, .flow = { .from = 0, .to = 1 } },
	};
	enum link_cause causes[N + 1];
	struct wire_lab l;

	(void)state;
	setup(&l, sizeof(faults) / sizeof(faults[0]), faults);
	run(&l, causes);
	assert_causes(causes, 1, 99, CAUSE_NONE);
	assert_causes(causes, 100, 199, CAUSE_DOWN);
	assert_causes(causes, 200, 299, CAUSE_NONE);
	assert_causes(causes, 300, 399, CAUSE_LOSS);
	assert_causes(causes, 400, N, CAUSE_DOWN);
	lab_done(&l);
}

static void await_ns(const uint64_t *ns)
{
	uint64_t end = clock_ns() + MAX_WAIT;

	while (__atomic_load_n(ns, __ATOMIC_RELAXED) == 0)
		if (clock_ns() > end)
			fail_msg("a fault did not come");
}

/* Down after a while, and up again after another: neither is early. */
static void test_times(void **state)
{
	const uint64_t at = 50 * NS_PER_MS, lasts = 70 * NS_PER_MS;
	struct fault down = { .action = FAULT_DOWN, .at_ns = at, .for_ns = lasts };
	struct wire_lab l;
	uint64_t begin;

	(void)state;
	setup(&l, 1, &down);

	const struct fault_evidence *f = &l.evidence->faults[0];
	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagram(a, 0, 1, FRAME_LEN, 1);
	assert_int_equal(receive_datagram(b, FRAME_LEN), 1);
	begin = clock_ns();
	wire_begin(l.wire, begin);
	await_ns(&f->fired_ns);
	send_datagram(a, 0, 1, FRAME_LEN, 2);
	send_datagram(b, 1, 0, FRAME_LEN, 2);
	await_ns(&f->undone_ns);
	send_datagram(a, 0, 1, FRAME_LEN, 3);
	assert_int_equal(receive_datagram(b, FRAME_LEN), 3);
	stop(&l);
	assert_true(f->fired_ns >= begin + at);
	assert_true(f->undone_ns >= f->fired_ns + lasts);
	assert_int_equal(counts(&l)->lost[CAUSE_DOWN], 1);
	assert_int_equal(l.evidence->links[0].directions[LINK_IN].lost[CAUSE_DOWN], 1);
	lab_done(&l);
}

/* Frames are delayed less from one moment on: they stay in order all the same. */
static void test_less_delay(void **state)
{
	struct fault change = { .action = FAULT_CHANGE,
				.after = N / 2,
				.flow = { .from = 0, .to = 1 },
				.direction = { true, true } };
	struct wire_lab l;

	(void)state;
	setup(&l, 1, &change);
	impairment(&l)->delay_ns = 100 * NS_PER_MS;

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagrams(a, N);
	for (uint64_t i = 1; i <= N; i++)
		assert_int_equal(receive_datagram(b, FRAME_LEN), i);
	stop(&l);
	lab_done(&l);
}

/* A fault on a program is the caller's, who hears of it, once. */
static void test_program(void **state)
{
	struct fault faults[] = {
		{ .action = FAULT_KILL, .at_ns = 1 },
		{ .action = FAULT_PAUSE, .after = 20, .flow = { .from = 0, .to = 1 } },
	};
	struct wire_lab l;
	size_t fault = 0;

	(void)state;
	setup(&l, 2, faults);

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	wire_begin(l.wire, clock_ns());
	send_datagrams(a, 19);
	for (uint64_t i = 1; i <= 19; i++)
		assert_int_equal(receive_datagram(b, FRAME_LEN), i);
	assert_int_equal(wire_read(l.wire, &fault), 0);
	send_datagrams(a, 20);

	struct pollfd due = { .fd = wire_fd(l.wire), .events = POLLIN };

	assert_int_equal(poll(&due, 1, RECEIVE_MS), 1);
	assert_int_equal(wire_read(l.wire, &fault), 1);
	assert_int_equal(fault, 1);
	await_arrived(&l, 39);
	assert_int_equal(wire_read(l.wire, &fault), 0);
	stop(&l);
	assert_int_equal(l.evidence->faults[1].fired_ns, 0);
	assert_int_equal(n_lost(counts(&l)), 0);
	lab_done(&l);
}

/* One that nobody asked about is no obstacle to stopping. */
static void test_program_unread(void **state)
{
	struct fault fault = { .action = FAULT_KILL, .after = 1, .flow = { .from = 0, .to = 1 } };
	enum link_cause causes[N + 1];
	struct wire_lab l;

	(void)state;
	setup(&l, 1, &fault);
	run(&l, causes);
	assert_causes(causes, 1, N, CAUSE_NONE);
	lab_done(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after),	      cmocka_unit_test(test_numbers_stay),
		cmocka_unit_test(test_not_concerned), cmocka_unit_test(test_one_over_another),
		cmocka_unit_test(test_times),	      cmocka_unit_test(test_less_delay),
		cmocka_unit_test(test_program),	      cmocka_unit_test(test_program_unread),
	};

	return cmocka_run_group_tests(tests, make_lab, remove_lab);
}
