/*
 * pcapng: files that others wrote, built here byte by byte: both byte orders,
 * every resolution, unknown blocks, cut short, damaged.
 */
#include <byteswap.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "capture/pcapng.h"

#define MUTATIONS 20000

enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	SIMPLE = 3,
	PACKET = 6,
};

/* The one file of these tests, in memory. */
static int file = -1;
static char path[64];

static int make_file(void **state)
{
	(void)state;
	file = memfd_create("test_pcapng_reader", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return file < 0 ? -1 : 0;
}

static int close_file(void **state)
{
	(void)state;
	return close(file);
}

static void set_file(const void *bytes, size_t len)
{
	assert_int_equal(ftruncate(file, 0), 0);
	assert_int_equal(pwrite(file, bytes, len, 0), len);
}

/* Builds blocks in either byte order. */
struct builder {
	struct text t;
	bool swapped;
	size_t block; /* where the open one starts */
};

static void build_u16(struct builder *b, uint16_t v)
{
	v = b->swapped ? bswap_16(v) : v;
	text_add_bytes(&b->t, &v, sizeof(v));
}

static void build_u32(struct builder *b, uint32_t v)
{
	v = b->swapped ? bswap_32(v) : v;
	text_add_bytes(&b->t, &v, sizeof(v));
}

static void build_begin(struct builder *b, uint32_t type)
{
	b->block = b->t.len;
	build_u32(b, type);
	build_u32(b, 0);
}

static void build_end(struct builder *b)
{
	uint32_t total = (uint32_t)(b->t.len - b->block) + 4;
	uint32_t stored = b->swapped ? bswap_32(total) : total;

	memcpy(b->t.s + b->block + 4, &stored, sizeof(stored));
	build_u32(b, total);
}

static void build_section(struct builder *b, bool swapped)
{
	b->swapped = swapped;
	build_begin(b, SECTION);
	build_u32(b, 0x1a2b3c4d);
	build_u16(b, 1);
	build_u16(b, 0);
	build_u32(b, UINT32_MAX);
	build_u32(b, UINT32_MAX);
	build_end(b);
}

/* tsresol < 0: not said. offset_s: of the times, 0: not said. */
static void build_interface(struct builder *b, uint32_t snaplen, int tsresol, uint32_t offset_s)
{
	build_begin(b, INTERFACE);
	build_u16(b, 1);
	build_u16(b, 0);
	build_u32(b, snaplen);
	build_u16(b, 2);
	build_u16(b, 1);
	text_add_bytes(&b->t, "i\0\0\0", 4);
	if (tsresol >= 0) {
		const uint8_t value[4] = { (uint8_t)tsresol };

		build_u16(b, 9);
		build_u16(b, 1);
		text_add_bytes(&b->t, value, sizeof(value));
	}
	if (offset_s != 0) {
		build_u16(b, 14);
		build_u16(b, 8);
		build_u32(b,
			  b->swapped == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? 0 : offset_s);
		build_u32(b,
			  b->swapped == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__) ? offset_s : 0);
	}
	build_end(b);
}

static void build_packet(struct builder *b, uint32_t interface, uint64_t ticks)
{
	build_begin(b, PACKET);
	build_u32(b, interface);
	build_u32(b, (uint32_t)(ticks >> 32));
	build_u32(b, (uint32_t)ticks);
	build_u32(b, 5);
	build_u32(b, 60);
	text_add_bytes(&b->t, "abcde\0\0\0", 8);
	build_u16(b, 2);
	build_u16(b, 4);
	build_u32(b, DIRECTION_OUT);
	build_end(b);
}

static void build_simple(struct builder *b, uint32_t original_len)
{
	build_begin(b, SIMPLE);
	build_u32(b, original_len);
	text_add_bytes(&b->t, "abcdefgh", 8);
	build_end(b);
}

static void build_unknown(struct builder *b)
{
	build_begin(b, 0x0bad);
	build_u32(b, 0xffffffff);
	build_end(b);
}

static void assert_packet(struct pcapng_reader *r, uint32_t interface, uint64_t time_ns,
			  const char *data, enum packet_direction direction)
{
	struct packet p = { 0 };
	struct err e = { 0 };

	if (pcapng_read(r, &p, &e) != 1)
		fail_msg("%s", e.msg);
	assert_int_equal(p.interface, interface);
	assert_int_equal(p.time_ns, time_ns);
	assert_int_equal(p.captured_len, strlen(data));
	assert_memory_equal(p.data, data, strlen(data));
	assert_int_equal(p.direction, direction);
}

/* Both byte orders, in one file; every resolution; blocks nobody knows; interfaces late. */
static void test_other_writers(void **state)
{
	struct builder b = { 0 };
	struct packet p;
	struct err e = { 0 };

	(void)state;
	build_section(&b, false);
	build_unknown(&b);
	build_interface(&b, 6, -1, 0);
	build_packet(&b, 0, 1500000);
	build_simple(&b, 100);
	build_interface(&b, 0, 3, 0);
	build_packet(&b, 1, 1500);
	build_section(&b, true);
	build_interface(&b, 0, 0x80 | 10, 7);
	build_interface(&b, 0, 12, 0);
	build_unknown(&b);
	build_packet(&b, 1, 1500000000000);
	build_packet(&b, 0, 1536);
	build_simple(&b, 7);
	set_file(b.t.s, b.t.len);
	text_done(&b.t);

	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;

	assert_int_equal(pcapng_reader_open(path, &r, &e), 0);
	assert_packet(r, 0, 1500000000, "abcde", DIRECTION_OUT);
	assert_packet(r, 0, 0, "abcdef", DIRECTION_UNKNOWN);
	assert_packet(r, 1, 1500000000, "abcde", DIRECTION_OUT);
	assert_packet(r, 3, 1500000000, "abcde", DIRECTION_OUT);
	assert_packet(r, 2, 8500000000, "abcde", DIRECTION_OUT);
	assert_packet(r, 2, 0, "abcdefg", DIRECTION_UNKNOWN);
	assert_int_equal(pcapng_read(r, &p, &e), 0);
	assert_string_equal(pcapng_interface_name(r, 3), "i");
}

static void assert_refused(const void *bytes, size_t len, const char *message)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
	struct packet p;
	struct err e = { 0 };
	int more;

	set_file(bytes, len);
	more = pcapng_reader_open(path, &r, &e);
	if (more == 0)
		more = pcapng_read(r, &p, &e);
	assert_int_equal(more, -1);
	if (strncmp(e.msg, path, strlen(path)) != 0 || strcmp(e.msg + strlen(path), message) != 0)
		fail_msg("'%s' is not about '%s'", e.msg, message);
}

static void test_refused(void **state)
{
	static const char pcap[] =
		"\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0padding";
	struct builder b = { 0 };

	(void)state;
	assert_refused("", 0, " is no pcapng file");
	assert_refused("hello\n", 6, " is no pcapng file");
	assert_refused(pcap, sizeof(pcap), " is no pcapng file");
	build_section(&b, true);
	b.t.s[8] ^= 1;
	assert_refused(b.t.s, b.t.len,
		       ": damaged at byte 0: no byte-order magic in a section header");
	b.t.s[8] ^= 1;
	b.t.s[b.t.len - 1] ^= 1;
	assert_refused(b.t.s, b.t.len, ": damaged at byte 0: the two lengths of a block differ");
	b.t.s[b.t.len - 1] ^= 1;
	build_packet(&b, 0, 0);
	assert_refused(b.t.s, b.t.len,
		       ": damaged at byte 28: packet of an interface that was not described");
	text_done(&b.t);
}

/* Cut anywhere: the packets before the cut come out, then the error does, and the error stays. */
static void test_cut_files(void **state)
{
	size_t ends[4] = { 0 };
	struct builder b = { 0 };
	struct err e = { 0 };

	(void)state;
	build_section(&b, false);
	build_interface(&b, 0, 9, 0);
	ends[0] = b.t.len;
	for (size_t i = 1; i < 4; i++) {
		build_packet(&b, 0, i);
		ends[i] = b.t.len;
	}
	for (size_t len = ends[0]; len <= b.t.len; len++) {
		cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
		struct packet p;
		size_t whole = 0;

		while (whole < 3 && ends[whole + 1] <= len)
			whole++;
		set_file(b.t.s, len);
		assert_int_equal(pcapng_reader_open(path, &r, &e), 0);
		for (size_t i = 0; i < whole; i++)
			assert_int_equal(pcapng_read(r, &p, &e), 1);
		assert_int_equal(pcapng_read(r, &p, &e), len == ends[whole] ? 0 : -1);
		assert_int_equal(pcapng_read(r, &p, &e), len == ends[whole] ? 0 : -1);
		if (len != ends[whole])
			assert_non_null(strstr(e.msg, "the file ends inside a block"));
	}
	text_done(&b.t);
}

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*seed >> 33);
}

/* One to four bytes changed, sometimes to what lengths are afraid of; sometimes cut. */
static size_t mutate(uint8_t *bytes, size_t len, uint64_t *seed)
{
	static const uint8_t afraid[] = { 0x00, 0x01, 0x7f, 0x80, 0xff, 0xfc };

	for (uint32_t n = 1 + next_random(seed) % 4; n > 0; n--) {
		uint8_t *at = &bytes[next_random(seed) % len];

		*at = next_random(seed) % 2 == 0 ? afraid[next_random(seed) % sizeof(afraid)]
						 : (uint8_t)next_random(seed);
	}
	return next_random(seed) % 4 == 0 ? next_random(seed) % (len + 1) : len;
}

/* Every byte that the reader hands out must be there: a sanitizer sees it when not. */
static unsigned read_everything(struct pcapng_reader *r)
{
	struct packet p;
	struct err e = { 0 };
	unsigned sum = 0;

	while (pcapng_read(r, &p, &e) == 1) {
		for (uint32_t i = 0; i < p.captured_len; i++)
			sum += p.data[i];
		if (pcapng_interface_name(r, p.interface) != NULL)
			sum += (unsigned)strlen(pcapng_interface_name(r, p.interface));
	}
	return sum;
}

static void build_sample(struct builder *b)
{
	build_section(b, false);
	build_interface(b, 6, 0x80 | 10, 1);
	build_packet(b, 0, 1);
	build_simple(b, 7);
	build_unknown(b);
	build_section(b, true);
	build_interface(b, 0, 12, 0);
	build_packet(b, 0, 2);
	build_packet(b, 0, 3);
}

/* Damaged files end in an error or in other packets, never in a crash. */
static void test_mutations(void **state)
{
	const char *given = getenv("SEED");
	uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	struct builder b = { 0 };
	unsigned sum = 0;

	(void)state;
	print_message("SEED=%llu\n", (unsigned long long)seed);
	build_sample(&b);
	for (int i = 0; i < MUTATIONS; i++) {
		cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
		uint8_t bytes[1024];
		struct err e = { 0 };
		size_t len;

		assert_true(b.t.len <= sizeof(bytes));
		memcpy(bytes, b.t.s, b.t.len);
		len = mutate(bytes, b.t.len, &seed);
		set_file(bytes, len);
		if (pcapng_reader_open(path, &r, &e) == 0)
			sum += read_everything(r);
	}
	assert_int_not_equal(sum, 0);
	text_done(&b.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_writers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cut_files),
		cmocka_unit_test(test_mutations),
	};

	return cmocka_run_group_tests(tests, make_file, close_file);
}
