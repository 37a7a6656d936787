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
		cmocka_unit_test(good_quantities),
		cmocka_unit_test(bad_quantities),
		cmocka_unit_test(subnets),
		cmocka_unit_test(broadcast_addresses),
		cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
