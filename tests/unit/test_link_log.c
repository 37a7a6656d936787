/* The log of a link: what was written comes back, and no part of it passes for the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "link/log.h"

#define RECORD	72
#define N_FLOWS 3

static char path[] = "/tmp/test_link_log.XXXXXX";

static struct link_flow a_flow(uint16_t n)
{
	return (struct link_flow){ .link = n,
				   .direction = n % 2,
				   .protocol = IPPROTO_UDP,
				   .ethertype = ETHERTYPE_IP,
				   .from_port = (uint16_t)(20000 + n),
				   .to_port = 10000,
				   .from = { [10] = 0xff, 0xff, 10, 0, 0, 1 },
				   .to = { [10] = 0xff, 0xff, 10, 0, 0, 2 } };
}

static struct link_frame a_frame(uint64_t n)
{
	return (struct link_frame){ .arrived_ns = 1000 + n,
				    .due_ns = n % 3 == 1 ? 0 : 2000 + n,
				    .due_again_ns = n % 3 == 2 ? 3000 + n : 0,
				    .hash_in = n * 7,
				    .hash_out = n * 9,
				    .number = n / N_FLOWS + 1,
				    .draw = n % 2 != 0 ? (double)n / 1e6 : -1,
				    .flow = (uint32_t)(n % N_FLOWS),
				    .len = (uint32_t)(60 + n % 1400),
				    .flipped = n % 5 == 0 ? 113 : 0,
				    .cause = n % 3 == 1 ? CAUSE_LOSS : CAUSE_NONE,
				    .reordered = n % 11 == 0 };
}

static struct log_writer *new_log(void)
{
	struct log_writer *w = NULL;
	struct err e = { 0 };

	if (log_writer_open(path, &w, &e) != 0)
		fail_msg("%s", e.msg);
	return w;
}

static void close_log(struct log_writer *w)
{
	struct err e = { 0 };

	if (log_writer_close(w, &e) != 0)
		fail_msg("%s", e.msg);
}

/* Each flow is described just ahead of its first frame. */
static void write_frames(struct log_writer *w, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		struct link_frame f = a_frame(i);
		struct link_flow flow = a_flow((uint16_t)i);

		if (i < N_FLOWS)
			assert_int_equal(log_write_flow(w, &flow), i);
		assert_int_equal(log_write_frame(w, &f), i);
	}
}

static struct log_reader *open_log(void)
{
	struct log_reader *r = NULL;
	struct err e = { 0 };

	if (log_reader_open(path, &r, &e) != 0)
		fail_msg("%s", e.msg);
	return r;
}

static void assert_frame(const struct link_frame *a, const struct link_frame *b)
{
	assert_int_equal(a->arrived_ns, b->arrived_ns);
	assert_int_equal(a->due_ns, b->due_ns);
	assert_int_equal(a->due_again_ns, b->due_again_ns);
	assert_int_equal(a->hash_in, b->hash_in);
	assert_int_equal(a->hash_out, b->hash_out);
	assert_int_equal(a->number, b->number);
	assert_true(a->draw == b->draw);
	assert_int_equal(a->flow, b->flow);
	assert_int_equal(a->len, b->len);
	assert_int_equal(a->flipped, b->flipped);
	assert_int_equal(a->cause, b->cause);
	assert_int_equal(a->reordered, b->reordered);
}

static void test_round_trip(void **state)
{
	enum { N = 100000 };
	struct log_writer *w = new_log();
	struct link_frame f;
	struct err e;

	(void)state;
	write_frames(w, N);
	close_log(w);

	cleanup_by(log_reader_freep) struct log_reader *r = open_log();

	for (uint64_t i = 0; i < N; i++) {
		struct link_frame expected = a_frame(i);
		struct link_flow flow = a_flow((uint16_t)expected.flow);

		assert_int_equal(log_read(r, &f, &e), 1);
		assert_frame(&f, &expected);
		assert_memory_equal(log_flow(r, f.flow), &flow, sizeof(flow));
	}
	assert_int_equal(log_read(r, &f, &e), 0);
	assert_int_equal(log_read(r, &f, &e), 0);
}

static void test_empty(void **state)
{
	struct link_frame f;
	struct err e;

	(void)state;
	close_log(new_log());

	cleanup_by(log_reader_freep) struct log_reader *r = open_log();

	assert_int_equal(log_read(r, &f, &e), 0);
}

/* Frame 2 of the six has a duplicate, frame 5 too; frame 4 was lost anyway. */
static void test_given_up(void **state)
{
	struct log_writer *w = new_log();
	struct link_frame f, expected;
	struct err e;

	(void)state;
	write_frames(w, 9);
	log_give_up(w, 8, true);
	log_give_up(w, 5, true);
	log_give_up(w, 2, false);
	log_give_up(w, 0, false);
	log_give_up(w, 5, false);
	close_log(w);

	cleanup_by(log_reader_freep) struct log_reader *r = open_log();

	for (uint64_t i = 0; i < 9; i++) {
		expected = a_frame(i);
		if (i == 0 || i == 5) {
			expected.due_ns = expected.due_again_ns = 0;
			expected.cause = CAUSE_STOPPED;
		} else if (i == 2) {
			expected.due_ns = expected.due_again_ns;
			expected.due_again_ns = 0;
		} else if (i == 8) {
			expected.due_again_ns = 0;
		}
		assert_int_equal(log_read(r, &f, &e), 1);
		assert_frame(&f, &expected);
	}
	assert_int_equal(log_read(r, &f, &e), 0);
}

/* ---- damage ---- */

static void put(const char *bytes, size_t len)
{
	struct err e;

	assert_int_equal(fs_write(path, bytes, len, &e), 0);
}

static char *get(size_t *ret_len)
{
	char *bytes;
	struct err e;

	assert_int_equal(fs_read(path, 1 << 20, &bytes, ret_len, &e), 0);
	return bytes;
}

/* The number of frames read, or -1 and what is wrong. */
static int read_all(struct err *e)
{
	cleanup_by(log_reader_freep) struct log_reader *r = NULL;
	struct link_frame f;
	int n = 0, more;

	*e = (struct err){ 0 };
	if (log_reader_open(path, &r, e) != 0)
		return -1;
	while ((more = log_read(r, &f, e)) == 1) {
		assert_non_null(log_flow(r, f.flow));
		assert_in_range(f.cause, 0, N_CAUSES - 1);
		n++;
	}
	return more == 0 ? n : -1;
}

static char *write_small_log(size_t *ret_len)
{
	struct log_writer *w = new_log();
	struct err e;

	write_frames(w, 9);
	log_give_up(w, 8, true);
	log_give_up(w, 5, true);
	close_log(w);
	assert_int_equal(read_all(&e), 9);
	return get(ret_len);
}

/* A wire that was killed leaves the begin of a log. */
static void test_cut(void **state)
{
	size_t len;
	cleanup_free char *bytes = write_small_log(&len);
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		put(bytes, i);
		assert_int_equal(read_all(&e), -1);
		assert_non_null(strstr(e.msg, "not a whole link log"));
	}
}

/* Whole records that are missing or there twice. */
static void test_records_missing(void **state)
{
	size_t len;
	cleanup_free char *bytes = write_small_log(&len);
	cleanup_free char *other = malloc(len + RECORD);
	struct err e;

	(void)state;
	assert_non_null(other);
	for (size_t at = 0; at < len; at += RECORD) {
		memcpy(other, bytes, at);
		memcpy(other + at, bytes + at + RECORD, len - at - RECORD);
		put(other, len - RECORD);
		assert_int_equal(read_all(&e), -1);
		memcpy(other, bytes, at + RECORD);
		memcpy(other + at + RECORD, bytes + at, len - at);
		put(other, len + RECORD);
		assert_int_equal(read_all(&e), -1);
	}
}

/* Whatever the bytes are, nothing but an error comes of it, or as many frames as before. */
static void test_garbage(void **state)
{
	size_t len;
	cleanup_free char *bytes = write_small_log(&len);
	struct err e;

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char was = bytes[i];

		for (int bit = 0; bit < 8; bit++) {
			bytes[i] = (char)(was ^ 1 << bit);
			put(bytes, len);

			int n = read_all(&e);

			if (n != -1 && n != 9)
				fail_msg("byte %zu, bit %d: %d frames", i, bit, n);
		}
		bytes[i] = was;
	}
}

static void test_not_there(void **state)
{
	struct log_reader *r = NULL;
	struct log_writer *w = NULL;
	struct err e;

	(void)state;
	assert_int_equal(log_reader_open("/no/such/file", &r, &e), -1);
	assert_non_null(strstr(e.msg, "/no/such/file"));
	assert_int_equal(log_writer_open("/no/such/file", &w, &e), -1);
	assert_non_null(strstr(e.msg, "/no/such/file"));
	assert_null(w);
}

static void test_disk_full(void **state)
{
	struct log_writer *w = NULL;
	struct err e;

	(void)state;
	assert_int_equal(log_writer_open("/dev/full", &w, &e), 0);
	write_frames(w, 10000);
	assert_int_equal(log_writer_close(w, &e), -1);
	assert_non_null(strstr(e.msg, "/dev/full: write"));
	assert_non_null(strstr(e.msg, "No space left"));
}

/* ---- names ---- */

static void assert_name(const struct link_flow *f, const char *name)
{
	cleanup_free char *s = link_flow_format(f);

	assert_string_equal(s, name);
}

static void test_names(void **state)
{
	struct link_flow f = a_flow(0);
	struct link_flow six = { .ethertype = ETHERTYPE_IPV6,
				 .protocol = IPPROTO_TCP,
				 .to_port = 80,
				 .from_ordinal = 3,
				 .from = { 0xfd, [15] = 1 },
				 .to = { 0xfd, [15] = 2 } };
	struct link_flow other = { .ethertype = ETHERTYPE_ARP,
				   .from = { 0x42, 0x21, 0x88, 0x16, 0xe9, 0xc5 },
				   .to = { 255, 255, 255, 255, 255, 255 } };

	(void)state;
	assert_name(&f, "udp 10.0.0.1:20000 > 10.0.0.2:10000");
	f.from_ordinal = 1;
	assert_name(&f, "udp 10.0.0.1:*1 > 10.0.0.2:10000");
	f.from_ordinal = f.from_port = f.to_port = 0;
	assert_name(&f, "udp 10.0.0.1 > 10.0.0.2");
	f.protocol = IPPROTO_ICMP;
	assert_name(&f, "icmp 10.0.0.1 > 10.0.0.2");
	f.protocol = 47;
	assert_name(&f, "ip-47 10.0.0.1 > 10.0.0.2");
	assert_name(&six, "tcp [fd00::1]:*3 > [fd00::2]:80");
	six.from_ordinal = six.to_port = 0;
	six.protocol = IPPROTO_ICMPV6;
	assert_name(&six, "icmp6 fd00::1 > fd00::2");
	assert_name(&other, "arp 42:21:88:16:e9:c5 > ff:ff:ff:ff:ff:ff");
	other.ethertype = 0x88b5;
	assert_name(&other, "0x88b5 42:21:88:16:e9:c5 > ff:ff:ff:ff:ff:ff");
	other.ethertype = 0;
	assert_name(&other, "other 42:21:88:16:e9:c5 > ff:ff:ff:ff:ff:ff");
}

static void test_causes(void **state)
{
	(void)state;
	for (int i = 0; i < N_CAUSES; i++)
		for (int k = 0; k < i; k++)
			assert_string_not_equal(link_cause_name((enum link_cause)i),
						link_cause_name((enum link_cause)k));
	assert_string_equal(link_cause_name(CAUSE_NONE), "passed");
}

/* ---- hashes ---- */

/* One bit more or less, one byte more or less: another hash, however long the frame is. */
static void test_hash(void **state)
{
	uint8_t frame[300] = { 0 };

	(void)state;
	for (size_t len = 1; len < sizeof(frame); len++) {
		uint64_t h = log_hash(frame, len, len);

		assert_int_equal(log_hash(frame, len, len), h);
		assert_int_not_equal(log_hash(frame, len - 1, len - 1), h);
		assert_int_not_equal(log_hash(frame, len, len + 1), h);
		for (size_t bit = 0; bit < len * 8; bit++) {
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			assert_int_not_equal(log_hash(frame, len, len), h);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Numbered frames, as a transfer sends them: two at most of 10^5 may have the same 32 bits. */
static void test_hash_collisions(void **state)
{
	enum { N = 100000 };
	uint64_t *hashes = calloc(2 * N, sizeof(*hashes));
	uint8_t frame[1066] = { 0 };
	size_t same[2] = { 0 };

	(void)state;
	assert_non_null(hashes);
	for (uint32_t i = 0; i < N; i++) {
		uint64_t h;

		memcpy(frame + 42, &i, sizeof(i));
		h = log_hash(frame, sizeof(frame), sizeof(frame));
		hashes[i] = h & UINT32_MAX;
		hashes[N + i] = h >> 32;
	}
	for (int half = 0; half < 2; half++) {
		qsort(hashes + half * N, N, sizeof(*hashes), compare);
		for (size_t i = 1; i < N; i++)
			same[half] += hashes[half * N + i] == hashes[half * N + i - 1];
	}
	/* N squared / 2^33 is 1.2. */
	assert_in_range(same[0], 0, 8);
	assert_in_range(same[1], 0, 8);
	free(hashes);
}

/* What lies beyond what a capture keeps does not count, the length does. */
static void test_hash_of_a_part(void **state)
{
	uint8_t a[200] = { 1 }, b[200] = { 1 };

	(void)state;
	b[100] = 5;
	assert_int_equal(log_hash(a, 100, 200), log_hash(b, 100, 200));
	assert_int_not_equal(log_hash(a, 101, 200), log_hash(b, 101, 200));
	assert_int_not_equal(log_hash(a, 100, 200), log_hash(a, 100, 201));
}

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_given_up),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_records_missing),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_not_there),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_causes),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hash_collisions),
		cmocka_unit_test(test_hash_of_a_part),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
