/* What requests ask for, as paths of a folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "verify/http_target.h"

static void targets_that_are_no_path(void **state)
{
	static const char *const none[] = {
		"",
		"*",
		"page",
		"/%",
		"/%4",
		"/%zz",
		"/%00",
		"/..",
		"/a/../../b",
		"/%2e%2e/x",
		"/a/%2e%2e%2f..",
		"//..",
		"?a",
		"ftp://host/",
		"http://",
		"host:443",
		"http://host/../x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(http_target_path(none[i], strlen(none[i])));
}

static void targets_that_are(void **state)
{
	static const char *const pairs[][2] = {
		{ "/page", "page" },
		{ "/a/b.html?q=/c#d", "a/b.html" },
		{ "/", "index.html" },
		{ "/?a=b", "index.html" },
		{ "/sub/", "sub/index.html" },
		{ "/a%20b%3Fc%2fd", "a b?c/d" },
		{ "/a+b", "a+b" },
		{ "/%c3%a4", "\xc3\xa4" },
		{ "/a/../b", "b" },
		{ "/./a/./b", "a/b" },
		{ "/a/b/%2E%2e/c", "a/c" },
		{ "/a/..", "index.html" },
		{ "/a/b/..", "a/index.html" },
		{ "/a/.", "a/index.html" },
		{ "/...", "..." },
		{ "/.a/..b", ".a/..b" },
		{ "//a///b", "a/b" },
		{ "/a//../b", "b" },
		{ "http://host/page", "page" },
		{ "HTTP://host:8000/a%20b?c", "a b" },
		{ "http://host", "index.html" },
		{ "http://host?a/b", "index.html" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		cleanup_free char *path = http_target_path(pairs[i][0], strlen(pairs[i][0]));

		assert_non_null(path);
		assert_string_equal(path, pairs[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_that_are_no_path),
		cmocka_unit_test(targets_that_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
