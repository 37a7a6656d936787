/* http_words: the smallest parts of what HTTP's fields say: lists, numbers, words without blanks. */
#ifndef HARNESS_VERIFY_HTTP_WORDS_H
#define HARNESS_VERIFY_HTTP_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a message, not terminated. */
struct http_words {
	const char *s;
	size_t len;
};

/* In whatever case. */
bool http_words_are(const struct http_words *w, const char *what);
/* What is before the first separator, without blanks around it; *w is then what is behind. False: none. */
bool http_words_next(struct http_words *w, char separator, struct http_words *ret);
/* Up to 18 digits: more than any file has. */
bool http_words_number(const struct http_words *w, uint64_t *ret);
/* Without blanks around it. */
struct http_words http_words_trim(struct http_words w);

#endif
