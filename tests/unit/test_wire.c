/* Whole links: frames that go in at one end, what comes out at the other, and the log between. */
#include "wire_test.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "link/fate.h"

/* ---- passing ---- */

static void exchange(struct wire_lab *l, uint64_t n)
{
	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(l);
	for (uint64_t i = 1; i <= n; i++) {
		send_datagram(a, 0, 1, LEAST_LEN + i, i);
		assert_int_equal(receive_datagram(b, LEAST_LEN + i), i);
		send_datagram(b, 1, 0, LEAST_LEN + i, i);
		assert_int_equal(receive_datagram(a, LEAST_LEN + i), i);
	}
	stop(l);
	for (int d = 0; d < N_DIRECTIONS; d++) {
		const struct direction_evidence *c = &l->evidence->links[0].directions[d];

		assert_int_equal(c->arrived, n);
		assert_int_equal(c->left, n);
		assert_int_equal(c->missed + c->refused, 0);
	}
	assert_balance(l);
}

/* Whatever way the machine allows: each is tried where it was asked for. */
static void test_passes(void **state)
{
	struct wire_lab l;

	(void)state;
	for (enum ring_kind ring = 0; ring < N_RINGS; ring++) {
		setup(&l, 0, NULL);
		l.config.best = ring;
		exchange(&l, 500);
		if (ring != RING_XDP)
			assert_int_equal(l.evidence->links[0].ring, ring);
		lab_done(&l);
	}
}

/* The bytes, and hashes of them that the far end would compute. */
static void test_bytes(void **state)
{
	struct wire_lab l;
	uint8_t sent[1514], received[2048];
	size_t n;

	(void)state;
	setup(&l, 0, NULL);
	l.topology.capture.snaplen = 128;

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	lab_fill(sent, sizeof(sent), 0, 1, FROM_PORT, 1);
	for (size_t i = LEAST_LEN; i < sizeof(sent); i++)
		sent[i] = (uint8_t)(i * 31);
	assert_int_equal(send(a, sent, sizeof(sent), 0), sizeof(sent));
	assert_int_equal(recv(b, received, sizeof(received), 0), sizeof(sent));
	assert_memory_equal(sent, received, sizeof(sent));
	stop(&l);

	cleanup_free struct link_frame *f = read_log(&l, &n);

	assert_int_equal(n, 1);
	assert_int_equal(f->hash_in, log_hash(sent, 128, sizeof(sent)));
	assert_int_equal(f->hash_out, f->hash_in);
	assert_int_equal(f->len, sizeof(sent));
	assert_int_equal(f->number, 1);
	lab_done(&l);
}

/* A frame that does not fit is counted, and the next one passes. */
static void test_too_long_for_the_ring(void **state)
{
	struct wire_lab l;
	static uint8_t frame[5000];

	(void)state;
	setup(&l, 0, NULL);

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	for (enum ring_kind ring = RING_PACKET; ring < N_RINGS; ring++) {
		l.config.best = ring;
		start(&l);
		assert_true(
			lab_command("ip link set a# mtu 8000 && ip link set near# mtu 8000", 0));
		lab_fill(frame, sizeof(frame), 0, 1, FROM_PORT, 1);
		assert_int_equal(send(a, frame, sizeof(frame), 0), sizeof(frame));
		send_datagram(a, 0, 1, FRAME_LEN, 2);
		assert_int_equal(receive_datagram(b, FRAME_LEN), 2);
		assert_true(
			lab_command("ip link set a# mtu 1500 && ip link set near# mtu 1500", 0));
		stop(&l);
		assert_int_equal(counts(&l)->missed, 1);
		wire_freep(&l.wire);
		lab_done(&l);
		setup(&l, 0, NULL);
	}
	lab_done(&l);
}

/* An interface that goes down and comes back, as a program under test may do. */
static void test_down_and_up(void **state)
{
	struct wire_lab l;

	(void)state;
	setup(&l, 0, NULL);

	cleanup_close int a = lab_open("a0");

	start(&l);
	assert_true(lab_command("ip link set a# down", 0));
	assert_true(lab_command("ip link set a# up", 0));
	close(take_fd(&a));
	a = lab_open("a0");

	cleanup_close int b = lab_open("b0");

	send_datagram(a, 0, 1, FRAME_LEN, 1);
	assert_int_equal(receive_datagram(b, FRAME_LEN), 1);
	assert_true(lab_command("ip link set b# down", 0));
	send_datagram(a, 0, 1, FRAME_LEN, 2);
	await_arrived(&l, 2);
	stop(&l);
	assert_true(lab_command("ip link set b# up", 0));
	assert_int_equal(counts(&l)->refused, 1);
	assert_int_equal(counts(&l)->left, 1);
	assert_balance(&l);
	lab_done(&l);
}

/* ---- time ---- */

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The median: what is above it is this machine's business. None may be early. */
static void test_delay(void **state)
{
	enum { N = 200 };
	const uint64_t delay = 20 * NS_PER_MS;
	uint64_t took[N];
	struct wire_lab l;

	(void)state;
	setup(&l, 0, NULL);
	impairment(&l)->delay_ns = delay;

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	for (uint64_t i = 0; i < N; i++) {
		uint64_t before = clock_ns();

		send_datagram(a, 0, 1, FRAME_LEN, i);
		assert_int_equal(receive_datagram(b, FRAME_LEN), i);
		took[i] = clock_ns() - before;
		assert_true(took[i] >= delay);
	}
	stop(&l);
	qsort(took, N, sizeof(took[0]), compare);
	/* One in four had a processor when it was due, however busy the machine. */
	assert_in_range(took[N / 4], delay, delay + 3 * NS_PER_MS);
	lab_done(&l);
}

/* With jitter, frames still come in order; without that, they do not. */
static void check_order(bool reorders)
{
	enum { N = 2000 };
	struct wire_lab l;
	uint64_t last = 0, n_late = 0;

	setup(&l, 0, NULL);
	*impairment(&l) = (struct impairment){ .delay_ns = 20 * NS_PER_MS,
					       .jitter_ns = 10 * NS_PER_MS,
					       .jitter_reorders = reorders };

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagrams(a, N);
	for (uint64_t i = 0; i < N; i++) {
		uint64_t number = receive_datagram(b, FRAME_LEN);

		n_late += number < last;
		last = number;
	}
	stop(&l);
	assert_int_equal(n_late > 0, reorders);
	assert_balance(&l);
	lab_done(&l);
}

static void test_order(void **state)
{
	(void)state;
	check_order(false);
	check_order(true);
}

/* 1 Mbit/s: 125 frames of 200 bytes take 200 ms, and eleven find a place. */
static void test_rate(void **state)
{
	struct wire_lab l;
	size_t n;

	(void)state;
	setup(&l, 0, NULL);
	*impairment(&l) = (struct impairment){ .rate_bps = 1000000, .queue_packets = 10 };

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagrams(a, 125);
	await_arrived(&l, 125);
	stop(&l);

	cleanup_free struct link_frame *f = read_log(&l, &n);
	uint64_t free_ns = 0, passed = 0;

	assert_int_equal(n, 125);
	for (size_t i = 0; i < n; i++) {
		if (f[i].cause != CAUSE_NONE) {
			assert_int_equal(f[i].cause, CAUSE_QUEUE);
			continue;
		}
		free_ns = (f[i].arrived_ns > free_ns ? f[i].arrived_ns : free_ns) +
			  FRAME_LEN * 8 * NS_PER_US;
		assert_int_equal(f[i].due_ns, free_ns);
		assert_int_equal(receive_datagram(b, FRAME_LEN), i + 1);
		passed++;
	}
	/* All came within a few milliseconds, unless the sender had to wait for a processor. */
	assert_in_range(passed, 11, 124);
	assert_int_equal(counts(&l)->lost[CAUSE_QUEUE], 125 - passed);
	assert_balance(&l);
	lab_done(&l);
}

/* ---- the log ---- */

static const struct impairment everything = { .loss = 0.2,
					      .duplicate = 0.1,
					      .corrupt = 0.1,
					      .reorder = 0.1,
					      .delay_ns = 5 * NS_PER_MS,
					      .jitter_ns = NS_PER_MS };

/* What arrives is what the log says, frame by frame, and the counters agree. */
static void test_log_is_true(void **state)
{
	enum { N = 5000 };
	static size_t came[N + 1], should[N + 1];
	struct direction_evidence sum = { .arrived = 0 };
	struct wire_lab l;
	uint8_t frame[2048];
	size_t n;

	(void)state;
	memset(came, 0, sizeof(came));
	memset(should, 0, sizeof(should));
	setup(&l, 0, NULL);
	*impairment(&l) = everything;

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagrams(a, N);
	await_arrived(&l, N);
	stop(&l);

	cleanup_free struct link_frame *f = read_log(&l, &n);

	assert_int_equal(n, N);
	for (size_t i = 0; i < n; i++) {
		should[i + 1] = (f[i].due_ns != 0) + (size_t)(f[i].due_again_ns != 0);
		assert_int_equal(f[i].number, i + 1);
		assert_int_equal(f[i].cause == CAUSE_NONE, f[i].due_ns != 0);
		assert_int_equal(f[i].flipped != 0, f[i].hash_in != f[i].hash_out);
		sum.lost[f[i].cause] += f[i].cause != CAUSE_NONE;
		sum.duplicated += f[i].due_again_ns != 0;
		sum.corrupted += f[i].flipped != 0;
		sum.reordered += f[i].reordered;
	}
	assert_int_equal(counts(&l)->lost[CAUSE_LOSS], sum.lost[CAUSE_LOSS]);
	assert_int_equal(counts(&l)->duplicated, sum.duplicated);
	assert_int_equal(counts(&l)->corrupted, sum.corrupted);
	assert_int_equal(counts(&l)->reordered, sum.reordered);
	for (ssize_t len; (len = recv(b, frame, sizeof(frame), MSG_DONTWAIT)) > 0;) {
		uint64_t hash = log_hash(frame, (size_t)len, (size_t)len), number;

		for (number = 1; number <= N && f[number - 1].hash_out != hash; number++)
			continue;
		assert_in_range(number, 1, N);
		came[number]++;
	}
	assert_memory_equal(came, should, sizeof(came));
	assert_balance(&l);
	lab_done(&l);
}

/* Everything about a frame that does not depend on time. */
struct outcome {
	enum link_cause cause;
	bool again, reordered;
	uint32_t flipped;
	uint64_t held_ns;
	double draw;
};

static void run_once(struct outcome *out, size_t n, bool load)
{
	pid_t spinner[2] = { -1, -1 };
	struct wire_lab l;
	size_t n_frames;

	setup(&l, 0, NULL);
	*impairment(&l) = everything;
	impairment(&l)->jitter_reorders = true;

	cleanup_close int a = lab_open("a0");

	for (int i = 0; load && i < 2; i++) {
		spinner[i] = fork();
		while (spinner[i] == 0)
			continue;
	}
	start(&l);
	for (uint64_t i = 1; i <= n; i++) {
		/* No more at once than the wire's ring holds, should it have to wait. */
		await_arrived(&l, i > 1000 ? i - 1000 : 0);
		send_datagram(a, 0, 1, FRAME_LEN, i);
		/* Another flow on the same link, now and then, and more often under load. */
		if (i % (load ? 2 : 7) == 0)
			send_datagram(a, 0, 3, FRAME_LEN, i);
	}
	await_arrived(&l, n + n / (load ? 2 : 7));
	stop(&l);
	for (int i = 0; load && i < 2; i++) {
		kill(spinner[i], SIGKILL);
		waitpid(spinner[i], NULL, 0);
	}

	cleanup_free struct link_frame *f = read_log(&l, &n_frames);

	for (size_t i = 0; i < n_frames; i++) {
		if (f[i].flow != 0)
			continue;
		memset(&out[f[i].number - 1], 0, sizeof(out[0]));
		out[f[i].number - 1] = (struct outcome){
			.cause = f[i].cause,
			.again = f[i].due_again_ns != 0,
			.reordered = f[i].reordered,
			.flipped = f[i].flipped,
			.held_ns = f[i].due_ns != 0 ? f[i].due_ns - f[i].arrived_ns : 0,
			.draw = f[i].draw,
		};
	}
	lab_done(&l);
}

/* The same seed, the same fates, whatever else the machine and the link are busy with. */
static void test_repeats(void **state)
{
	enum { N = 3000 };
	static struct outcome first[N], second[N];

	(void)state;
	memset(first, 0, sizeof(first));
	memset(second, 1, sizeof(second));
	run_once(first, N, false);
	run_once(second, N, true);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(first[i].cause, second[i].cause);
		assert_int_equal(first[i].again, second[i].again);
		assert_int_equal(first[i].reordered, second[i].reordered);
		assert_int_equal(first[i].flipped, second[i].flipped);
		assert_true(first[i].draw == second[i].draw);
		assert_int_equal(first[i].held_ns, second[i].held_ns);
	}
}

/* ---- its end ---- */

/* 0 when none is there. */
static uint64_t poll_datagram(int fd)
{
	uint8_t frame[2048];

	return recv(fd, frame, sizeof(frame), MSG_DONTWAIT) > 0 ? lab_number(frame) : 0;
}

/* What is due before the deadline leaves, and the rest is listed as given up. */
static void test_stop(void **state)
{
	enum { N = 100 };
	struct wire_lab l;
	size_t n, given_up = 0;

	(void)state;
	setup(&l, 0, NULL);
	/* A frame each 10 ms: a second for all. */
	impairment(&l)->rate_bps = FRAME_LEN * 8 * 100;

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagrams(a, N);
	await_arrived(&l, N);
	stop_within(&l, 300 * NS_PER_MS);

	cleanup_free struct link_frame *f = read_log(&l, &n);

	assert_int_equal(n, N);
	for (size_t i = 0; i < n; i++) {
		given_up += f[i].cause == CAUSE_STOPPED;
		assert_int_equal(f[i].cause == CAUSE_STOPPED, f[i].due_ns == 0);
		/* One that came later leaves later. */
		assert_true(i == 0 || f[i].cause >= f[i - 1].cause);
		if (f[i].cause == CAUSE_NONE)
			assert_int_equal(receive_datagram(b, FRAME_LEN), i + 1);
	}
	assert_int_equal(poll_datagram(b), 0);
	/* How many left depends on when the wire had a processor. */
	assert_in_range(given_up, 1, N - 1);
	assert_int_equal(counts(&l)->lost[CAUSE_STOPPED], given_up);
	assert_balance(&l);
	lab_done(&l);
}

/* With time enough, all that is held leaves. */
static void test_stop_lets_go(void **state)
{
	struct wire_lab l;

	(void)state;
	setup(&l, 0, NULL);
	impairment(&l)->delay_ns = 300 * NS_PER_MS;

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	start(&l);
	send_datagrams(a, 50);
	await_arrived(&l, 50);
	assert_int_equal(wire_held(l.evidence), 50);
	stop(&l);
	for (uint64_t i = 1; i <= 50; i++)
		assert_int_equal(receive_datagram(b, FRAME_LEN), i);
	assert_int_equal(counts(&l)->left, 50);
	lab_done(&l);
}

static void test_killed(void **state)
{
	struct wire_lab l;
	struct err e = { 0 };

	(void)state;
	setup(&l, 0, NULL);
	start(&l);

	struct pollfd ended = { .fd = wire_fd(l.wire), .events = POLLIN };
	size_t fault;

	assert_int_equal(poll(&ended, 1, 0), 0);
	assert_int_equal(kill(wire_pid(l.wire), SIGKILL), 0);
	assert_int_equal(poll(&ended, 1, RECEIVE_MS), 1);
	assert_int_equal(wire_read(l.wire, &fault), 0);
	assert_int_equal(wire_stop(l.wire, STOP_NS, &e), -1);
	assert_string_equal(e.msg, "the wire was killed by signal 9 (Killed)");
	assert_string_equal(l.evidence->wire.error, e.msg);
	assert_false(l.evidence->wire.complete);
	lab_done(&l);
}

/* A process that starts a wire and is killed: the wire goes, too. */
static void test_parent_killed(void **state)
{
	struct wire_lab l;
	int ends[2];
	char byte;

	(void)state;
	setup(&l, 0, NULL);
	assert_int_equal(pipe(ends), 0);

	pid_t parent = fork();

	if (parent == 0) {
		struct err e;

		close(ends[0]);
		if (wire_start(&l.config, &l.wire, &e) != 0 || write(ends[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, NULL, 0), parent);

	/* Closed when the last process that has it is gone. */
	struct pollfd gone = { .fd = ends[0], .events = POLLIN };

	assert_int_equal(poll(&gone, 1, RECEIVE_MS), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	lab_done(&l);
}

/* ---- what cannot be ---- */

static void assert_start_fails(struct wire_lab *l, const char *message)
{
	struct err e = { 0 };

	assert_int_equal(wire_start(&l->config, &l->wire, &e), -1);
	assert_null(l->wire);
	if (strncmp(e.msg, message, strlen(message)) != 0)
		fail_msg("'%s' does not start with '%s'", e.msg, message);
	assert_string_equal(l->evidence->wire.error, e.msg);
	lab_done(l);
}

static void test_no_interface(void **state)
{
	struct wire_lab l;

	(void)state;
	setup(&l, 0, NULL);
	strcpy(l.links[1].far, "nope");
	assert_start_fails(&l, "find interface nope: No such device");
}

static void test_no_folder(void **state)
{
	struct wire_lab l;

	(void)state;
	setup(&l, 0, NULL);
	l.config.folder = "/no/such/folder";
	assert_start_fails(&l, "create /no/such/folder/links.log: No such file");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_too_long_for_the_ring),
		cmocka_unit_test(test_down_and_up),
		cmocka_unit_test(test_delay),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_log_is_true),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_stop_lets_go),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_parent_killed),
		cmocka_unit_test(test_no_interface),
		cmocka_unit_test(test_no_folder),
	};

	return cmocka_run_group_tests(tests, make_lab, remove_lab);
}
