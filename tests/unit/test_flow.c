/* Which flow a frame belongs to, and what the flow is called. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "link/flows.h"
#include "link/frame.h"
#include "link/log.h"

#define MACS	 0x42, 0, 0, 0, 0, 2, 0x42, 0, 0, 0, 0, 1
#define V6(last) 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, (last)

/* From memory of exactly that length, for the sanitizers. */
static void assert_name_of(const uint8_t *bytes, size_t len, const char *name)
{
	cleanup_free uint8_t *frame = malloc(len != 0 ? len : 1);
	struct link_flow flow = { .link = 7, .direction = LINK_IN };

	assert_non_null(frame);
	memcpy(frame, bytes, len);
	frame_flow(frame, len, &flow);
	assert_int_equal(flow.link, 7);
	assert_int_equal(flow.direction, LINK_IN);

	cleanup_free char *s = link_flow_format(&flow);

	assert_string_equal(s, name);
}

#define assert_name(bytes, name) assert_name_of((bytes), sizeof(bytes), (name))

static void test_v4(void **state)
{
	uint8_t f[] = { MACS, 8, 0, 0x45, 0, 0, 28, 0,	  0,	0,    0,    64, 17, 0, 0, 10,
			0,    0, 1, 10,	  0, 0, 2,  0x4e, 0x20, 0x27, 0x10, 0,	8,  0, 0 };

	(void)state;
	assert_name(f, "udp 10.0.0.1:20000 > 10.0.0.2:10000");
	f[23] = IPPROTO_TCP;
	assert_name(f, "tcp 10.0.0.1:20000 > 10.0.0.2:10000");
	f[23] = IPPROTO_ICMP;
	assert_name(f, "icmp 10.0.0.1 > 10.0.0.2");
	/* The first fragment has ports, the others have not. */
	f[23] = IPPROTO_UDP;
	f[20] = 0x20;
	assert_name(f, "udp 10.0.0.1:20000 > 10.0.0.2:10000");
	f[20] = 0x20;
	f[21] = 185;
	assert_name(f, "udp 10.0.0.1 > 10.0.0.2");
	f[20] = 0;
	assert_name(f, "udp 10.0.0.1 > 10.0.0.2");
}

static void test_v4_options(void **state)
{
	const uint8_t f[] = { MACS, 8, 0, 0x46, 0,    0,    32,	  0,  0, 0, 0, 64,
			      17,   0, 0, 10,	0,    0,    1,	  10, 0, 0, 2, 1,
			      1,    1, 1, 0x4e, 0x20, 0x27, 0x10, 0,  8, 0, 0 };

	(void)state;
	assert_name(f, "udp 10.0.0.1:20000 > 10.0.0.2:10000");
}

static void test_v6(void **state)
{
	uint8_t f[] = { MACS,  0x86,  0xdd, 0x60, 0,	0,    0, 0, 8, 17, 64,
			V6(1), V6(2), 0x4e, 0x20, 0x27, 0x10, 0, 8, 0, 0 };

	(void)state;
	assert_name(f, "udp [fd00::1]:20000 > [fd00::2]:10000");
	f[20] = IPPROTO_ICMPV6;
	assert_name(f, "icmp6 fd00::1 > fd00::2");
}

/* Hop-by-hop options of 16 bytes, then a fragment header. */
static void test_v6_extensions(void **state)
{
	uint8_t f[] = { MACS, 0x86,	   0xdd, 0x60, 0,     0,     0,
			0,    32,	   0,	 64,   V6(1), V6(2), IPPROTO_FRAGMENT,
			1,    1,	   12,	 0,    0,     0,     0,
			0,    0,	   0,	 0,    0,     0,     0,
			0,    IPPROTO_UDP, 0,	 0,    1,     0,     0,
			0,    9,	   0x4e, 0x20, 0x27,  0x10,  0,
			8,    0,	   0 };

	(void)state;
	assert_name(f, "udp [fd00::1]:20000 > [fd00::2]:10000");
	f[72] = 8;
	assert_name(f, "udp fd00::1 > fd00::2");
}

static void test_others(void **state)
{
	uint8_t f[60] = { 255, 255, 255, 255, 255, 255, 0x42, 0, 0, 0, 0, 1, 8, 6 };

	(void)state;
	assert_name(f, "arp 42:00:00:00:00:01 > ff:ff:ff:ff:ff:ff");
	f[12] = 0x88;
	f[13] = 0xb5;
	assert_name(f, "0x88b5 42:00:00:00:00:01 > ff:ff:ff:ff:ff:ff");
}

/* Headers that contradict themselves. */
static void test_damaged(void **state)
{
	uint8_t f[60] = { MACS, 8, 0, 0x65 };

	(void)state;
	assert_name(f, "other 42:00:00:00:00:01 > 42:00:00:00:00:02");
	f[14] = 0x44;
	assert_name(f, "other 42:00:00:00:00:01 > 42:00:00:00:00:02");
	f[14] = 0x4f;
	assert_name_of(f, 34, "other 42:00:00:00:00:01 > 42:00:00:00:00:02");
	f[12] = 0x86;
	f[13] = 0xdd;
	assert_name(f, "other 42:00:00:00:00:01 > 42:00:00:00:00:02");
	assert_name_of(f, 13, "other 00:00:00:00:00:00 > 00:00:00:00:00:00");
	assert_name_of(f, 0, "other 00:00:00:00:00:00 > 00:00:00:00:00:00");
}

/* Any bytes, of any length: the sanitizers look on. */
static void test_any_bytes(void **state)
{
	static const uint8_t heads[][16] = { { MACS, 8, 0, 0x45 }, { MACS, 0x86, 0xdd, 0x60 } };

	(void)state;
	srand(1);
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)rand() % 120;
		cleanup_free uint8_t *frame = malloc(len != 0 ? len : 1);
		struct link_flow flow = { .link = 0 };

		assert_non_null(frame);
		for (size_t i = 0; i < len; i++)
			frame[i] = (uint8_t)(rand() % 4 == 0 ? rand() : rand() % 64);
		memcpy(frame, heads[round % 2], len < 15 ? len : 15);
		frame_flow(frame, len, &flow);

		cleanup_free char *s = link_flow_format(&flow);

		assert_non_null(s);
	}
}

/* ---- the table ---- */

static struct link_flow udp(uint16_t from_port, uint16_t to_port, uint8_t host)
{
	return (struct link_flow){ .protocol = IPPROTO_UDP,
				   .ethertype = ETHERTYPE_IP,
				   .from_port = from_port,
				   .to_port = to_port,
				   .to = { [15] = host } };
}

static void test_table(void **state)
{
	enum { N = 50000 };
	cleanup_by(flows_freep) struct flows *flows = flows_new(N);
	struct flow *found[N];
	struct link_flow one_more = udp(1, 2, 3);
	bool is_new;

	(void)state;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < N; i++) {
			struct link_flow f = udp((uint16_t)(i % 1000), (uint16_t)(i / 1000), 1);
			struct flow *flow = flows_get(flows, &f, &is_new);

			assert_non_null(flow);
			assert_int_equal(is_new, round == 0);
			assert_memory_equal(&flow->seen, &f, sizeof(f));
			assert_memory_equal(&flow->name, &f, sizeof(f));
			if (round == 1)
				assert_ptr_equal(flow, found[i]);
			found[i] = flow;
		}
	assert_null(flows_get(flows, &one_more, &is_new));
}

static void assert_ordinals(struct flows *flows, struct link_flow f, uint16_t from, uint16_t to)
{
	bool is_new;
	struct flow *flow = flows_get(flows, &f, &is_new);

	assert_int_equal(flow->name.from_ordinal, from);
	assert_int_equal(flow->name.to_ordinal, to);
	assert_int_equal(flow->name.from_port, from != 0 ? 0 : f.from_port);
	assert_int_equal(flow->name.to_port, to != 0 ? 0 : f.to_port);
}

/* By order of appearance, among flows that are otherwise alike. */
static void test_ordinals(void **state)
{
	cleanup_by(flows_freep) struct flows *flows = flows_new(1000);

	(void)state;
	assert_ordinals(flows, udp(40000, 10000, 1), 1, 0);
	assert_ordinals(flows, udp(33000, 10000, 1), 2, 0);
	assert_ordinals(flows, udp(40000, 10000, 2), 1, 0);
	assert_ordinals(flows, udp(40000, 10001, 1), 1, 0);
	assert_ordinals(flows, udp(40000, 10000, 1), 1, 0);
	assert_ordinals(flows, udp(10000, 40000, 1), 0, 1);
	assert_ordinals(flows, udp(32768, 60999, 1), 1, 1);
	assert_ordinals(flows, udp(60999, 32768, 1), 2, 2);
	assert_ordinals(flows, udp(32767, 10000, 1), 0, 0);
	assert_ordinals(flows, udp(61000, 10000, 1), 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v4),	  cmocka_unit_test(test_v4_options),
		cmocka_unit_test(test_v6),	  cmocka_unit_test(test_v6_extensions),
		cmocka_unit_test(test_others),	  cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_any_bytes), cmocka_unit_test(test_table),
		cmocka_unit_test(test_ordinals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
