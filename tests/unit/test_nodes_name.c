/* Which names a receiver lets into its folder, and how names are shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "name.h"

static void accept(const char *name)
{
	assert_null(name_check(name, strlen(name)));
}

static void refuse(const char *name, size_t len, const char *why)
{
	const char *said = name_check(name, len);

	assert_non_null(said);
	assert_non_null(strstr(said, why));
}

static void test_accepted(void **state)
{
	char longest[200];

	(void)state;
	accept("1.png");
	accept("-rf");
	accept("name with spaces");
	accept("\xc3\xbc\xe6\x97\xa5\xf0\x9f\x98\x80"); /* two, three and four bytes */
	accept("a..b");
	accept("back\\slash");
	memset(longest, 'x', sizeof(longest));
	assert_null(name_check(longest, sizeof(longest)));
}

static void test_refused(void **state)
{
	char too_long[201];

	(void)state;
	refuse("", 0, "empty");
	refuse(".", 1, "dot");
	refuse("..", 2, "dot");
	refuse(".bashrc", 7, "dot");
	refuse("a/b", 3, "separator");
	refuse("/etc/passwd", 11, "separator");
	refuse("../x", 4, "dot");
	refuse("a\0b", 3, "control");
	refuse("a\nb", 3, "control");
	refuse("a\x1b[2J", 5, "control");
	refuse("a\x7f", 2, "control");
	refuse("a\xc2\x85", 3, "control"); /* C1: next line */
	memset(too_long, 'x', sizeof(too_long));
	refuse(too_long, sizeof(too_long), "200");
}

/* RFC 3629: what only looks like UTF-8. */
static void test_not_utf8(void **state)
{
	(void)state;
	refuse("a\x80", 2, "UTF-8");		 /* continuation alone */
	refuse("a\xc3", 2, "UTF-8");		 /* cut short */
	refuse("a\xc0\xaf", 3, "UTF-8");	 /* overlong '/' */
	refuse("a\xe0\x80\xaf", 4, "UTF-8");	 /* overlong '/' */
	refuse("a\xed\xa0\x80", 4, "UTF-8");	 /* surrogate */
	refuse("a\xf4\x90\x80\x80", 5, "UTF-8"); /* above U+10FFFF */
	refuse("a\xff", 2, "UTF-8");
}

static void test_printable(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(name_printable(buf, sizeof(buf), "a\xc3\xbc\n\xff", 5), "a\xc3\xbc??");
	assert_string_equal(name_printable(buf, sizeof(buf), "", 0), "");
	/* Cut in time, never inside a character. */
	name_printable(buf, sizeof(buf), "0123456789\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 18);
	assert_string_equal(buf, "0123456789\xf0\x9f\x98\x80");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_not_utf8),
		cmocka_unit_test(test_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
