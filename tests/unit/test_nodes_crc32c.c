/* crc32c of the node programs: published vectors, and both ways agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crc32c.h"

static void check(const uint8_t *bytes, size_t len, uint32_t expected)
{
	assert_int_equal(crc32c_extend(0, bytes, len), expected);
	assert_int_equal(crc32c_extend_portable(0, bytes, len), expected);
}

/* RFC 3720, appendix B.4. It prints each CRC with its first byte sent first. */
static void test_rfc3720(void **state)
{
	static const uint8_t pdu[48] = {
		0x01, 0xc0, 0, 0, 0, 0, 0,    0, 0,    0, 0, 0,	   0, 0, 0, 0,
		0x14, 0,    0, 0, 0, 0, 0x04, 0, 0,    0, 0, 0x14, 0, 0, 0, 0x18,
		0x28, 0,    0, 0, 0, 0, 0,    0, 0x02, 0, 0, 0,	   0, 0, 0, 0,
	};
	uint8_t bytes[32];

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	check(bytes, sizeof(bytes), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	check(bytes, sizeof(bytes), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = i;
	check(bytes, sizeof(bytes), 0x46dd794e);
	for (uint8_t i = 0; i < 32; i++)
		bytes[i] = (uint8_t)(31 - i);
	check(bytes, sizeof(bytes), 0x113fdb5c);
	check(pdu, sizeof(pdu), 0xd9963a56);
	check((const uint8_t *)"123456789", 9, 0xe3069283);
	check(bytes, 0, 0);
}

/* Around every multiple of the three streams, at every alignment, in two pieces. */
static void test_both_ways_agree(void **state)
{
	enum { ROOM = 6000 };
	static uint8_t bytes[ROOM + 8];

	(void)state;
	srand(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)rand();
	for (size_t len = 0; len < ROOM; len += len < 3000 ? 1 : 37) {
		const uint8_t *p = bytes + len % 8;
		size_t cut = len / 3;
		uint32_t whole = crc32c_extend_portable(0, p, len);

		assert_int_equal(crc32c_extend(0, p, len), whole);
		assert_int_equal(crc32c_extend(crc32c_extend(0, p, cut), p + cut, len - cut),
				 whole);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc3720),
		cmocka_unit_test(test_both_ways_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
