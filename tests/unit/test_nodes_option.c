/* Values of the node programs' options, and what is said of wrong ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "option.h"

static struct fail f;

static void test_number(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(option_number("10000", 1, 65535, &v, &f), 0);
	assert_int_equal(v, 10000);
	assert_int_equal(option_number("0", 1, 65535, &v, &f), -1);
	assert_string_equal(f.msg, "0 is not between 1 and 65535");
	assert_int_equal(option_number("12x", 1, 65535, &v, &f), -1);
	assert_string_equal(f.msg, "'12x' is not a whole number");
	assert_int_equal(option_number("-1", 0, 10, &v, &f), -1);
	assert_int_equal(option_number("", 0, 10, &v, &f), -1);
	assert_int_equal(option_number("99999999999999999999", 0, UINT64_MAX, &v, &f), -1);
}

static void test_rate(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(option_rate("100mbit", &v, &f), 0);
	assert_int_equal(v, 100000000);
	assert_int_equal(option_rate("2.5Gbit", &v, &f), 0);
	assert_int_equal(v, 2500000000);
	assert_int_equal(option_rate("9600", &v, &f), 0);
	assert_int_equal(v, 9600);
	assert_int_equal(option_rate("0", &v, &f), -1);
	assert_int_equal(option_rate("fast", &v, &f), -1);
	assert_string_equal(f.msg, "'fast' is not a rate such as 100mbit");
	assert_int_equal(option_rate("nan", &v, &f), -1);
	assert_int_equal(option_rate("1e30gbit", &v, &f), -1);
}

static void test_size_and_seconds(void **state)
{
	uint64_t v;

	(void)state;
	assert_int_equal(option_size("1099511627776", &v, &f), 0);
	assert_true(v == UINT64_C(1) << 40);
	assert_int_equal(option_size("64MiB", &v, &f), 0);
	assert_int_equal(v, 64 << 20);
	assert_int_equal(option_size("3 MB", &v, &f), -1);
	assert_int_equal(option_seconds("2.5", &v, &f), 0);
	assert_int_equal(v, 2500000000);
	assert_int_equal(option_seconds("20ms", &v, &f), 0);
	assert_int_equal(v, 20000000);
	assert_int_equal(option_seconds("0", &v, &f), -1);
}

static void test_word(void **state)
{
	static const char *const words[] = { "red", "green" };
	size_t v;

	(void)state;
	assert_int_equal(option_word("green", words, 2, &v, &f), 0);
	assert_int_equal(v, 1);
	assert_int_equal(option_word("blue", words, 2, &v, &f), -1);
	assert_string_equal(f.msg, "'blue' is none of red, green");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_size_and_seconds),
		cmocka_unit_test(test_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
