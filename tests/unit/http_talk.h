/*
 * http_talk: conversations of HTTP, told in one piece and byte by byte, and what http.h makes of
 * them, for the tests of it.
 */
#ifndef TESTS_HTTP_TALK_H
#define TESTS_HTTP_TALK_H

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

#define PAGE	   "0123456789"
#define GET(path)  "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " #length "\r\n\r\n"

static char folder[] = "/tmp/http.XXXXXX";

static inline int make_folder(void **state)
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

static inline int remove_folder(void **state)
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

static inline void say(void *of, const struct step *s, size_t piece)
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

static inline struct http *play(const struct step *steps, size_t n, size_t piece)
{
	struct http *h = http_new(folder, 1, 1000000000);
	const struct endpoints ends = { .port = { 40000, 80 } };
	void *of = http_conversation.open(h, &ends);

	for (size_t i = 0; i < n; i++)
		say(of, &steps[i], piece);
	http_conversation.close(of, false);
	return h;
}

static inline char *summary(const struct http_tally *t)
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

static inline void assert_in(const char *words, const char *said)
{
	if (words != NULL && (said == NULL || strstr(said, words) == NULL))
		fail_msg("'%s' does not say '%s'", said != NULL ? said : "(nothing)", words);
}

/* Whatever the pieces. says: of what was wrong, lost or not read. */
static inline void check(const struct step *steps, size_t n, const char *expected, const char *says)
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

#endif
