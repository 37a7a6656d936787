/* Expectations of connections and HTTP answers in captures. */
#include "tcp_frames.h"

#define PAGE "0123456789"
#define GET  "GET /page HTTP/1.0\r\n\r\n"
#define OK   "HTTP/1.0 200 OK\r\nContent-Length: 10\r\n\r\n"
#define FULL 262144

static char folder[] = "/tmp/www.XXXXXX";

static int make_folder(void **state)
{
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));

	cleanup_free char *page = text_format("%s/page", folder);

	assert_int_equal(fs_write(page, PAGE, strlen(PAGE), &e), 0);
	return 0;
}

static int remove_folder(void **state)
{
	struct err e;

	(void)state;
	return fs_remove_tree(folder, &e);
}

/* With an expectation of answers, and more keys of it, at interface a. */
static struct xlab *http_lab(const char *keys, const char *blocks)
{
	cleanup_free char *text = text_format("expect e { capture = a http = \"%s\" %s }\n%s",
					      folder, keys, blocks);

	return xlab_new(text);
}

static void found(struct xlab *l, enum outcome outcome, size_t condition, const char *words)
{
	const struct expectation_verdict *v = xlab_expect(l);

	assert_int_equal(v->outcome, outcome);
	assert_says(v->conditions[condition].found, words);
}

static void answers_are_compared(void **state)
{
	struct xlab *l = http_lab("responses = 2", "");
	struct frames f;

	(void)state;
	for (int v6 = 0; v6 < 2; v6++) {
		frames_begin(&f, l, 0, FULL);
		f.v6 = v6 != 0;
		frames_converse(&f, 40000, GET, OK PAGE, "F.");
		frames_converse(&f, 40001, GET, OK PAGE, "F.");
		frames_end(&f);
		found(l, OUTCOME_PASS, 0, "2 right, 20 B");
		found(l, OUTCOME_PASS, 1, "0 requests");
	}
	frames_begin(&f, l, 0, FULL);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	frames_converse(&f, 40001, GET, OK "01234x6789", "F.");
	frames_end(&f);
	found(l, OUTCOME_FAIL, 0,
	      "1 wrong, the first GET /page of 10.0.0.1 port 40001 > 10.0.0.2 port 80: byte 5 is "
	      "0x78 where page has 0x35; frame 9, 0.008000 s after the first; 1 right");
	assert_says(l->verdict.expectations[0].conditions[0].look,
		    "'host 10.0.0.1 and tcp port 40001'");
	xlab_free(l);
}

static void lost_requests_are_counted(void **state)
{
	struct xlab *l = http_lab("lost = \"<= 1\"", "");
	struct frames f;

	(void)state;
	frames_begin(&f, l, 0, FULL);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	frames_converse(&f, 40001, GET, OK "0123", "F.");
	frames_end(&f);
	found(l, OUTCOME_PASS, 0, "6 bytes before the end of its answer");
	assert_int_equal(l->verdict.n_notes, 1);
	assert_says(l->verdict.notes[0], "expect e allows for what was lost: 1 request, the first");

	frames_begin(&f, l, 0, FULL);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	frames_converse(&f, 40001, GET, "", "F.");
	frames_converse(&f, 40002, GET, "", "R");
	frames_end(&f);
	found(l, OUTCOME_FAIL, 0, "2 requests, the first GET /page of 10.0.0.1 port 40001");
	xlab_free(l);
}

/* So many requests are lost, and one is answered. */
static void lose(struct xlab *l, size_t capture, uint16_t n)
{
	struct frames f;

	frames_begin(&f, l, capture, FULL);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	for (uint16_t i = 1; i <= n; i++)
		frames_converse(&f, (uint16_t)(40000 + i), GET, "", "R");
	frames_end(&f);
}

static void what_is_lost_here_is_lost_there(void **state)
{
	cleanup_free char *text = text_format("expect there { capture = b http = \"%s\"\n"
					      "    lost = \"<= 5\" }\n"
					      "expect here { capture = a http = \"%s\"\n"
					      "    lost-in = there }\n",
					      folder, folder);
	struct xlab *l = xlab_new(text);
	static const struct {
		uint16_t here, there;
		enum outcome outcome;
	} cases[] = {
		{ 0, 0, OUTCOME_PASS }, { 0, 2, OUTCOME_PASS }, { 2, 2, OUTCOME_PASS },
		{ 1, 0, OUTCOME_FAIL }, { 3, 2, OUTCOME_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *said = text_format("%u request%s, and %u there", cases[i].here,
						      cases[i].here == 1 ? "" : "s",
						      cases[i].there);

		lose(l, 0, cases[i].here);
		lose(l, 1, cases[i].there);

		const struct expectation_verdict *v = &xlab_judge(l)->expectations[1];

		assert_int_equal(v->outcome, cases[i].outcome);
		assert_string_equal(v->conditions[0].expected, "no more of those than in there");
		assert_string_equal(v->conditions[0].found, said);
	}
	/* There may have been more there. */
	l->evidence->captures[1].dropped = 1;
	assert_int_equal(xlab_judge(l)->expectations[1].outcome, OUTCOME_INCONCLUSIVE);
	xlab_free(l);
}

static void answers_are_spread(void **state)
{
	cleanup_free char *text = text_format("expect e { capture = { a, b } http = \"%s\"\n"
					      "    spread = \"<= 1\" lost = \"<= 9\" }",
					      folder);
	struct xlab *l = xlab_new(text);
	struct frames f;

	(void)state;
	lose(l, 0, 4);
	lose(l, 1, 0);
	found(l, OUTCOME_PASS, 0, "0 answers (1, 1)");
	frames_begin(&f, l, 1, FULL);
	for (uint16_t i = 0; i < 3; i++)
		frames_converse(&f, (uint16_t)(40000 + i), GET, OK PAGE, "F.");
	frames_end(&f);
	found(l, OUTCOME_FAIL, 0, "2 answers (1, 3)");
	l->evidence->captures[0].dropped = 1;
	found(l, OUTCOME_INCONCLUSIVE, 0, "2 answers (1, 3), and there may have been others");
	xlab_free(l);
}

/* A length tells where what is missing was: it may have been wrong. */
static void what_was_not_captured_proves_nothing(void **state)
{
	struct xlab *l = http_lab("responses = \"> 0\"", "capture { packets = headers }");
	struct frames f;

	(void)state;
	frames_begin(&f, l, 0, 64);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	frames_converse(&f, 40001, GET, OK PAGE, "R");
	frames_end(&f);
	found(l, OUTCOME_INCONCLUSIVE, 0, "captures of headers prove no bodies");
	assert_says(l->verdict.expectations[0].conditions[1].found, "0 requests, and there may");
	xlab_free(l);

	l = http_lab("responses = \"> 0\"", "");
	frames_begin(&f, l, 0, FULL);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	frames_end(&f);
	l->evidence->captures[0].dropped = 1;
	found(l, OUTCOME_INCONCLUSIVE, 0, "1 right, 10 B, and there may have been others");
	frames_begin(&f, l, 0, FULL);
	frames_converse(&f, 40000, GET, OK "01234x6789", "F.");
	frames_end(&f);
	found(l, OUTCOME_FAIL, 0, "1 wrong");
	xlab_free(l);
}

#define IN_CHUNKS "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define GET_11	  "GET /page HTTP/1.1\r\n\r\n"

/* Request and answer, in pieces: without those of whose number the bit is set. */
static void converse_but_for(struct frames *f, unsigned missing)
{
	const char *const pieces[] = { IN_CHUNKS "3\r\n01", "2\r\n7\r\n345", "6789\r\n0",
				       "\r\n\r\n" };
	uint32_t c = 101, s = 7001;

	frames_add(f, 1, 40000, "S", 100, 0, "");
	frames_add(f, 2, 40000, "S.", 7000, c, "");
	if ((missing & 1) == 0)
		frames_add(f, 1, 40000, ".", c, s, GET_11);
	c += (uint32_t)strlen(GET_11);
	for (size_t i = 0; i < 4; i++) {
		if ((missing >> (i + 1) & 1) == 0)
			frames_add(f, 2, 40000, ".", s, c, pieces[i]);
		s += (uint32_t)strlen(pieces[i]);
	}
	frames_add(f, 1, 40000, ".", c, s, "");
	frames_add(f, 2, 40000, "F.", s, c, "");
}

/* A capture that lacks a packet of an answer in chunks, or the request, proves nothing wrong. */
static void gaps_prove_nothing(void **state)
{
	struct xlab *l = http_lab("responses = 1", "");
	struct frames f;

	(void)state;
	for (unsigned missing = 0; missing < 32; missing++) {
		frames_begin(&f, l, 0, FULL);
		converse_but_for(&f, missing);
		frames_end(&f);
		if (missing == 0)
			found(l, OUTCOME_PASS, 0, "1 right, 10 B");
		else
			found(l, OUTCOME_INCONCLUSIVE, 0,
			      "0 right, 0 B, and there may have been others (bytes of 1 "
			      "connections are not in the capture)");
	}
	xlab_free(l);
}

static void why_an_answer_was_not_compared(void **state)
{
	struct xlab *l = http_lab("", "");
	struct frames f;

	(void)state;
	frames_begin(&f, l, 0, FULL);
	frames_converse(&f, 40000, GET, OK PAGE, "F.");
	frames_converse(&f, 40001, GET,
			"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz",
			"F.");
	frames_end(&f);
	found(l, OUTCOME_INCONCLUSIVE, 0,
	      "1 right, 10 B, and there may have been others (1 could not be compared, the first "
	      "GET "
	      "/page of 10.0.0.1 port 40001 > 10.0.0.2 port 80: its body is encoded "
	      "(Content-Encoding: gzip)");
	xlab_free(l);
}

static void nobody_asked(void **state)
{
	struct xlab *l = http_lab("", "");

	(void)state;
	found(l, OUTCOME_FAIL, 0, "0 right");
	xlab_free(l);
}

static void some_connections_are_a_sample(void **state)
{
	struct xlab *l = http_lab("sample = 50% responses = 2-3", "");
	struct frames f;

	(void)state;
	frames_begin(&f, l, 0, FULL);
	for (uint16_t i = 0; i < 5; i++)
		frames_converse(&f, (uint16_t)(40000 + i), GET, OK PAGE, "F.");
	frames_end(&f);
	found(l, OUTCOME_PASS, 0, "3 right");
	xlab_free(l);
}

/* Each SYN twice, as when the first one was lost. */
static void connect_all(struct xlab *l, size_t capture, uint16_t n)
{
	struct frames f;

	frames_begin(&f, l, capture, 64);
	for (uint16_t i = 0; i < n; i++) {
		frames_add(&f, 1, (uint16_t)(40000 + i), "S", i, 0, "");
		frames_add(&f, 1, (uint16_t)(40000 + i), "S", i, 0, "");
	}
	frames_end(&f);
}

static void connections_are_counted_once(void **state)
{
	struct xlab *l = xlab_new(
		"expect e { capture = { a, b } connections = 7 spread = \"<= 1\"\n"
		" direction = out }\n"
		"capture { packets = headers }");

	(void)state;
	connect_all(l, 0, 3);
	connect_all(l, 1, 4);
	found(l, OUTCOME_PASS, 0, "7 connections (3, 4)");
	found(l, OUTCOME_PASS, 1, "1 connection (3, 4)");
	connect_all(l, 0, 5);
	connect_all(l, 1, 2);
	found(l, OUTCOME_FAIL, 1, "3 connections (5, 2)");
	l->evidence->captures[1].dropped = 1;
	found(l, OUTCOME_INCONCLUSIVE, 1, "3 connections (5, 2), and there may have been more");
	xlab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_compared),
		cmocka_unit_test(lost_requests_are_counted),
		cmocka_unit_test(what_is_lost_here_is_lost_there),
		cmocka_unit_test(answers_are_spread),
		cmocka_unit_test(what_was_not_captured_proves_nothing),
		cmocka_unit_test(gaps_prove_nothing),
		cmocka_unit_test(why_an_answer_was_not_compared),
		cmocka_unit_test(nobody_asked),
		cmocka_unit_test(some_connections_are_a_sample),
		cmocka_unit_test(connections_are_counted_once),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
