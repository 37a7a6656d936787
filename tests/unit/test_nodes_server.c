/*
 * The receiving side, datagram by datagram: what it refuses, what it answers
 * again, and what it never does twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/nodes_channel.h"

#define CHUNK 1000
#define ID    42

/* A sender played by hand: one peer, packet numbers, and its file's bytes. */
struct hand {
	struct channel *c;
	struct peer peer;
	uint32_t number;
	uint8_t buf[CHANNEL_DATAGRAM];
};

static struct hand hand_new(void)
{
	struct hand h = { .c = channel_new(1), .peer = { .port = 1 } };

	return h;
}

static void hand_send(struct hand *h, uint8_t type, uint8_t flags, uint64_t offset, size_t len)
{
	struct wire_packet p = {
		.type = type,
		.flags = flags,
		.transfer = ID,
		.number = ++h->number,
		.offset = offset,
		.len = len,
	};

	server_receive(h->c->server, h->buf, wire_seal(h->buf, &p), &h->peer, h->c->now);
	server_work(h->c->server, h->c->now);
}

static void send_open(struct hand *h, uint64_t size, uint32_t chunk, uint32_t count,
		      const char *name, size_t name_len)
{
	uint8_t *at = h->buf + PROTOCOL_HEADER_LENGTH;

	memset(at, 0, 250);
	wire_put64(at + PROTOCOL_OPEN_SIZE, size);
	wire_put32(at + PROTOCOL_OPEN_CHUNK, chunk);
	wire_put32(at + PROTOCOL_OPEN_COUNT, count);
	wire_put16(at + PROTOCOL_OPEN_NAME_LENGTH, (uint16_t)name_len);
	memcpy(at + PROTOCOL_OPEN_NAME, name, name_len);
	hand_send(h, PROTOCOL_OPEN, 0, 0, 250);
}

static void send_data(struct hand *h, uint32_t chunk, uint8_t fill, size_t len, uint8_t flags)
{
	memset(h->buf + PROTOCOL_HEADER_LENGTH, fill, len);
	hand_send(h, PROTOCOL_DATA, flags, (uint64_t)chunk * CHUNK, len);
}

/* FIN of a file of n chunks that are filled with their numbers. */
static void send_fin(struct hand *h, unsigned n)
{
	uint8_t *at = h->buf + PROTOCOL_HEADER_LENGTH, bytes[CHUNK];
	struct digest *d = digest_new();

	for (unsigned i = 0; i < n; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		digest_add(d, bytes, sizeof(bytes));
	}
	memset(at, 0, PROTOCOL_FIN_LENGTH);
	(void)digest_end(d, at + PROTOCOL_FIN_SHA256); /* fails only for files */
	digest_free(d);
	hand_send(h, PROTOCOL_FIN, 0, 0, PROTOCOL_FIN_LENGTH);
}

/* The answers since the last call; the newest one's type must be this (0: none at all). */
static void expect_answer(struct hand *h, uint8_t type)
{
	assert_int_equal(h->c->n_back != 0 ? h->c->last_back_type : 0, type);
	h->c->n_back = 0;
}

static uint16_t abort_code(const struct hand *h)
{
	const struct channel_datagram *d = h->c->heap[0];

	for (size_t i = 1; i < h->c->n_heap; i++)
		if (d->order < h->c->heap[i]->order)
			d = h->c->heap[i];
	return wire_get16(d->bytes + PROTOCOL_HEADER_LENGTH + PROTOCOL_ABORT_CODE);
}

static void test_last_chunk_first(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, 3 * CHUNK, CHUNK, 3, "file", 4);
	expect_answer(&h, PROTOCOL_OPEN_ACK);
	send_data(&h, 2, 2, CHUNK, PROTOCOL_FLAG_LAST | PROTOCOL_FLAG_ACK_NOW);
	expect_answer(&h, PROTOCOL_STATUS);
	send_fin(&h, 3);
	expect_answer(&h, PROTOCOL_STATUS);
	send_data(&h, 0, 0, CHUNK, 0);
	expect_answer(&h, 0);
	send_data(&h, 1, 1, CHUNK, 0); /* FIN is known already: nobody has to ask */
	expect_answer(&h, PROTOCOL_FIN_ACK);
	assert_int_equal(channel_find(h.c, "file")->size, 3 * CHUNK);
	channel_free(h.c);
}

static void test_everything_again_is_answered_again(void **state)
{
	struct hand h = hand_new();

	(void)state;
	for (int i = 0; i < 3; i++) {
		send_open(&h, CHUNK, CHUNK, 1, "file", 4);
		expect_answer(&h, PROTOCOL_OPEN_ACK);
	}
	send_data(&h, 0, 0, CHUNK, 0);
	for (int i = 0; i < 3; i++) {
		send_fin(&h, 1);
		expect_answer(&h, PROTOCOL_FIN_ACK);
	}
	send_data(&h, 0, 0, CHUNK, PROTOCOL_FLAG_RETX | PROTOCOL_FLAG_ACK_NOW);
	expect_answer(&h, PROTOCOL_FIN_ACK);
	assert_int_equal(h.c->n_settled, 1);
	assert_int_equal(h.c->n_ended, 0);
	assert_int_equal(server_n_lingering(h.c->server), 1);
	hand_send(&h, PROTOCOL_CLOSE, 0, 0, 0);
	assert_int_equal(h.c->n_ended, 1);
	assert_int_equal(h.c->duplicates, 1);
	channel_free(h.c);
}

/* Datagrams of a finished transfer that come late neither revive it nor get an answer. */
static void test_late_datagrams(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, CHUNK, CHUNK, 1, "file", 4);
	send_data(&h, 0, 0, CHUNK, 0);
	send_fin(&h, 1);
	hand_send(&h, PROTOCOL_CLOSE, 0, 0, 0);
	h.c->n_back = 0;
	h.c->files[0].committed = false; /* somebody has taken the file away already */
	send_open(&h, CHUNK, CHUNK, 1, "file", 4);
	send_data(&h, 0, 0, CHUNK, PROTOCOL_FLAG_ACK_NOW);
	send_fin(&h, 1);
	expect_answer(&h, 0);
	assert_int_equal(h.c->n_files, 1);
	channel_free(h.c);
}

static void test_linger_ends_by_itself(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, 0, CHUNK, 0, "empty", 5);
	send_fin(&h, 0);
	expect_answer(&h, PROTOCOL_FIN_ACK);
	h.c->now += 9 * NS_PER_SEC;
	server_work(h.c->server, h.c->now);
	assert_int_equal(h.c->n_ended, 0);
	h.c->now += 2 * NS_PER_SEC;
	server_work(h.c->server, h.c->now);
	assert_int_equal(h.c->n_ended, 1);
	channel_free(h.c);
}

/* All answers may be lost for longer than that, and the sender asks for 30 s. */
static void test_linger_goes_on_while_asked(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, 0, CHUNK, 0, "empty", 5);
	send_fin(&h, 0);
	expect_answer(&h, PROTOCOL_FIN_ACK);
	for (int i = 0; i < 4; i++) {
		h.c->now += 8 * NS_PER_SEC;
		send_fin(&h, 0);
		expect_answer(&h, PROTOCOL_FIN_ACK);
	}
	assert_int_equal(h.c->n_ended, 0);
	channel_free(h.c);
}

static void test_conflict_is_counted_and_not_written(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, 2 * CHUNK, CHUNK, 2, "file", 4);
	send_data(&h, 0, 0, CHUNK, 0);
	send_data(&h, 0, 99, CHUNK, PROTOCOL_FLAG_RETX);
	send_data(&h, 0, 0, CHUNK, PROTOCOL_FLAG_RETX);
	send_data(&h, 1, 1, CHUNK, 0);
	send_fin(&h, 2);
	expect_answer(&h, PROTOCOL_FIN_ACK);
	hand_send(&h, PROTOCOL_CLOSE, 0, 0, 0);
	assert_int_equal(h.c->conflicts, 1);
	assert_int_equal(h.c->duplicates, 2);
	assert_int_equal(channel_find(h.c, "file")->bytes[0], 0);
	channel_free(h.c);
}

static void test_other_hash(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, CHUNK, CHUNK, 1, "file", 4);
	send_data(&h, 0, 7, CHUNK, 0); /* chunk 0 of a file as send_fin() knows it is zeros */
	send_fin(&h, 1);
	expect_answer(&h, PROTOCOL_FIN_ACK);
	assert_int_equal(h.c->n_settled, 1);
	assert_int_equal(h.c->n_complete, 0);
	assert_null(channel_find(h.c, "file"));
	channel_free(h.c);
}

static void test_data_that_contradicts_open(void **state)
{
	struct hand h = hand_new();
	uint64_t bad = 0;

	(void)state;
	send_open(&h, 2 * CHUNK + 10, CHUNK, 3, "file", 4);
	assert_int_equal(server_bad(h.c->server), 0);
	hand_send(&h, PROTOCOL_DATA, 0, 1, CHUNK); /* not a multiple of the chunk */
	assert_int_equal(server_bad(h.c->server), ++bad);
	send_data(&h, 3, 0, CHUNK, 0); /* behind the end */
	assert_int_equal(server_bad(h.c->server), ++bad);
	send_data(&h, 0, 0, CHUNK - 1, 0); /* short in the middle */
	assert_int_equal(server_bad(h.c->server), ++bad);
	send_data(&h, 2, 0, 11, 0); /* the last one too long */
	assert_int_equal(server_bad(h.c->server), ++bad);
	hand_send(&h, PROTOCOL_DATA, 0, UINT64_MAX - CHUNK + 1, CHUNK);
	assert_int_equal(server_bad(h.c->server), ++bad);
	send_data(&h, 2, 0, 10, 0);
	assert_int_equal(server_bad(h.c->server), bad);
	hand_send(&h, PROTOCOL_CLOSE, 0, 0, 0); /* of what is not finished */
	assert_int_equal(server_bad(h.c->server), ++bad);
	hand_send(&h, PROTOCOL_STATUS, 0, 0, PROTOCOL_STATUS_BITMAP); /* a receiver's message */
	assert_int_equal(server_bad(h.c->server), ++bad);
	h.peer.port = 2; /* somebody else, who has guessed the id */
	send_data(&h, 0, 0, CHUNK, 0);
	assert_int_equal(server_bad(h.c->server), ++bad);
	channel_free(h.c);
}

static void refuse_open(uint64_t size, uint32_t chunk, uint32_t count, const char *name,
			uint16_t code)
{
	struct hand h = hand_new();

	send_open(&h, size, chunk, count, name, strlen(name));
	expect_answer(&h, PROTOCOL_ABORT);
	assert_int_equal(abort_code(&h), code);
	assert_true(h.c->last_back <= 290);
	assert_int_equal(h.c->n_files, 0);
	channel_free(h.c);
}

static void test_offers_that_are_refused(void **state)
{
	(void)state;
	refuse_open(1000, 1000, 1, "../etc/passwd", PROTOCOL_ABORT_NAME);
	refuse_open(1000, 1000, 1, "a/b", PROTOCOL_ABORT_NAME);
	refuse_open(1000, 1000, 1, "", PROTOCOL_ABORT_NAME);
	refuse_open(1000, 1000, 1, "\xff", PROTOCOL_ABORT_NAME);
	refuse_open(1000, 1000, 2, "file", PROTOCOL_ABORT_PROTOCOL);
	refuse_open(1001, 1000, 1, "file", PROTOCOL_ABORT_PROTOCOL);
	refuse_open(1000, 0, 0, "file", PROTOCOL_ABORT_PROTOCOL);
	refuse_open(1000, 255, 4, "file", PROTOCOL_ABORT_PROTOCOL);
	refuse_open(UINT64_MAX, 65467, UINT32_MAX, "file", PROTOCOL_ABORT_PROTOCOL);
	refuse_open(UINT64_C(1) << 40, 1000, 1099511628, "file", PROTOCOL_ABORT_TOO_LARGE);
	refuse_open((1 << 30) + 1, 1000, 1073742, "file", PROTOCOL_ABORT_TOO_LARGE);
}

/* Nobody can make the receiver send more than it was sent, or flood anyone. */
static void test_strangers(void **state)
{
	struct hand h = hand_new();

	(void)state;
	for (int i = 0; i < 100; i++)
		send_data(&h, 0, 0, 16, PROTOCOL_FLAG_ACK_NOW);
	assert_int_equal(h.c->n_back, 20);
	assert_true(h.c->last_back <= PROTOCOL_HEADER_LENGTH + 16);
	assert_int_equal(abort_code(&h), PROTOCOL_ABORT_UNKNOWN_TRANSFER);
	h.c->now += NS_PER_SEC;
	h.c->n_back = 0;
	hand_send(&h, PROTOCOL_CLOSE, 0, 0, 0);
	expect_answer(&h, 0);
	send_data(&h, 0, 0, 3, 0); /* there is no room for an ABORT in an answer to this */
	expect_answer(&h, 0);
	memset(h.buf, 0, sizeof(h.buf));
	hand_send(&h, PROTOCOL_PROBE, 0, 0, PROTOCOL_PROBE_LENGTH);
	expect_answer(&h, PROTOCOL_ABORT);
	channel_free(h.c);
}

/* Before the first DATA no answer is larger than what it answers. */
static void test_no_amplification(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, 100000 * UINT64_C(1000), CHUNK, 100000, "file", 4);
	assert_true(h.c->last_back <= 290);
	hand_send(&h, PROTOCOL_PROBE, 0, 0, PROTOCOL_PROBE_LENGTH);
	expect_answer(&h, PROTOCOL_STATUS);
	assert_true(h.c->last_back <= PROTOCOL_HEADER_LENGTH + PROTOCOL_PROBE_LENGTH);
	send_fin(&h, 1);
	expect_answer(&h, PROTOCOL_STATUS);
	assert_true(h.c->last_back <= PROTOCOL_HEADER_LENGTH + PROTOCOL_FIN_LENGTH);
	channel_free(h.c);
}

/* Several pages of bitmap when much is missing, each of which fits a datagram of this transfer. */
static void test_status_pages(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, 20000 * UINT64_C(1000), CHUNK, 20000, "file", 4);
	h.c->n_back = 0;
	send_data(&h, 19999, 0, CHUNK, PROTOCOL_FLAG_LAST | PROTOCOL_FLAG_ACK_NOW);
	assert_int_equal(h.c->n_back, (20000 + 7679) / 7680 /* 8 * (1000 - 36), whole bytes */);
	assert_true(h.c->last_back <= CHUNK + PROTOCOL_HEADER_LENGTH);
	channel_free(h.c);
}

static void test_stop(void **state)
{
	struct hand h = hand_new();

	(void)state;
	send_open(&h, CHUNK, CHUNK, 1, "file", 4);
	h.c->n_back = 0;
	server_stop(h.c->server, "stopped");
	expect_answer(&h, 0);
	assert_int_equal(h.c->n_settled, 1);
	assert_int_equal(h.c->n_ended, 1);
	assert_int_equal(h.c->n_complete, 0);
	channel_free(h.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_last_chunk_first),
		cmocka_unit_test(test_everything_again_is_answered_again),
		cmocka_unit_test(test_late_datagrams),
		cmocka_unit_test(test_linger_ends_by_itself),
		cmocka_unit_test(test_linger_goes_on_while_asked),
		cmocka_unit_test(test_conflict_is_counted_and_not_written),
		cmocka_unit_test(test_other_hash),
		cmocka_unit_test(test_data_that_contradicts_open),
		cmocka_unit_test(test_offers_that_are_refused),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_no_amplification),
		cmocka_unit_test(test_status_pages),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
