/*
 * sink: whichever way the bytes take, through the page cache or around it, the
 * file is what was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "capture/sink.h"

#define UNIT  ((size_t)1 << 20)
#define UNITS 6
#define REST  1001

static char path[] = "/var/tmp/test_sink.XXXXXX";

static int make_file(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	return fd < 0 || close(fd) != 0 ? -1 : 0;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static uint8_t *make_bytes(size_t len)
{
	uint8_t *bytes = aligned_alloc(SINK_ALIGNMENT,
				       (len + SINK_ALIGNMENT) / SINK_ALIGNMENT * SINK_ALIGNMENT);

	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 2654435761U >> 13);
	return bytes;
}

/* So slow that the other way is tried after the next write. */
static void make_slow(struct sink *s, enum sink_way way)
{
	s->cost[way] = UINT64_C(1) << 40;
}

static void assert_file(const uint8_t *bytes, size_t len)
{
	struct fs_map m;
	struct err e = { 0 };

	assert_int_equal(fs_map_open(&m, path, &e), 0);
	assert_int_equal(m.len, len);
	assert_memory_equal(m.data, bytes, len);
	fs_map_close(&m);
}

/* Cached, direct where the file system can, cached again, and an end that is not aligned. */
static void test_both_ways(void **state)
{
	cleanup_by(sink_done) struct sink s = { .fd = -1 };
	cleanup_free uint8_t *bytes = make_bytes(UNITS * UNIT + REST);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sink_open(&s, path, &e), 0);
	for (size_t i = 0; i < UNITS; i++) {
		if (i % 2 == 0)
			make_slow(&s, s.way);
		assert_int_equal(sink_write(&s, bytes + i * UNIT, UNIT, &e), 0);
		assert_true(i != 0 || s.way == SINK_DIRECT || s.no_direct);
	}
	assert_int_equal(sink_write(&s, bytes + UNITS * UNIT, REST, &e), 0);
	assert_int_equal(s.len, UNITS * UNIT + REST);
	assert_int_equal(sink_close(&s, &e), 0);
	assert_file(bytes, UNITS * UNIT + REST);
}

static void test_take_back(void **state)
{
	cleanup_by(sink_done) struct sink s = { .fd = -1 };
	cleanup_free uint8_t *bytes = make_bytes(2 * UNIT);
	cleanup_free uint8_t *back = make_bytes(0);
	struct err e = { 0 };

	(void)state;
	assert_int_equal(sink_open(&s, path, &e), 0);
	make_slow(&s, SINK_CACHED);
	assert_int_equal(sink_write(&s, bytes, UNIT, &e), 0);
	assert_int_equal(sink_write(&s, bytes + UNIT, UNIT, &e), 0);
	assert_int_equal(sink_take_back(&s, back, SINK_ALIGNMENT, &e), 0);
	assert_memory_equal(back, bytes + 2 * UNIT - SINK_ALIGNMENT, SINK_ALIGNMENT);
	assert_int_equal(sink_write(&s, back, 10, &e), 0);
	assert_int_equal(sink_take_back(&s, back, 10, &e), 0);
	assert_memory_equal(back, bytes + 2 * UNIT - SINK_ALIGNMENT, 10);
	assert_int_equal(sink_write(&s, bytes + 2 * UNIT - SINK_ALIGNMENT, SINK_ALIGNMENT, &e), 0);
	assert_int_equal(sink_close(&s, &e), 0);
	assert_file(bytes, 2 * UNIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_ways),
		cmocka_unit_test(test_take_back),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
