/* Answers of HTTP servers, compared with files: told in one piece, and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "verify/http.h"
#include "verify/http_head.h"

#define PAGE	   "0123456789"
#define GET(path)  "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " #length "\r\n\r\n"

static char folder[] = "/tmp/http.XXXXXX";

static int make_folder(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));

	cleanup_free char *page = text_format("%s/page", folder);
	cleanup_free char *index = text_format("%s/index.html", folder);
	cleanup_free char *blank = text_format("%s/a b", folder);

	assert_int_equal(fs_write(page, PAGE, strlen(PAGE), &e), 0);
	assert_int_equal(fs_write(index, "", 0, &e), 0);
	assert_int_equal(fs_write(blank, "x", 1, &e), 0);
	return 0;
}

static int remove_folder(void **state)
{
	struct err e;

	(void)state;
	return fs_remove_tree(folder, &e);
}

/* One thing that happens: bytes of a side, or its end. */
struct step {
	enum peer from;
	const char *bytes; /* or FIN, RESET */
};

static const char FIN[] = "", RESET[] = "";

#define C(bytes)                                                                                   \
	{                                                                                          \
		PEER_CLIENT, bytes                                                                 \
	}
#define S(bytes)                                                                                   \
	{                                                                                          \
		PEER_SERVER, bytes                                                                 \
	}

static void say(void *of, const struct step *s, size_t piece)
{
	const struct conversation *c = &http_conversation;
	const struct place at = { 7, 1500000000 };
	size_t len = strlen(s->bytes);

	if (s->bytes == FIN)
		c->fin(of, s->from, at);
	else if (s->bytes == RESET)
		c->reset(of, s->from, at);
	for (size_t i = 0; i < len; i += piece)
		c->data(of, s->from, (const uint8_t *)s->bytes + i,
			len - i < piece ? len - i : piece, at);
}

static struct http *play(const struct step *steps, size_t n, size_t piece)
{
	struct http *h = http_new(folder, 1, 1000000000);
	const struct endpoints ends = { .port = { 40000, 80 } };
	void *of = http_conversation.open(h, &ends);

	for (size_t i = 0; i < n; i++)
		say(of, &steps[i], piece);
	http_conversation.close(of, false);
	return h;
}

static char *summary(const struct http_tally *t)
{
	struct text s = { 0 };
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
		{ "right", t->right },	 { "wrong", t->wrong }, { "lost", t->lost },
		{ "left", t->left },	 { "open", t->open },	{ "other", t->other },
		{ "unread", t->unread },
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i].n != 0)
			text_add(&s, "%s%s %d", s.len != 0 ? ", " : "", counts[i].name,
				 (int)counts[i].n);
	return text_take(&s);
}

static void assert_in(const char *words, const char *said)
{
	if (words != NULL && (said == NULL || strstr(said, words) == NULL))
		fail_msg("'%s' does not say '%s'", said != NULL ? said : "(nothing)", words);
}

/* Whatever the pieces. says: of what was wrong, lost or not read. */
static void check(const struct step *steps, size_t n, const char *expected, const char *says)
{
	for (size_t piece = 1; piece < 200; piece += piece < 4 ? 1 : 61) {
		cleanup_by(http_freep) struct http *h = play(steps, n, piece);
		const struct http_tally *t = http_tally(h);
		cleanup_free char *found = summary(t);

		assert_string_equal(found, expected);
		assert_in(says, t->first_wrong != NULL	? t->first_wrong
				: t->first_lost != NULL ? t->first_lost
							: t->first_unread);
	}
}

#define CHECK(expected, says, ...)                                                                 \
	do {                                                                                       \
		const struct step steps__[] = { __VA_ARGS__ };                                     \
		check(steps__, sizeof(steps__) / sizeof(steps__[0]), expected, says);              \
	} while (0)

static void right_answers(void **state)
{
	(void)state;
	CHECK("right 1", NULL, C(GET("/page")), S(OK(10) PAGE), S(FIN));
	CHECK("right 1", NULL, C(GET("/page")), S("HTTP/1.0 200 OK\r\n\r\n" PAGE), S(FIN));
	CHECK("right 2", NULL, C(GET("/page") GET("/a%20b?q=1")), S(OK(10) PAGE OK(1) "x"));
	CHECK("right 1", NULL, C(GET("/")), S(OK(0)));
	CHECK("right 1", NULL, C(GET("http://host/page")), S(OK(10) PAGE));
	CHECK("right 1", NULL, C(GET("/page")), S("HTTP/1.1 100 Continue\r\n\r\n" OK(10) PAGE));
	CHECK("right 1", NULL, C("HEAD /page HTTP/1.1\r\n\r\n" GET("/page")),
	      S(OK(10) OK(10) PAGE));
	CHECK("right 1", NULL, C("POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc" GET("/page")),
	      S(OK(2) "ok" OK(10) PAGE));
	/* A client that has nothing more to ask still reads. */
	CHECK("right 1", NULL, C(GET("/page")), C(FIN), S(OK(10) PAGE), S(FIN));
}

static void wrong_answers(void **state)
{
	(void)state;
	CHECK("wrong 1",
	      "GET /page of :: port 40000 > :: port 80: byte 3 is 0x58 where page has "
	      "0x33; frame 7, 0.500000 s after the first",
	      C(GET("/page")), S(OK(10) "012X456Y89"), S(FIN));
	CHECK("wrong 1", "only the first 4 of 10 bytes of page", C(GET("/page")), S(OK(4) "0123"));
	CHECK("wrong 1", "only the first 4 of 10 bytes", C(GET("/page")),
	      S("HTTP/1.0 200 OK\r\n\r\n0123"), S(FIN));
	CHECK("wrong 1", "more than the 10 bytes of page", C(GET("/page")), S(OK(11) PAGE "!"));
	CHECK("wrong 1", "there is no such file", C(GET("/nowhere")), S(OK(2) "hm"));
	CHECK("wrong 1", "there is no such file", C(GET("/../page")), S(OK(10) PAGE));
	CHECK("wrong 1", "what the server sent is no HTTP/1", C(GET("/page")),
	      S("SSH-2.0-x\r\n\r\n"));
	CHECK("wrong 1", "what the client sent is no HTTP/1", C("hello\r\n\r\n"));
	/* An answer to nothing. */
	CHECK("wrong 1", "server sent", S(OK(10) PAGE));
	CHECK("right 1, wrong 1", "no HTTP", C(GET("/page")), S(OK(10) PAGE "more\r\n\r\n"));
	CHECK("wrong 1", "no HTTP", C(GET("/page")),
	      S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"));
}

static void requests_without_an_answer(void **state)
{
	(void)state;
	CHECK("lost 1", "the server ended the connection without an answer; frame", C(GET("/page")),
	      S(FIN));
	CHECK("lost 1", "the server reset the connection without an answer", C(GET("/page")),
	      S(RESET));
	CHECK("lost 2", "7 bytes before the end of its answer", C(GET("/page") GET("/page")),
	      S(OK(10) "012"), S(FIN));
	CHECK("lost 1", "within its answer", C(GET("/page")), S("HTTP/1.1 2"), S(FIN));
	CHECK("right 1", NULL, C(GET("/page")), S(OK(10) PAGE), S(RESET));
	CHECK("left 1", NULL, C(GET("/page")), S(OK(10) "012"), C(FIN), S(RESET));
	CHECK("left 1", NULL, C(GET("/page")), C(RESET));
	CHECK("left 1", NULL, C(GET("/page")), C(FIN));
	CHECK("open 1", NULL, C(GET("/page")));
	CHECK("", NULL, C(FIN), S(FIN));
	CHECK("", NULL, S(RESET));
}

static void what_is_not_compared(void **state)
{
	(void)state;
	CHECK("right 1, other 3", NULL, C(GET("/nowhere") GET("/page") GET("/page") GET("/page")),
	      S("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"),
	      S("HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n" OK(10) PAGE),
	      S("HTTP/1.1 206 Part\r\nContent-Length: 1\r\n\r\n0"));
	CHECK("unread 1", "its body is sent in chunks", C(GET("/page")),
	      S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n01\r\n0\r\n\r\n"));
	CHECK("right 1, unread 1", "its body is encoded", C(GET("/page") GET("/page")),
	      S("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: 2\r\n\r\nxx"),
	      S("HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\ncontent-length: "
		"10\r\n\r\n" PAGE));
}

static void a_sample_is_spread_evenly(void **state)
{
	cleanup_by(http_freep) struct http *h = http_new(folder, 0.25, 0);
	const struct endpoints ends = { .port = { 40000, 80 } };
	unsigned in_half[2] = { 0, 0 };

	(void)state;
	for (int i = 0; i < 1000; i++) {
		void *of = http_conversation.open(h, &ends);

		if (of == NULL)
			continue;
		in_half[i / 500]++;
		http_conversation.close(of, false);
	}
	assert_in_range(in_half[0], 125, 126);
	assert_in_range(in_half[1], 125, 126);
}

static void targets_that_are_no_path(void **state)
{
	static const char *const none[] = {
		"", "*", "page", "/%", "/%4", "/%zz", "/%00", "/..", "/a/../b", "/%2e%2e/x",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_null(http_head_path(none[i], strlen(none[i])));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_answers),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(requests_without_an_answer),
		cmocka_unit_test(what_is_not_compared),
		cmocka_unit_test(a_sample_is_spread_evenly),
		cmocka_unit_test(targets_that_are_no_path),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
