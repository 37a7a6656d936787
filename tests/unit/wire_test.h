/* wire_test: wire_lab.h with assertions. For test_wire*.c. */
#ifndef HARNESS_TESTS_WIRE_TEST_H
#define HARNESS_TESTS_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire_lab.h"

#define FRAME_LEN 200
#define FROM_PORT 20000
#define MAX_WAIT  (10 * NS_PER_SEC)

static const char *lacks; /* why the tests cannot run here, or NULL */

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

static void stop_within(struct wire_lab *l, uint64_t deadline_ns)
{
	struct err e = { 0 };

	if (wire_stop(l->wire, deadline_ns, &e) != 0)
		fail_msg("%s", e.msg);
	assert_true(l->evidence->wire.complete);
	assert_string_equal(l->evidence->wire.error, "");
	assert_int_equal(wire_held(l->evidence), 0);
}

static void stop(struct wire_lab *l)
{
	stop_within(l, STOP_NS);
}

static void send_datagram(int fd, unsigned from, unsigned to, size_t len, uint64_t number)
{
	uint8_t frame[2048];

	lab_fill(frame, len, from, to, FROM_PORT, number);
	assert_int_equal(send(fd, frame, len, 0), len);
}

/* Numbers 1 to n, from the first node to the second one. */
static void send_datagrams(int fd, uint64_t n)
{
	for (uint64_t i = 1; i <= n; i++)
		send_datagram(fd, 0, 1, FRAME_LEN, i);
}

/* The number of the next datagram, which comes within seconds. */
static uint64_t receive_datagram(int fd, size_t len)
{
	uint8_t frame[2048];
	ssize_t n = recv(fd, frame, sizeof(frame), 0);

	if (n < 0)
		fail_msg("nothing came: %s", strerror(errno));
	assert_int_equal(n, len);
	return lab_number(frame);
}

static const struct direction_evidence *counts(const struct wire_lab *l)
{
	return &l->evidence->links[0].directions[LINK_OUT];
}

static struct impairment *impairment(struct wire_lab *l)
{
	return &l->interfaces[0].impairments[LINK_OUT];
}

static uint64_t n_lost(const struct direction_evidence *c)
{
	uint64_t n = 0;

	for (int i = 0; i < N_CAUSES; i++)
		n += c->lost[i];
	return n;
}

/* Every frame was let go, or lost for a reason. */
static void assert_balance(const struct wire_lab *l)
{
	for (size_t i = 0; i < LAB_LINKS; i++)
		for (int d = 0; d < N_DIRECTIONS; d++) {
			const struct direction_evidence *c = &l->evidence->links[i].directions[d];

			assert_int_equal(c->arrived + c->duplicated,
					 c->left + n_lost(c) + c->refused);
		}
}

/* Wait until so many frames came to the wire, by its own count. */
static void await_arrived(const struct wire_lab *l, uint64_t n)
{
	uint64_t end = clock_ns() + MAX_WAIT;

	while (__atomic_load_n(&counts(l)->arrived, __ATOMIC_RELAXED) < n)
		if (clock_ns() > end)
			fail_msg("%lu of %lu frames came to the wire",
				 (unsigned long)counts(l)->arrived, (unsigned long)n);
}

/* All frames of the first link's way out, as the log has them; free it. */
static struct link_frame *read_log(const struct wire_lab *l, size_t *ret_n)
{
	cleanup_free char *path = text_format("%s/%s", lab_folder, l->evidence->wire.log);
	cleanup_by(log_reader_freep) struct log_reader *r = NULL;
	struct link_frame *frames = NULL, f;
	size_t room = 0;
	struct err e = { 0 };
	int more;

	*ret_n = 0;
	if (log_reader_open(path, &r, &e) != 0)
		fail_msg("%s", e.msg);
	while ((more = log_read(r, &f, &e)) == 1) {
		const struct link_flow *flow = log_flow(r, f.flow);

		if (flow->link == 0 && flow->direction == LINK_OUT)
			*(struct link_frame *)array_add(&frames, ret_n, &room, sizeof(f)) = f;
	}
	if (more != 0)
		fail_msg("%s", e.msg);
	return frames;
}

static int make_lab(void **state)
{
	(void)state;
	lacks = lab_make();
	return 0;
}

static int remove_lab(void **state)
{
	cleanup_free char *command = text_format("rm -rf %s", lab_folder);

	(void)state;
	return system(command);
}

#endif
