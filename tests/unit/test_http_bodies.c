/* Bodies of HTTP messages in every form: what is compared, where they end, and what breaks them. */
#include "http_talk.h"

#define STATUS(line, fields) "HTTP/1.1 " line "\r\n" fields "\r\n"
#define CHUNKED		     "Transfer-Encoding: chunked\r\n"
#define IN_CHUNKS	     STATUS("200 OK", CHUNKED)
#define GET_RANGE(range)     "GET /page HTTP/1.1\r\nRange: " range "\r\n\r\n"
#define POST(fields, body)   "POST /x HTTP/1.1\r\n" fields "\r\n" body

static void chunks_are_put_together(void **state)
{
	(void)state;
	CHECK("right 1", NULL, C(GET("/page")), S(IN_CHUNKS "a\r\n" PAGE "\r\n0\r\n\r\n"));
	CHECK("right 2", NULL, C(GET("/page") GET("/page")),
	      S(IN_CHUNKS "3\r\n012\r\n007\r\n3456789\r\n000\r\n\r\n"),
	      S(IN_CHUNKS "1;a\r\n0\r\n4 \t; b=\"c;d\"\r\n1234\r\n5;\r\n56789\r\n0;e=f\r\n\r\n"));
	/* Trailers; a chunk that looks like the end; what follows on the connection. */
	CHECK("right 3", NULL, C(GET("/page") GET("/") GET("/page")),
	      S(IN_CHUNKS "A\r\n" PAGE "\r\n0\r\nX-Sum: 1\r\nVoid:\r\n\r\n"),
	      S(IN_CHUNKS "0\r\n\r\n" OK(10) PAGE));
	/* The last of several codings; names in any case; a length beside it counts for nothing. */
	CHECK("right 1", NULL, C(GET("/page")),
	      S(STATUS("200 OK",
		       "transfer-encoding: Chunked\r\nContent-Length: 3\r\n") "a\r\n" PAGE
									      "\r\n0\r\n\r\n"));
	CHECK("right 1", NULL, C(GET("/page")),
	      S(STATUS("200 OK", "Content-Length: x\r\nTransfer-Encoding: identity, "
				 "chunked\r\n") "a\r\n" PAGE "\r\n0\r\n\r\n"));
	CHECK("right 1", NULL, C(GET("/page")),
	      S(STATUS("200 OK", "Transfer-Encoding: identity\r\nContent-Length: 10\r\n") PAGE));
}

static void chunks_with_other_bytes(void **state)
{
	(void)state;
	CHECK("wrong 1",
	      "GET /page of :: port 40000 > :: port 80: byte 4 is 0x58 where page has 0x34",
	      C(GET("/page")), S(IN_CHUNKS "3\r\n012\r\n7\r\n3X56789\r\n0\r\n\r\n"));
	CHECK("wrong 1", "only the first 9 of 10 bytes of page", C(GET("/page")),
	      S(IN_CHUNKS "9\r\n012345678\r\n0\r\n\r\n"));
	CHECK("wrong 1", "more than the 10 bytes of page", C(GET("/page")),
	      S(IN_CHUNKS "a\r\n" PAGE "\r\n1\r\n!\r\n0\r\n\r\n"));
	CHECK("right 1, wrong 1", "byte 0 is", C(GET("/page") GET("/page")),
	      S(IN_CHUNKS "2\r\nXX\r\n0\r\n\r\n" OK(10) PAGE));
	CHECK("wrong 1", "there is no such file", C(GET("/nowhere")),
	      S(IN_CHUNKS "2\r\nhm\r\n0\r\n\r\n"));
}

#define BROKEN(after, why, body)                                                                   \
	CHECK("wrong 1", "the server's chunks are broken behind byte " after " of the body: " why, \
	      C(GET("/page")), S(IN_CHUNKS body))

static void chunks_that_are_broken(void **state)
{
	(void)state;
	BROKEN("0", "there is no size", "page\r\n");
	BROKEN("0", "there is no size", "\r\n");
	BROKEN("0", "there is no size", "-1\r\n0\r\n\r\n");
	BROKEN("0", "there is no size", ";a\r\n");
	BROKEN("0", "behind the size of a chunk is neither", "0xa\r\n" PAGE "\r\n0\r\n\r\n");
	BROKEN("0", "behind the size of a chunk is neither", "a\n" PAGE "\n0\n\n");
	BROKEN("0", "behind the size of a chunk is neither", "a \r\n" PAGE "\r\n");
	BROKEN("0", "behind the size of a chunk is neither", "a b\r\n" PAGE "\r\n");
	BROKEN("0", "there is no CR behind the extension", "a;b\n" PAGE "\r\n");
	BROKEN("0", "a CR has no LF", "a\rX");
	BROKEN("0", "the size of a chunk is 2^60 or more", "1000000000000000\r\n");
	BROKEN("5", "there is no CR LF where the size", "5\r\n" PAGE "\r\n0\r\n\r\n");
	BROKEN("5", "a CR has no LF", "5\r\n01234\rX");
	BROKEN("5", "there is no size", "5\r\n01234\r\nHTTP/1.1 200 OK\r\n");
	BROKEN("10", "behind the last chunk", "a\r\n" PAGE "\r\n0\r\nHTTP/1.1 200 OK\r\n\r\n");
	BROKEN("10", "behind the last chunk", "a\r\n" PAGE "\r\n0\r\n\n");
	BROKEN("10", "behind the last chunk", "a\r\n" PAGE "\r\n0\r\nA B: c\r\n\r\n");
	BROKEN("10", "behind the last chunk", "a\r\n" PAGE "\r\n0\r\nA:b\r\n folded\r\n\r\n");
	BROKEN("10", "there is no CR behind a field", "a\r\n" PAGE "\r\n0\r\nA: b\n\r\n");
	/* Bytes that differ are what is wrong with it: it counts once. */
	CHECK("wrong 1", "byte 0 is", C(GET("/page")), S(IN_CHUNKS "5\r\nX1234567"));
	CHECK("wrong 1", "the client's chunks are broken behind byte 0 of the body",
	      C(POST(CHUNKED, "x\r\n")));
	CHECK("wrong 1", "HTTP/1: its body is put into chunks twice", C(GET("/page")),
	      S(STATUS("200 OK", CHUNKED CHUNKED) "a\r\n" PAGE "\r\n0\r\n\r\n"));
	/* Such a client takes sizes for bytes of the page, and such a server's answer has no end. */
	CHECK("right 1, wrong 1", "in chunks, which HTTP/1.0 of the client does not have",
	      C("GET /page HTTP/1.0\r\n\r\n" GET("/page")),
	      S(IN_CHUNKS "a\r\n" PAGE "\r\n0\r\n\r\n" OK(10) PAGE));
	CHECK("wrong 1", "in chunks, which HTTP/1.0 of the server does not have", C(GET("/page")),
	      S("HTTP/1.0 200 OK\r\n" CHUNKED "\r\na\r\n" PAGE "\r\n0\r\n\r\n"));
}

/* Extensions and trailers that do not end. */
static void chunks_with_too_much_around_them(void **state)
{
	static char answer[200000];
	const size_t limits[] = { 60000, 70000 };

	(void)state;
	for (int trailers = 0; trailers < 2; trailers++)
		for (size_t i = 0; i < 2; i++) {
			const char *end = trailers ? "\r\n\r\n" : "\r\n" PAGE "\r\n0\r\n\r\n";
			int n = sprintf(answer, "%s%s", IN_CHUNKS,
					trailers ? "a\r\n" PAGE "\r\n0\r\nX: " : "a;");

			memset(answer + n, 'x', limits[i]);
			memcpy(answer + n + limits[i], end, strlen(end) + 1);

			const struct step steps[] = { C(GET("/page")), S(answer) };

			check(steps, 2, i == 0 ? "right 1" : "wrong 1",
			      i == 0 ? NULL : "sizes and trailers are longer than 64 KiB");
		}
}

static void chunks_that_end_too_early(void **state)
{
	(void)state;
	CHECK("lost 1", "the server ended the connection 3 bytes before the end of a chunk of its",
	      C(GET("/page")), S(IN_CHUNKS "3\r\n012\r\n7\r\n3456"), S(FIN));
	CHECK("lost 1", "the server reset the connection before the last chunk of its answer",
	      C(GET("/page")), S(IN_CHUNKS "a\r\n" PAGE "\r\n"), S(RESET));
	CHECK("lost 1", "before the last chunk", C(GET("/page")), S(IN_CHUNKS), S(FIN));
	CHECK("lost 2", "before the empty line behind the last chunk", C(GET("/page") GET("/page")),
	      S(IN_CHUNKS "a\r\n" PAGE "\r\n0\r\n"), S(FIN));
	CHECK("left 1", NULL, C(GET("/page")), S(IN_CHUNKS "a\r\n" PAGE "\r\n"), C(FIN), S(FIN));
	CHECK("open 1", NULL, C(GET("/page")), S(IN_CHUNKS "a\r\n" PAGE "\r\n"));
	CHECK("right 1", NULL, C(GET("/page")), S(IN_CHUNKS "a\r\n" PAGE "\r\n0\r\n\r\n"),
	      S(RESET));
}

static void bodies_that_are_encoded(void **state)
{
	(void)state;
	CHECK("right 1, unread 1", "its body is encoded (Transfer-Encoding: gzip, chunked)",
	      C(GET("/page") GET("/page")),
	      S(STATUS("200 OK", "Transfer-Encoding: gzip, chunked\r\n") "2\r\nzz\r\n0\r\n\r\n"),
	      S(OK(10) PAGE));
	/* The connection's end is the end of this one. */
	CHECK("unread 1", "its body is encoded (Transfer-Encoding: chunked, deflate)",
	      C(GET("/page")), S(STATUS("200 OK", "Transfer-Encoding: chunked, deflate\r\n")),
	      S("zzz\r\n\r\n"), S(FIN));
	CHECK("right 1, unread 1", "its body is encoded (Content-Encoding: br)",
	      C(GET("/page") GET("/page")),
	      S(STATUS("200 OK", "Content-Encoding: br\r\n" CHUNKED) "2\r\nzz\r\n0\r\n\r\n"),
	      S(STATUS("200 OK", "Content-Encoding: identity\r\nContent-Encoding:\r\n" CHUNKED)),
	      S("a\r\n" PAGE "\r\n0\r\n\r\n"));
	CHECK("unread 1", "(Content-Encoding: gzip, identity)", C(GET("/page")),
	      S(STATUS("200 OK", "Content-Encoding: gzip, identity\r\n") "zz"), S(FIN));
	/* Whatever is in it, it cannot be the file. */
	CHECK("wrong 1", "there is no such file", C(GET("/nowhere")),
	      S(STATUS("200 OK", "Content-Encoding: gzip\r\nContent-Length: 2\r\n") "zz"));
	/* A gzip that is cut off is lost like any other answer. */
	CHECK("lost 1, unread 1", "1 byte before the end", C(GET("/page")),
	      S(STATUS("200 OK", "Content-Encoding: gzip\r\nContent-Length: 3\r\n") "zz"), S(FIN));
	CHECK("unread 1", "its own body is encoded", C(POST("Transfer-Encoding: gzip\r\n", "zz")));
}

static void answers_without_a_body(void **state)
{
	(void)state;
	CHECK("right 2, other 2", NULL,
	      C("HEAD /page HTTP/1.1\r\n\r\n" GET("/page") GET("/page") GET("/page") GET("/page")),
	      S(IN_CHUNKS STATUS("204 No Content", CHUNKED) STATUS("304 Not Modified", CHUNKED)),
	      S(STATUS("100 Continue", "") STATUS("103 Early Hints", "Link: <a>\r\n") OK(10) PAGE),
	      S(IN_CHUNKS "a\r\n" PAGE "\r\n0\r\n\r\n"));
	CHECK("right 1, other 1", NULL, C(GET("/nowhere") GET("/page")),
	      S(STATUS("404 Not Found", CHUNKED) "2\r\nno\r\n0\r\n\r\n" OK(10) PAGE));
}

static void requests_with_a_body(void **state)
{
	(void)state;
	CHECK("right 2", NULL,
	      C(POST("Content-Length: 5\r\n", "GET /") GET("/page")
			POST(CHUNKED, "5;x\r\nGET /\r\n0\r\nA: b\r\n\r\n") GET("/page")),
	      S(OK(0) OK(10) PAGE IN_CHUNKS "2\r\nok\r\n0\r\n\r\n" OK(10) PAGE));
	CHECK("right 1, other 1", NULL,
	      C(POST("Expect: 100-continue\r\nContent-Length: 2\r\n", "")),
	      S(STATUS("100 Continue", "")), C("ab" GET("/page")),
	      S(STATUS("201 Created", "Content-Length: 0\r\n") OK(10) PAGE));
	/* An answer before its request is whole; an empty line behind a body, as of old clients. */
	CHECK("right 1, other 1", NULL, C(POST("Content-Length: 4\r\n", "ab")),
	      S(STATUS("403 Forbidden", "Content-Length: 0\r\n")), C("cd\r\n" GET("/page")),
	      S(OK(10) PAGE));
	CHECK("right 1", NULL, C("GET /page HTTP/1.1\r\nContent-Length: 2\r\n\r\nab"),
	      S(OK(10) PAGE));
}

static void the_connection_ends_the_body(void **state)
{
	(void)state;
	CHECK("right 1", NULL, C(GET("/page")), S(STATUS("200 OK", "Connection: close\r\n") PAGE),
	      S(FIN));
	CHECK("right 1", NULL, C(GET("/")), S("HTTP/1.0 200 OK\r\n\r\n"), S(FIN));
	CHECK("right 1, lost 1", "the server ended the connection without an answer",
	      C(GET("/page") GET("/page")), S("HTTP/1.0 200 OK\r\n\r\n" PAGE), S(FIN));
	CHECK("lost 1", "the server reset the connection within its answer", C(GET("/page")),
	      S("HTTP/1.0 200 OK\r\n\r\n" PAGE), S(RESET));
	CHECK("wrong 1", "more than the 10 bytes of page", C(GET("/page")),
	      S("HTTP/1.0 200 OK\r\n\r\n" PAGE "!"), S(FIN));
	CHECK("other 1", NULL, C(GET("/nowhere")), S("HTTP/1.0 404 No\r\n\r\nno"), S(FIN));
}

#define PART(range, length)                                                                        \
	STATUS("206 Part", "Content-Range: " range "\r\nContent-Length: " length "\r\n")

static void parts_are_compared(void **state)
{
	(void)state;
	CHECK("right 4", NULL,
	      C(GET_RANGE("bytes=2-4") GET_RANGE("bytes=7-") GET_RANGE("bytes=-2")),
	      C(GET_RANGE("bytes=0-99")),
	      S(PART("bytes 2-4/10", "3") "234" PART("bytes 7-9/*", "3") "789"),
	      S(PART("bytes 8-9/10", "2") "89" PART("bytes 0-9/10", "10") PAGE));
	CHECK("right 2", NULL, C(GET_RANGE("bytes=2-4") GET_RANGE("bytes=0-4")),
	      S(OK(10) PAGE STATUS("206 Part", "Content-Range: bytes 0-3/10\r\n" CHUNKED)),
	      S("4\r\n0123\r\n0\r\n\r\n"));
	CHECK("wrong 1", "byte 3 is 0x58 where page has 0x33", C(GET_RANGE("bytes=2-4")),
	      S(PART("bytes 2-4/10", "3") "2X4"));
	CHECK("wrong 1", "only the first 2 of 3 bytes of page from byte 2 on",
	      C(GET_RANGE("bytes=2-4")), S(PART("bytes 2-4/10", "2") "23"));
	CHECK("wrong 1", "more than the 3 bytes of page from byte 2 on", C(GET_RANGE("bytes=2-4")),
	      S(PART("bytes 2-4/10", "4") "2345"));
	CHECK("wrong 1", "it says it is a part of 11 bytes, and page has 10 bytes",
	      C(GET_RANGE("bytes=2-4")), S(PART("bytes 2-4/11", "3") "234"));
	CHECK("wrong 1", "it says it has bytes 8 to 10, and page has 10 bytes",
	      C(GET_RANGE("bytes=8-10")), S(PART("bytes 8-10/*", "3") "89x"));
	CHECK("wrong 1", "bytes 1 to 3 of page, which are not those that were asked for",
	      C(GET_RANGE("bytes=2-4")), S(PART("bytes 1-3/10", "3") "123"));
	CHECK("wrong 1", "bytes 7 to 9 of page, which are not those", C(GET_RANGE("bytes=-2")),
	      S(PART("bytes 7-9/10", "3") "789"));
	CHECK("wrong 1", "all of it was asked for", C(GET("/page")),
	      S(PART("bytes 0-0/10", "1") "0"));
	CHECK("wrong 1", "does not say which part", C(GET_RANGE("bytes=2-4")),
	      S(PART("bytes 4-2/10", "3") "234"));
	CHECK("wrong 1", "does not say which part", C(GET_RANGE("bytes=2-4")),
	      S(STATUS("206 Part", "Content-Length: 3\r\n") "234"));
	CHECK("wrong 1", "there is no such file", C("GET /no HTTP/1.1\r\nRange: bytes=0-0\r\n\r\n"),
	      S(PART("bytes 0-0/10", "1") "0"));
}

static void parts_that_are_not_compared(void **state)
{
	(void)state;
	CHECK("right 1, unread 1", "its body has several parts",
	      C(GET_RANGE("bytes=0-0,2-2") GET("/page")),
	      S(STATUS("206 Part", "Content-Type: multipart/byteranges; boundary=x\r\n"
				   "Content-Length: 5\r\n") "--x--" OK(10) PAGE));
	/* Several that became one. */
	CHECK("right 1", NULL, C(GET_RANGE("bytes=0-0,1-2")), S(PART("bytes 0-2/10", "3") "012"));
	CHECK("unread 1", "not counted in bytes", C(GET_RANGE("lines=0-0")),
	      S(PART("lines 0-0/1", "1") "0"));
	CHECK("unread 1", "its body is encoded", C(GET_RANGE("bytes=0-0")),
	      S(STATUS("206 Part", "Content-Encoding: gzip\r\nContent-Range: bytes 0-0/9\r\n"
				   "Content-Length: 1\r\n") "z"));
	CHECK("right 1, other 1", NULL, C(GET_RANGE("bytes=99-") GET("/page")),
	      S(STATUS("416 No", "Content-Range: bytes */10\r\nContent-Length: 0\r\n") OK(10)
			PAGE));
}

static void answers_that_change_the_protocol(void **state)
{
	(void)state;
	CHECK("other 1", NULL, C(GET("/chat")),
	      S(STATUS("101 Go on", "Upgrade: websocket\r\n") "\x81"), C("\x82\x83\r\n\r\n"),
	      S("\r\n\r\n"));
	CHECK("unread 1", "goes on in another protocol", C(GET("/page")),
	      S(STATUS("101 Go on", "Upgrade: h2c\r\n") "\1\2\3\4\r\n\r\n"), S(FIN));
	CHECK("unread 1", "goes on in another protocol", C("CONNECT a:443 HTTP/1.1\r\n\r\n"),
	      S(STATUS("200 Tunnel", "")), C("\x16\3\1\r\n\r\n"), S("\x16\3\1\r\n\r\n"), S(FIN));
	CHECK("right 1, other 1", NULL, C("CONNECT a:443 HTTP/1.1\r\n\r\n" GET("/page")),
	      S(STATUS("405 No", "Content-Length: 0\r\n") OK(10) PAGE));
}

static void answers_that_nobody_asked_for(void **state)
{
	(void)state;
	CHECK("right 1, other 1", NULL, C(GET("/page")), S(OK(10) PAGE),
	      S(STATUS("408 Request Timeout", "Connection: close\r\nContent-Length: 1\r\n") "x"),
	      S(FIN));
	CHECK("lost 1, other 1", "the server ended the connection without an answer",
	      S(STATUS("408 Request Timeout", "Connection: close\r\n")), C(GET("/page")), S(FIN));
	CHECK("wrong 1", "the server sent an answer that nobody had asked for", S(OK(10) PAGE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chunks_are_put_together),
		cmocka_unit_test(chunks_with_other_bytes),
		cmocka_unit_test(chunks_that_are_broken),
		cmocka_unit_test(chunks_with_too_much_around_them),
		cmocka_unit_test(chunks_that_end_too_early),
		cmocka_unit_test(bodies_that_are_encoded),
		cmocka_unit_test(answers_without_a_body),
		cmocka_unit_test(requests_with_a_body),
		cmocka_unit_test(the_connection_ends_the_body),
		cmocka_unit_test(parts_are_compared),
		cmocka_unit_test(parts_that_are_not_compared),
		cmocka_unit_test(answers_that_change_the_protocol),
		cmocka_unit_test(answers_that_nobody_asked_for),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
