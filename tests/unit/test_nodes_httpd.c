/* What httpd understands by itself: targets, types, ranges, tags, dates, framing, the folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "httpd_header.h"
#include "httpd_site.h"
#include "httpd_uri.h"

static void names(const char *target, const char *path)
{
	char got[64];

	assert_int_equal(httpd_uri_path(target, got, sizeof(got)), 0);
	assert_string_equal(got, path);
}

static void refused(const char *target, unsigned status)
{
	char got[64];

	assert_int_equal(httpd_uri_path(target, got, sizeof(got)), status);
}

static void test_paths(void **state)
{
	(void)state;
	names("/", "");
	names("/page.html", "page.html");
	names("/a/b.txt", "a/b.txt");
	names("/a/", "a/");
	names("//a///b", "a/b");
	names("/./a/./b/.", "a/b/");
	names("/a/../b", "b");
	names("/a/b/..", "a/");
	names("/a/..", "");
	names("/a/%2e%2E/b", "b");
	names("/a%2Fb", "a/b");
	names("/%41%7a", "Az");
	names("/...", "...");
	names("/..a/.b", "..a/.b");
	names("http://host:8000/a", "a");
	names("HTTP://host", "");
}

static void test_paths_refused(void **state)
{
	char longest[80];

	(void)state;
	refused("", 400);
	refused("*", 400);
	refused("a", 400);
	refused("http:///a", 400);
	refused("http://host?a", 400);
	refused("https://host/a", 400);
	refused("/..", 400);
	refused("/../a", 400);
	refused("/a/../../b", 400);
	refused("/%2e%2e/a", 400);
	refused("/..%2fa", 400);
	refused("/a%00b", 400);
	refused("/a%", 400);
	refused("/a%4", 400);
	refused("/a%4g", 400);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[64] = '\0';
	refused(longest, 414);
	longest[63] = '\0';
	names(longest, longest + 1);
}

static void test_types(void **state)
{
	(void)state;
	assert_string_equal(httpd_uri_type("a/page.html"), "text/html; charset=utf-8");
	assert_string_equal(httpd_uri_type("1.PNG"), "image/png");
	assert_string_equal(httpd_uri_type("x.tar.gz"), "application/gzip");
	assert_string_equal(httpd_uri_type("x.pdf"), "application/pdf");
	assert_string_equal(httpd_uri_type("a.html/b"), "application/octet-stream");
	assert_string_equal(httpd_uri_type("html"), "application/octet-stream");
	assert_string_equal(httpd_uri_type("a."), "application/octet-stream");
}

static void part(const char *text, uint64_t size, uint64_t first, uint64_t len)
{
	uint64_t got_first, got_len;

	assert_int_equal(httpd_range_parse(text, size, &got_first, &got_len), HTTPD_RANGE_PART);
	assert_true(got_first == first && got_len == len);
}

static void test_ranges(void **state)
{
	static const char *const outside[] = { "bytes=100-", "bytes=100-200", "bytes=-0",
					       "bytes=18446744073709551615-" };
	static const char *const ignored[] = {
		"",	      "bytes",
		"bytes=",     "bytes=-",
		"bytes=a-b",  "bytes=5",
		"bytes=5-4",  "bytes=1-2,",
		"bytes= 1-2", "bytes=1-2,4-5",
		"bytes=1 -2", "lines=1-2",
		"bytes=--1",  "bytes=1-18446744073709551616",
	};
	uint64_t first, len;

	(void)state;
	part("bytes=0-0", 100, 0, 1);
	part("Bytes=10-19", 100, 10, 10);
	part("bytes=90-", 100, 90, 10);
	part("bytes=90-1000", 100, 90, 10);
	part("bytes=-10", 100, 90, 10);
	part("bytes=-1000", 100, 0, 100);
	part("bytes=0-18446744073709551615", 100, 0, 100);
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_int_equal(httpd_range_parse(outside[i], 100, &first, &len),
				 HTTPD_RANGE_OUTSIDE);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		assert_int_equal(httpd_range_parse(ignored[i], 100, &first, &len),
				 HTTPD_RANGE_NONE);
	assert_int_equal(httpd_range_parse("bytes=0-", 0, &first, &len), HTTPD_RANGE_OUTSIDE);
	assert_int_equal(httpd_range_parse("bytes=-1", 0, &first, &len), HTTPD_RANGE_OUTSIDE);
}

static void test_tags(void **state)
{
	(void)state;
	assert_true(httpd_tag_in_list("*", "\"a\""));
	assert_true(httpd_tag_in_list("\"a\"", "\"a\""));
	assert_true(httpd_tag_in_list("W/\"a\"", "\"a\""));
	assert_true(httpd_tag_in_list("\"b\", \"a\"", "\"a\""));
	assert_true(httpd_tag_in_list(" ,\"b\",,W/\"a\"", "\"a\""));
	assert_false(httpd_tag_in_list("\"b\"", "\"a\""));
	assert_false(httpd_tag_in_list("a", "\"a\""));
	assert_false(httpd_tag_in_list("\"a", "\"a\""));
	assert_false(httpd_tag_in_list("", "\"a\""));
	assert_false(httpd_tag_in_list("\"aa\"", "\"a\""));
}

static void test_dates(void **state)
{
	char buf[HTTPD_DATE_LEN];

	(void)state;
	assert_string_equal(httpd_date_format(buf, 784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
	assert_int_equal(httpd_date_parse(buf), 784111777);
	assert_int_equal(httpd_date_parse("Sun, 06 Nov 1994 08:49:37 GMT+1"), -1);
	assert_int_equal(httpd_date_parse("Sunday, 06-Nov-94 08:49:37 GMT"), -1);
	assert_int_equal(httpd_date_parse(""), -1);
}

/* Headers as "Name: value" lines; what httpd answers them with. */
static unsigned framed(const char *version, const char *headers)
{
	struct httpd_framing fr = { 0 };

	while (*headers != '\0') {
		size_t name = strcspn(headers, ":");
		const char *value = headers + name + 2;
		size_t len = strcspn(value, "\n");

		httpd_framing_add(&fr, headers, name, value, len);
		headers = value + len + 1;
	}
	return httpd_framing_status(&fr, version);
}

static void test_framing(void **state)
{
	(void)state;
	assert_int_equal(framed("HTTP/1.1", "Host: a\n"), 0);
	assert_int_equal(framed("HTTP/1.1", "host: a\ncontent-length: 5\n"), 0);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nTransfer-Encoding: Chunked\n"), 0);
	assert_int_equal(framed("HTTP/1.0", "A: b\n"), 0);
	assert_int_equal(framed("HTTP/1.1", "A: b\n"), 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nHost: a\n"), 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nContent-Length: 5\nContent-Length: 5\n"),
			 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nContent-Length: +5\n"), 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nContent-Length: 5, 5\n"), 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nContent-Length: 18446744073709551616\n"),
			 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nContent-Length: 1048577\n"), 413);
	assert_int_equal(
		framed("HTTP/1.1", "Host: a\nContent-Length: 5\nTransfer-Encoding: chunked\n"),
		400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nTransfer-Encoding: gzip, chunked\n"), 501);
	assert_int_equal(framed("HTTP/1.0", "Transfer-Encoding: chunked\n"), 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nTransfer-Encoding : chunked\n"), 400);
	assert_int_equal(framed("HTTP/1.1", "Host: a\nX: a\rb\n"), 400);
}

static void file_is(int folder, const char *path, unsigned by_kernel, unsigned by_steps)
{
	struct stat st;
	int fd;
	unsigned status = httpd_site_open_file(folder, path, &fd, &st);

	assert_int_equal(status, by_kernel);
	if (status == 0)
		close(fd);
	status = httpd_site_open_stepwise(folder, path, &fd, &st);
	assert_int_equal(status, by_steps);
	if (status == 0)
		close(fd);
}

static void test_folder(void **state)
{
	char dir[] = "/tmp/test_nodes_httpd.XXXXXX", command[256];
	struct fail f;
	int folder;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p in/sub out && echo 1 >in/sub/file && echo 2 >out/secret &&"
		 "ln -s sub/file in/good && ln -s ../out/secret in/bad && ln -s /etc/passwd in/abs "
		 "&&"
		 "ln -s ../out in/dir && ln -s loop in/loop && mkfifo in/fifo",
		 dir);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/in", dir);
	assert_int_equal(httpd_site_open(command, &folder, &f), 0);
	file_is(folder, "sub/file", 0, 0);
	file_is(folder, "good", 0, 404);
	file_is(folder, "bad", 404, 404);
	file_is(folder, "abs", 404, 404);
	file_is(folder, "dir/secret", 404, 404);
	file_is(folder, "loop", 404, 404);
	file_is(folder, "fifo", 404, 404);
	file_is(folder, "sub", 404, 404);
	file_is(folder, "sub/file/x", 404, 404);
	file_is(folder, "missing", 404, 404);
	close(folder);
	assert_int_equal(httpd_site_open("/missing", &folder, &f), -1);
	assert_string_equal(f.msg, "open the folder '/missing': No such file or directory");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),	cmocka_unit_test(test_paths_refused),
		cmocka_unit_test(test_types),	cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_tags),	cmocka_unit_test(test_dates),
		cmocka_unit_test(test_framing), cmocka_unit_test(test_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
