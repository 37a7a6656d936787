/* Patterns: what is found where, mistakes with their place, and bounds on bad expressions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/pattern.h"

static struct pattern *compiled(const char *text)
{
	struct pattern *p;
	struct err e;

	if (pattern_new(text, &p, NULL, &e) != 0)
		fail_msg("%s: %s", text, e.msg);
	return p;
}

/* Where it is first found, or -1. */
static int found_at(const char *text, const char *subject, size_t len)
{
	cleanup_by(pattern_freep) struct pattern *p = compiled(text);
	struct pattern_span s;
	struct err e;
	int found = pattern_match(p, subject, len, 0, &s, 1, &e);

	assert_int_not_equal(found, -1);
	return found != 0 ? (int)s.start : -1;
}

static void test_lines(void **state)
{
	(void)state;
	assert_int_equal(found_at("^b", "a\nb\n", 4), 2);
	assert_int_equal(found_at("a$", "a\nb\n", 4), 0);
	assert_int_equal(found_at("a.b", "a\nb\n", 4), -1);
	assert_int_equal(found_at("\\d+", "ab12", 4), 2);
	assert_int_equal(found_at("x", "", 0), -1);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_int_equal(found_at("b",
				  "\xff\xfe"
				  "ab",
				  4),
			 3);
	assert_int_equal(found_at("b", "\0\0b", 3), 2);
	assert_int_equal(found_at("^.$", "\xc3\xa4", 2), 0);
	assert_int_equal(found_at("^..$", "\xc3\xa4", 2), -1);
	/* A character that was cut in two. */
	assert_int_equal(found_at("b", "b\xc3", 2), 0);
}

static void test_groups(void **state)
{
	cleanup_by(pattern_freep) struct pattern *p = compiled("(x)?(?<value>[0-9]+) (\\w+)");
	struct pattern_span s[6];
	struct err e;

	(void)state;
	assert_int_equal(pattern_groups(p), 3);
	assert_int_equal(pattern_named(p, "value"), 2);
	assert_int_equal(pattern_named(p, "other"), 0);
	assert_int_equal(pattern_match(p, "a 12 b 34 c", 11, 0, s, 6, &e), 1);
	assert_int_equal(s[0].start, 2);
	assert_int_equal(s[0].end, 6);
	assert_true(s[1].start == NO_GROUP && s[1].end == NO_GROUP);
	assert_int_equal(s[2].start, 2);
	assert_int_equal(s[2].end, 4);
	assert_int_equal(s[3].start, 5);
	assert_true(s[4].start == NO_GROUP && s[5].end == NO_GROUP);
	assert_int_equal(pattern_match(p, "a 12 b 34 c", 11, 6, s, 1, &e), 1);
	assert_int_equal(s[0].start, 7);
	assert_int_equal(pattern_match(p, "a 12 b 34 c", 11, 11, s, 1, &e), 0);
}

static void test_mistakes(void **state)
{
	struct pattern *p = NULL;
	size_t offset;
	struct err e;

	(void)state;
	assert_int_equal(pattern_new("ab(c", &p, &offset, &e), -1);
	assert_null(p);
	assert_int_equal(offset, 4);
	assert_string_equal(e.msg, "missing closing parenthesis");
	assert_int_equal(pattern_new("a**+b", &p, NULL, &e), -1);
	assert_int_equal(pattern_new("\xff", &p, NULL, &e), -1);
	pattern_free(NULL);
}

/* Both ways of trying double with every letter: 2^60 steps. */
static void test_bounds(void **state)
{
	static const char many[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!";
	cleanup_by(pattern_freep) struct pattern *p = compiled("^(a|a)+$");
	struct pattern_span s;
	struct err e;

	(void)state;
	assert_int_equal(pattern_match(p, many, sizeof(many) - 1, 0, &s, 1, &e), -1);
	assert_non_null(strstr(e.msg, "backtracks too much"));
	assert_int_equal(pattern_match(p, "aaa", 3, 0, &s, 1, &e), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),  cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_groups), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
