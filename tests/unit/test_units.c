/* The values of topology files: quantities, numbers, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include "base/clock.h"
#include "topology/address.h"
#include "topology/units.h"

static void broadcast_addresses(void **state)
{
	static const struct {
		const char *address, *broadcast;
	} cases[] = {
		{ "192.168.122.72/24", "192.168.122.255" },
		{ "10.1.2.3/8", "10.255.255.255" },
		{ "10.1.2.1/30", "10.1.2.3" },
		{ "10.1.2.3/32", "10.1.2.3" },
		{ "100.1.2.3/1", "127.255.255.255" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct address a;
		struct err e;

		assert_int_equal(address_parse(cases[i].address, &a, &e), 0);

		struct in_addr b = address_broadcast(&a);

		assert_string_equal(inet_ntoa(b), cases[i].broadcast);
	}
}

static void good_quantities(void **state)
{
	uint64_t n;
	struct err e;

	(void)state;
	assert_int_equal(unit_duration("10ms", &n, &e), 0);
	assert_int_equal(n, 10 * NS_PER_MS);
	assert_int_equal(unit_duration("1.5 s", &n, &e), 0);
	assert_int_equal(n, 1500 * NS_PER_MS);
	assert_int_equal(unit_duration("0.000000001999s", &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(unit_duration("0.33333333333333333333333333h", &n, &e), 0);
	assert_int_equal(n, 1199999999999);
	assert_int_equal(unit_duration("2min", &n, &e), 0);
	assert_int_equal(n, 120 * NS_PER_SEC);
	assert_int_equal(unit_rate("2.5gbit", &n, &e), 0);
	assert_int_equal(n, 2500000000);
	assert_int_equal(unit_rate("100", &n, &e), -1);
	assert_int_equal(unit_size("64KiB", &n, &e), 0);
	assert_int_equal(n, 65536);
	assert_int_equal(unit_size("1.5kB", &n, &e), 0);
	assert_int_equal(n, 1500);
	assert_int_equal(unit_size("18446744073709551615B", &n, &e), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(unit_count("0010", 0, 10, &n, &e), 0);
	assert_int_equal(n, 10);
}

static void bad_quantities(void **state)
{
	static const char *const durations[] = { "",	 "10",	 "ms",	  "10 m",   "10msx", "-1ms",
						 "+1ms", "1,5s", ".5s",	  "1.s",    "1e3s",  "0x1s",
						 "1ms ", " 1ms", "10 MS", "1s500ms" };
	uint64_t n = 99;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(durations) / sizeof(durations[0]); i++)
		assert_int_equal(unit_duration(durations[i], &n, &e), -1);
	assert_int_equal(unit_size("18446744073709551616B", &n, &e), -1);
	assert_int_equal(unit_size("18446744073709551615.5kB", &n, &e), -1);
	assert_int_equal(unit_count("11", 0, 10, &n, &e), -1);
	assert_int_equal(unit_count("", 0, 10, &n, &e), -1);
	assert_int_equal(n, 99);
}

static void percentages(void **state)
{
	static const char *const bad[] = { "1", "0.5",		"100.1%", "101%", "-1%",
					   "%", "1,5%",		".5%",	  "1%%",  "1e1%",
					   "",	"99999999999%", "nan%",	  "1% " };
	double share = -1;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(unit_percent(bad[i], &share, &e), -1);
	assert_true(share == -1);
	assert_int_equal(unit_percent("1%", &share, &e), 0);
	assert_true(share == 0.01);
	assert_int_equal(unit_percent("0.1 %", &share, &e), 0);
	assert_true(share == 0.001);
	assert_int_equal(unit_percent("12.5%", &share, &e), 0);
	assert_true(share == 0.125);
	assert_int_equal(unit_percent("100%", &share, &e), 0);
	assert_true(share == 1);
	assert_int_equal(unit_percent("0%", &share, &e), 0);
	assert_true(share == 0);
	assert_int_equal(unit_percent("0.0001%", &share, &e), 0);
	assert_true(share == 0.000001);
}

static void queues(void **state)
{
	uint64_t bytes = 9, packets = 9;
	struct err e;

	(void)state;
	assert_int_equal(unit_queue("100", &bytes, &packets, &e), -1);
	assert_int_equal(unit_queue("1.5p", &bytes, &packets, &e), -1);
	assert_int_equal(unit_queue("p", &bytes, &packets, &e), -1);
	assert_int_equal(unit_queue("", &bytes, &packets, &e), -1);
	assert_true(bytes == 9 && packets == 9);
	assert_int_equal(unit_queue("100p", &bytes, &packets, &e), 0);
	assert_true(bytes == 0 && packets == 100);
	assert_int_equal(unit_queue("64KiB", &bytes, &packets, &e), 0);
	assert_true(bytes == 65536 && packets == 0);
	assert_int_equal(unit_size("100p", &bytes, &e), -1);
}

/* What is printed is what could have been written. */
static void quantities_as_text(void **state)
{
	char buf[UNIT_TEXT_LEN];

	(void)state;
	assert_string_equal(unit_format_duration(buf, 0), "0s");
	assert_string_equal(unit_format_duration(buf, 1), "1ns");
	assert_string_equal(unit_format_duration(buf, 1500 * NS_PER_MS), "1500ms");
	assert_string_equal(unit_format_duration(buf, 60 * NS_PER_SEC), "1min");
	assert_string_equal(unit_format_duration(buf, UINT64_MAX), "18446744073709551615ns");
	assert_string_equal(unit_format_size(buf, 65536), "64KiB");
	assert_string_equal(unit_format_size(buf, 64000), "64kB");
	assert_string_equal(unit_format_size(buf, 1514), "1514B");
	assert_string_equal(unit_format_rate(buf, 10000000), "10mbit");
	assert_string_equal(unit_format_rate(buf, 2500000000), "2500mbit");
	assert_string_equal(unit_format_percent(buf, 0.125), "12.5%");
	assert_string_equal(unit_format_percent(buf, 0.07), "7%");
	assert_string_equal(unit_format_percent(buf, 0), "0%");
	assert_string_equal(unit_format_percent(buf, 1), "100%");
}

static void subnets(void **state)
{
	struct address a, b, c;
	char buf[ADDRESS_TEXT_LEN];
	struct err e;

	(void)state;
	assert_int_equal(address_parse("10.0.0.130/25", &a, &e), 0);
	assert_int_equal(address_parse("10.0.0.1/24", &b, &e), 0);
	assert_int_equal(address_parse("2001:db8::1/49", &c, &e), 0);
	assert_string_equal(address_format_subnet(buf, &a), "10.0.0.128/25");
	assert_string_equal(address_format_subnet(buf, &c), "2001:db8::/49");
	assert_true(address_subnets_overlap(&a, &b));
	assert_false(address_same_subnet(&a, &b));
	assert_false(address_subnets_overlap(&a, &c));
	assert_true(address_equal(&a, &a));
}

static void macs(void **state)
{
	uint8_t mac[6], other[6];
	char buf[MAC_TEXT_LEN];
	struct err e;

	(void)state;
	assert_int_equal(mac_parse("42:21:88:16:E9:c5", mac, &e), 0);
	assert_string_equal(mac_format(buf, mac), "42:21:88:16:e9:c5");
	assert_int_equal(mac_parse("42:21:88:16:e9:c5:", mac, &e), -1);
	/* The same in every run, on every machine. */
	mac_derive("alpine-1", "eth0", 0, mac);
	assert_string_equal(mac_format(buf, mac), "6a:de:11:b7:8b:fb");
	mac_derive("alpine-1", "eth0", 1, other);
	assert_memory_not_equal(mac, other, 6);
	mac_derive("alpine-1e", "th0", 0, other);
	assert_memory_not_equal(mac, other, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_quantities),     cmocka_unit_test(bad_quantities),
		cmocka_unit_test(percentages),	       cmocka_unit_test(queues),
		cmocka_unit_test(quantities_as_text),  cmocka_unit_test(subnets),
		cmocka_unit_test(broadcast_addresses), cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
