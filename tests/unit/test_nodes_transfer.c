/*
 * The transfer protocol over networks of every kind, in virtual time.
 *
 * TRANSFER_SEEDS sets how many seeds the hostile network is tried with (24 by
 * default), TRANSFER_SEED the first. A failure prints the seed that repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "unit/nodes_channel.h"

#define HOUR (3600 * NS_PER_SEC)

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static void test_clean_sizes(void **state)
{
	static const size_t sizes[] = { 0,    1,     1431,   1432,    1433,    2864,
					2865, 65536, 143200, 1000000, 10000000 };

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct channel *c = channel_new(i);
		struct channel_sender *s = channel_add(c, "file", sizes[i], 1432, 0);
		uint64_t chunks = (sizes[i] + 1431) / 1432;

		c->there.delay = c->back.delay = 100 * NS_PER_US;
		channel_run(c, HOUR);
		assert_int_equal(sender_state(s->sender), SENDER_DONE);
		assert_true(channel_arrived(c, "file", s));
		assert_int_equal(sender_counts(s->sender)->data, chunks);
		assert_int_equal(sender_counts(s->sender)->repairs, 0);
		/* What is small waits for no timer: OPEN, DATA and FIN are two round trips. */
		if (chunks <= 100)
			assert_true(c->now < NS_PER_SEC + 500 * NS_PER_US);
		channel_settle(c);
		assert_int_equal(c->n_ended, 1);
		channel_free(c);
	}
}

/* What is promised: whole, and at no more than 1.1 times the ideal number of datagrams. */
static void hostile(uint64_t seed)
{
	struct channel *c = channel_new(seed);
	const struct channel_path path = { .loss = 0.3,
					   .duplicate = 0.05,
					   .corrupt = 0.02,
					   .delay = 500 * NS_PER_MS,
					   .jitter = 200 * NS_PER_MS };
	enum { CHUNKS = 6000, CHUNK = 256 };
	struct channel_sender *s = channel_add(c, "file", CHUNKS * CHUNK - 1, CHUNK, 0);
	double through = (1 - path.loss) * (1 - path.corrupt);

	c->there = c->back = path;
	channel_run(c, HOUR);

	double ratio = (double)sender_counts(s->sender)->data * through / CHUNKS;

	if (sender_state(s->sender) != SENDER_DONE || ratio > 1.1)
		print_error("seed %llu: state %d (%s), %.3f times the ideal\n",
			    (unsigned long long)seed, sender_state(s->sender),
			    sender_error(s->sender), ratio);
	assert_int_equal(sender_state(s->sender), SENDER_DONE);
	assert_true(channel_arrived(c, "file", s));
	assert_true(ratio <= 1.1);
	assert_int_equal(c->n_complete, 1);
	channel_settle(c);
	assert_int_equal(c->conflicts, 0);
	channel_free(c);
}

static void test_hostile_network(void **state)
{
	uint64_t first = from_environment("TRANSFER_SEED", 1);
	uint64_t n = from_environment("TRANSFER_SEEDS", 24);

	(void)state;
	for (uint64_t seed = first; seed < first + n; seed++)
		hostile(seed);
}

/* Small files have no crowd to hide in: every size around the chunk, every kind of trouble. */
static void test_small_files_on_bad_networks(void **state)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 257, 5000 };

	(void)state;
	for (uint64_t seed = 1; seed <= 10 * sizeof(sizes) / sizeof(sizes[0]); seed++) {
		struct channel *c = channel_new(seed);
		struct channel_sender *s = channel_add(c, "file", sizes[seed % 6], 256, 0);

		c->there = c->back = (struct channel_path){ .loss = 0.3,
							    .duplicate = 0.3,
							    .corrupt = 0.1,
							    .delay = NS_PER_MS,
							    .jitter = 20 * NS_PER_MS };
		channel_run(c, HOUR);
		assert_int_equal(sender_state(s->sender), SENDER_DONE);
		assert_true(channel_arrived(c, "file", s));
		channel_settle(c);
		assert_int_equal(c->n_ended, 1);
		channel_free(c);
	}
}

/* Jitter without loss: reordering alone costs next to nothing. */
static void test_reordering_is_not_loss(void **state)
{
	struct channel *c = channel_new(5);
	struct channel_sender *s = channel_add(c, "file", 2000000, 500, 0);

	(void)state;
	c->there = c->back = (struct channel_path){ .delay = 50 * NS_PER_MS,
						    .jitter = 40 * NS_PER_MS };
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_DONE);
	assert_true(sender_counts(s->sender)->repairs < 4000 / 20);
	channel_free(c);
}

static void test_many_at_once(void **state)
{
	struct channel *c = channel_new(6);
	char name[32];

	(void)state;
	c->there = c->back = (struct channel_path){
		.loss = 0.1, .duplicate = 0.05, .delay = 5 * NS_PER_MS, .jitter = 5 * NS_PER_MS
	};
	for (int i = 0; i < CHANNEL_SENDERS; i++) {
		snprintf(name, sizeof(name), "file %d", i);
		channel_add(c, name, (size_t)i * 3000, 1432, 0);
	}
	channel_run(c, HOUR);
	for (int i = 0; i < CHANNEL_SENDERS; i++) {
		snprintf(name, sizeof(name), "file %d", i);
		assert_int_equal(sender_state(c->senders[i].sender), SENDER_DONE);
		assert_true(channel_arrived(c, name, &c->senders[i]));
	}
	channel_free(c);
}

/* More than the receiver takes at once: the others ask again until it is their turn. */
static void test_busy_receiver(void **state)
{
	struct channel *c = channel_new(7);
	char name[32];

	(void)state;
	c->config.max_transfers = 2;
	channel_restart(c);
	c->there.delay = c->back.delay = NS_PER_MS;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "file %d", i);
		channel_add(c, name, 100000, 1432, 0);
	}
	channel_run(c, HOUR);
	for (int i = 0; i < 10; i++)
		assert_int_equal(sender_state(c->senders[i].sender), SENDER_DONE);
	channel_free(c);
}

/* Windows of all transfers together never promise more than the receive buffer holds. */
static void test_windows_fit_the_buffer(void **state)
{
	struct channel *c = channel_new(8);
	char name[32];
	size_t most = 0;

	(void)state;
	c->config.buffer = 1 << 20;
	channel_restart(c);
	c->there.delay = c->back.delay = NS_PER_MS;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "file %d", i);
		channel_add(c, name, 1000000, 1432, 0);
	}
	while (!channel_is_over(c)) {
		channel_run(c, c->now + NS_PER_US);
		most = c->n_heap > most ? c->n_heap : most;
	}
	/* 4256 bytes of buffer each; a few more are STATUS on their way back. */
	assert_true(most <= (1 << 20) / 4256 + 64);
	channel_free(c);
}

static void test_rate(void **state)
{
	struct channel *c = channel_new(9);
	struct channel_sender *s = channel_add(c, "file", 1432 * 1000, 1432, 10000000);
	uint64_t began = c->now;

	(void)state;
	c->there.delay = c->back.delay = 10 * NS_PER_MS;
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_DONE);

	/* 1500 bytes a datagram at 10 Mbit/s: 1.2 s, and two round trips. */
	double seconds = (double)(c->now - began) / 1e9;

	assert_true(seconds > 1.19 && seconds < 1.26);
	assert_int_equal(sender_counts(s->sender)->repairs, 0);
	channel_free(c);
}

static void test_nobody_listens(void **state)
{
	struct channel *c = channel_new(10);
	struct channel_sender *s = channel_add(c, "file", 1000, 1432, 0);
	uint64_t began = c->now;

	(void)state;
	c->there.loss = 1;
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);
	assert_non_null(strstr(sender_error(s->sender), "no receiver answers"));
	assert_in_range((c->now - began) / NS_PER_SEC, 9, 11);
	channel_free(c);
}

/* The network breaks in the middle: both ends give up, and say so. */
static void test_silence(void **state)
{
	struct channel *c = channel_new(11);
	struct channel_sender *s = channel_add(c, "file", 10000000, 1432, 0);

	(void)state;
	c->there.delay = c->back.delay = 10 * NS_PER_MS;
	channel_run(c, c->now + 50 * NS_PER_MS);
	assert_int_equal(sender_state(s->sender), SENDER_SENDING);
	c->there.loss = c->back.loss = 1;
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);
	assert_non_null(strstr(sender_error(s->sender), "silent"));
	channel_settle(c);
	assert_int_equal(c->n_ended, 1);
	assert_int_equal(c->n_complete, 0);
	assert_null(channel_find(c, "file"));
	channel_free(c);
}

/* Everything arrived, but the confirmation cannot: failed, and called unconfirmed. */
static void test_unconfirmed(void **state)
{
	struct channel *c = channel_new(12);
	struct channel_sender *s = channel_add(c, "file", 1000, 1432, 0);

	(void)state;
	c->there.delay = c->back.delay = 10 * NS_PER_MS;
	channel_run(c,
		    c->now + 25 * NS_PER_MS); /* OPEN_ACK is back, DATA and FIN are on their way */
	c->back.loss = 1;
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);
	assert_true(channel_arrived(c, "file", s));
	channel_free(c);
}

static void test_restarted_receiver(void **state)
{
	struct channel *c = channel_new(13);
	struct channel_sender *s = channel_add(c, "file", 10000000, 1432, 0);

	(void)state;
	c->there.delay = c->back.delay = 10 * NS_PER_MS;
	channel_run(c, c->now + 50 * NS_PER_MS);
	channel_restart(c);

	uint64_t began = c->now;

	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);
	assert_non_null(strstr(sender_error(s->sender), "unknown transfer"));
	assert_true(c->now - began < 100 * NS_PER_MS);
	channel_free(c);
}

static void test_one_name_two_senders(void **state)
{
	struct channel *c = channel_new(14);

	(void)state;
	c->there.delay = c->back.delay = NS_PER_MS;
	channel_add(c, "file", 50000, 1432, 0);
	channel_add(c, "file", 60000, 1432, 0);
	channel_run(c, HOUR);

	bool first = sender_state(c->senders[0].sender) == SENDER_DONE;
	const struct channel_sender *won = &c->senders[first ? 0 : 1];
	const struct channel_sender *lost = &c->senders[first ? 1 : 0];

	assert_int_equal(sender_state(won->sender), SENDER_DONE);
	assert_int_equal(sender_state(lost->sender), SENDER_FAILED);
	assert_non_null(strstr(sender_error(lost->sender), "exists"));
	assert_true(channel_arrived(c, "file", won));
	channel_free(c);
}

static void test_disk_full(void **state)
{
	struct channel *c = channel_new(15);
	struct channel_sender *s = channel_add(c, "file", 10000000, 1432, 0);

	(void)state;
	c->disk = 1000000;
	c->there = c->back = (struct channel_path){ .loss = 0.5, .delay = NS_PER_MS };
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);
	assert_non_null(strstr(sender_error(s->sender), "No space left"));
	assert_null(channel_find(c, "file"));
	channel_free(c);
}

static void test_cancelled_sender(void **state)
{
	struct channel *c = channel_new(16);
	struct channel_sender *s = channel_add(c, "file", 10000000, 1432, 0);

	(void)state;
	c->there.delay = c->back.delay = 10 * NS_PER_MS;
	channel_run(c, c->now + 50 * NS_PER_MS);
	sender_abort(s->sender, PROTOCOL_ABORT_CANCELLED, "stopped");
	channel_run(c, HOUR);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);

	uint64_t began = c->now;

	channel_settle(c);
	assert_int_equal(c->n_ended, 1);
	assert_true(c->now - began < NS_PER_SEC);
	channel_free(c);
}

/* Errors that the socket reports: a moment's patience while opening, none afterwards. */
static void test_port_unreachable(void **state)
{
	struct channel *c = channel_new(17);
	struct channel_sender *s = channel_add(c, "file", 1000000, 1432, 0);

	(void)state;
	sender_socket_error(s->sender, ECONNREFUSED, c->now);
	assert_int_equal(sender_state(s->sender), SENDER_OPENING);
	c->there.delay = c->back.delay = 10 * NS_PER_MS;
	channel_run(c, c->now + 30 * NS_PER_MS);
	assert_int_equal(sender_state(s->sender), SENDER_SENDING);
	sender_socket_error(s->sender, ECONNREFUSED, c->now);
	assert_int_equal(sender_state(s->sender), SENDER_FAILED);
	assert_non_null(strstr(sender_error(s->sender), "port unreachable"));

	struct channel_sender *t = channel_add(c, "other", 1000, 1432, 0);

	sender_socket_error(t->sender, ECONNREFUSED, c->now + NS_PER_SEC);
	assert_int_equal(sender_state(t->sender), SENDER_FAILED);
	channel_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_sizes),
		cmocka_unit_test(test_hostile_network),
		cmocka_unit_test(test_small_files_on_bad_networks),
		cmocka_unit_test(test_reordering_is_not_loss),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_busy_receiver),
		cmocka_unit_test(test_windows_fit_the_buffer),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_nobody_listens),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_unconfirmed),
		cmocka_unit_test(test_restarted_receiver),
		cmocka_unit_test(test_one_name_two_senders),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_cancelled_sender),
		cmocka_unit_test(test_port_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
