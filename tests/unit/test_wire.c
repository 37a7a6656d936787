/* Whole links: frames that go in at one end, what comes out at the other, and the log between. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <sys/wait.h>

#include "wire_lab.h"

static const char *lacks;

static void setup(struct wire_lab *l, size_t n_faults, struct fault *faults)
{
	if (lacks != NULL) {
		print_message("skipped: %s\n", lacks);
		if (getenv("MUST_RUN") != NULL)
			fail_msg("skips are forbidden here: %s", lacks);
		skip();
	}
	lab_init(l, n_faults, faults);
}

static void start(struct wire_lab *l)
{
	struct err e = { 0 };

	if (wire_start(&l->config, &l->wire, &e) != 0)
		fail_msg("%s", e.msg);
}

static void stop(struct wire_lab *l)
{
	struct err e = { 0 };

	if (wire_stop(l->wire, STOP_NS, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(l->evidence->wire.complete);
	assert_string_equal(l->evidence->wire.error, "");
}

static void send_datagram(int fd, unsigned from, unsigned to, size_t len, uint64_t number)
{
	uint8_t frame[1514];

	lab_fill(frame, len, from, to, 20000, number);
	assert_int_equal(send(fd, frame, len, 0), len);
}

static uint64_t receive_datagram(int fd, size_t len)
{
	uint8_t frame[2048];
	ssize_t n = recv(fd, frame, sizeof(frame), 0);

	if (n < 0)
		fail_msg("nothing came: %s", strerror(errno));
	assert_int_equal(n, len);
	return lab_number(frame);
}

/* ---- passing ---- */

static void test_passes(void **state)
{
	enum { N = 500 };
	struct wire_lab l;

	(void)state;
	setup(&l, 0, NULL);
	start(&l);

	cleanup_close int a = lab_open("a0"), b = lab_open("b0");

	for (uint64_t i = 0; i < N; i++) {
		send_datagram(a, 0, 1, LEAST_LEN + i, i);
		assert_int_equal(receive_datagram(b, LEAST_LEN + i), i);
		send_datagram(b, 1, 0, LEAST_LEN + i, i);
		assert_int_equal(receive_datagram(a, LEAST_LEN + i), i);
	}
	stop(&l);
	for (int d = 0; d < N_DIRECTIONS; d++) {
		const struct direction_evidence *c = &l.evidence->links[0].directions[d];

		assert_int_equal(c->arrived, N);
		assert_int_equal(c->left, N);
		assert_int_equal(c->held, 0);
		assert_int_equal(c->missed + c->refused, 0);
	}
	lab_done(&l);
}

static int make_lab(void **state)
{
	(void)state;
	lacks = lab_make();
	return 0;
}

static int remove_lab(void **state)
{
	(void)state;
	cleanup_free char *command = text_format("rm -r %s", lab_folder);

	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
	};

	return cmocka_run_group_tests(tests, make_lab, remove_lab);
}
