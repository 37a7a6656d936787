/* Answers of HTTP servers, compared with files. */
#include "http_talk.h"

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
	CHECK("right 1, wrong 1", "more than its answers", C(GET("/page")),
	      S(OK(10) PAGE "more\r\n\r\n"));
	/* One byte is enough, also when what would end a head never comes. */
	CHECK("right 1, wrong 1", "more than its answers", C(GET("/page")), S(OK(10) PAGE "!"),
	      S(FIN));
	CHECK("right 1, wrong 1", "more than its answers", C(GET("/page")), S(OK(10) PAGE PAGE),
	      S(RESET));
	CHECK("right 1, wrong 1", "more than its answers", C("HEAD /page HTTP/1.1\r\n\r\n"),
	      C(GET("/page")), S(OK(10) OK(10) PAGE "\n"));
}

static void heads_that_are_none(void **state)
{
	static char answer[80000] = "HTTP/1.1 200 OK\r\nX: ";

	(void)state;
	CHECK("wrong 1", "what the server sent is no HTTP/1: its lines end in LF without CR",
	      C(GET("/page")), S("HTTP/1.1 200 OK\nA: b\n\n" PAGE "\r\n\r\n"), S(FIN));
	CHECK("wrong 1", "what the client sent is no HTTP/1: its lines end in LF without CR",
	      C("GET /page HTTP/1.0\n\n"), S(OK(10) PAGE), S(FIN));
	CHECK("wrong 1", "HTTP/1: its Content-Length is no number", C(GET("/page")),
	      S("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"));
	CHECK("wrong 1", "HTTP/1: it has two Content-Lengths", C(GET("/page")),
	      S("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"));
	memset(answer + strlen(answer), 'x', 70000);
	strcat(answer, "\r\n\r\n");
	CHECK("wrong 1", "HTTP/1: its head is longer than 64 KiB", C(GET("/page")), S(answer));
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
	      S("HTTP/1.1 204 No Content\r\nContent-Length: 10\r\n\r\n"));
	CHECK("right 1, unread 1", "its body is encoded (Content-Encoding: gzip)",
	      C(GET("/page") GET("/page")),
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(right_answers),
		cmocka_unit_test(wrong_answers),
		cmocka_unit_test(heads_that_are_none),
		cmocka_unit_test(requests_without_an_answer),
		cmocka_unit_test(what_is_not_compared),
		cmocka_unit_test(a_sample_is_spread_evenly),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
