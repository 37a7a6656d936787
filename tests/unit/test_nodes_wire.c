/* Datagrams as bytes: what is written is read, and every reason to refuse one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "crc32c.h"
#include "wire.h"

#define ROOM 2048

/* A sound datagram of this type, payload zero but for what its shape needs. */
static size_t make(uint8_t *d, uint8_t type, size_t len)
{
	struct wire_packet p = {
		.type = type, .transfer = 7, .number = 9, .time_us = 11, .offset = 13, .len = len
	};

	memset(d, 0, ROOM);
	if (type == PROTOCOL_ABORT)
		wire_put16(d + PROTOCOL_HEADER_LENGTH + PROTOCOL_ABORT_TEXT_LENGTH,
			   (uint16_t)(len - PROTOCOL_ABORT_TEXT));
	return wire_seal(d, &p);
}

/* After a change of the header: so that the checksum is not what refuses it. */
static void fix_crc(uint8_t *d, size_t len)
{
	wire_put32(d + PROTOCOL_AT_CRC, 0);
	wire_put32(d + PROTOCOL_AT_CRC, crc32c_extend(0, d, len));
}

static void expect(const uint8_t *d, size_t len, enum wire_fault fault)
{
	struct wire_packet p;

	assert_int_equal(wire_parse(d, len, &p), fault);
}

static void test_round_trip(void **state)
{
	uint8_t d[ROOM];
	struct wire_packet p = {
		.type = PROTOCOL_DATA,
		.flags = PROTOCOL_FLAG_LAST,
		.transfer = 0x0123456789abcdefULL,
		.number = 0xfedcba98,
		.time_us = 0xffffffff,
		.offset = 0x1122334455667788ULL,
		.len = 5,
	};
	struct wire_packet q;

	(void)state;
	memcpy(d + PROTOCOL_HEADER_LENGTH, "hello", 5);
	assert_int_equal(wire_seal(d, &p), PROTOCOL_HEADER_LENGTH + 5);
	assert_memory_equal(d, "hrns\x01\x03\x02\x0a\x01\x23\x45\x67\x89\xab\xcd\xef", 16);
	assert_int_equal(wire_parse(d, PROTOCOL_HEADER_LENGTH + 5, &q), WIRE_OK);
	assert_int_equal(q.type, p.type);
	assert_int_equal(q.flags, p.flags);
	assert_true(q.transfer == p.transfer && q.offset == p.offset);
	assert_int_equal(q.number, p.number);
	assert_int_equal(q.time_us, p.time_us);
	assert_int_equal(q.len, 5);
	assert_memory_equal(q.payload, "hello", 5);
}

static void test_short(void **state)
{
	uint8_t d[ROOM];

	(void)state;
	make(d, PROTOCOL_CLOSE, 0);
	for (size_t len = 0; len < PROTOCOL_HEADER_LENGTH; len++)
		expect(d, len, WIRE_SHORT);
	expect(d, PROTOCOL_HEADER_LENGTH, WIRE_OK);
}

static void test_header_fields(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
		enum wire_fault fault;
	} cases[] = {
		{ PROTOCOL_AT_MAGIC, 0, WIRE_MAGIC },
		{ PROTOCOL_AT_VERSION, 2, WIRE_VERSION },
		{ PROTOCOL_AT_HEADER_WORDS, 9, WIRE_HEADER },
		{ PROTOCOL_AT_HEADER_WORDS, 11, WIRE_HEADER },
		{ PROTOCOL_AT_PAYLOAD_LENGTH + 1, 99, WIRE_LENGTH },
		{ PROTOCOL_AT_TYPE, 0, WIRE_TYPE },
		{ PROTOCOL_AT_TYPE, PROTOCOL_TYPE_MAX + 1, WIRE_TYPE },
		{ PROTOCOL_AT_FLAGS, 8, WIRE_FLAGS },
		{ PROTOCOL_AT_RESERVED, 1, WIRE_FLAGS },
		{ PROTOCOL_AT_TRANSFER + 7, 0, WIRE_TRANSFER },
		{ PROTOCOL_AT_PACKET + 3, 0, WIRE_TRANSFER },
	};
	uint8_t d[ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = make(d, PROTOCOL_DATA, 100);

		expect(d, len, WIRE_OK);
		d[cases[i].at] = cases[i].value;
		fix_crc(d, len);
		expect(d, len, cases[i].fault);
	}
}

/* One bit anywhere, header and payload, never passes. */
static void test_every_bit_counts(void **state)
{
	uint8_t d[ROOM];
	size_t len = make(d, PROTOCOL_DATA, 64);
	struct wire_packet p;

	(void)state;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		d[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(wire_parse(d, len, &p), WIRE_OK);
		d[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	expect(d, len, WIRE_OK);
	expect(d, len - 1, WIRE_LENGTH);
	expect(d, len + 1, WIRE_LENGTH);
}

/* Each type's payload: one byte less and one more than it may have. */
static void test_payload_shapes(void **state)
{
	static const struct {
		uint8_t type;
		size_t least, most;
	} cases[] = {
		{ PROTOCOL_OPEN, PROTOCOL_OPEN_DATAGRAM_MIN - PROTOCOL_HEADER_LENGTH, SIZE_MAX },
		{ PROTOCOL_OPEN_ACK, PROTOCOL_OPEN_ACK_LENGTH, PROTOCOL_OPEN_ACK_LENGTH },
		{ PROTOCOL_DATA, 1, SIZE_MAX },
		{ PROTOCOL_STATUS, PROTOCOL_STATUS_BITMAP, PROTOCOL_STATUS_BITMAP },
		{ PROTOCOL_PROBE, PROTOCOL_PROBE_LENGTH, PROTOCOL_PROBE_LENGTH },
		{ PROTOCOL_FIN, PROTOCOL_FIN_LENGTH, PROTOCOL_FIN_LENGTH },
		{ PROTOCOL_FIN_ACK, PROTOCOL_FIN_ACK_LENGTH, PROTOCOL_FIN_ACK_LENGTH },
		{ PROTOCOL_CLOSE, 0, 0 },
		{ PROTOCOL_ABORT, PROTOCOL_ABORT_TEXT, SIZE_MAX },
	};
	uint8_t d[ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect(d, make(d, cases[i].type, cases[i].least), WIRE_OK);
		if (cases[i].least > 0 && cases[i].type != PROTOCOL_ABORT)
			expect(d, make(d, cases[i].type, cases[i].least - 1), WIRE_PAYLOAD);
		if (cases[i].most != SIZE_MAX)
			expect(d, make(d, cases[i].type, cases[i].most + 1), WIRE_PAYLOAD);
	}
}

/* Lengths inside payloads that point beyond them. */
static void test_inner_lengths(void **state)
{
	uint8_t d[ROOM];
	uint8_t *at = d + PROTOCOL_HEADER_LENGTH;
	size_t len = make(d, PROTOCOL_OPEN, 250);

	(void)state;
	wire_put16(at + PROTOCOL_OPEN_NAME_LENGTH, 200);
	fix_crc(d, len);
	expect(d, len, WIRE_OK);
	wire_put16(at + PROTOCOL_OPEN_NAME_LENGTH, 201);
	fix_crc(d, len);
	expect(d, len, WIRE_PAYLOAD);

	len = make(d, PROTOCOL_STATUS, PROTOCOL_STATUS_BITMAP + 2);
	wire_put32(at + PROTOCOL_STATUS_BITS, 16);
	fix_crc(d, len);
	expect(d, len, WIRE_OK);
	wire_put32(at + PROTOCOL_STATUS_BITS, 17);
	fix_crc(d, len);
	expect(d, len, WIRE_PAYLOAD);
	wire_put32(at + PROTOCOL_STATUS_BITS, UINT32_MAX);
	fix_crc(d, len);
	expect(d, len, WIRE_PAYLOAD);

	len = make(d, PROTOCOL_ABORT, PROTOCOL_ABORT_TEXT + 3);
	wire_put16(at + PROTOCOL_ABORT_TEXT_LENGTH, 4);
	fix_crc(d, len);
	expect(d, len, WIRE_PAYLOAD);
}

static void test_abort_text_is_cut_between_characters(void **state)
{
	uint8_t p[64];

	(void)state;
	assert_int_equal(wire_put_abort(p, sizeof(p), 7, "full"), PROTOCOL_ABORT_TEXT + 4);
	assert_int_equal(wire_get16(p + PROTOCOL_ABORT_CODE), 7);
	assert_int_equal(wire_put_abort(p, PROTOCOL_ABORT_TEXT + 2, 7, "a\xc3\xbc"),
			 PROTOCOL_ABORT_TEXT + 1);
	assert_int_equal(wire_put_abort(p, PROTOCOL_ABORT_TEXT, 7, "full"), PROTOCOL_ABORT_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_header_fields),
		cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_payload_shapes),
		cmocka_unit_test(test_inner_lengths),
		cmocka_unit_test(test_abort_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
