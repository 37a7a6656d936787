/*
 * text: a string that grows, and quantities as people read them.
 *
 * struct text is embedded: it begins as {0} and ends with text_done(). Appending
 * aborts when there is no memory, so it has no errors to check.
 */
#ifndef HARNESS_BASE_TEXT_H
#define HARNESS_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *s; /* NUL-terminated once anything was added, NULL before */
	size_t len;
	size_t room;
};

void text_done(struct text *t);
/* Append, as printf(3) and vprintf(3) write. */
void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_vadd(struct text *t, const char *format, va_list ap)
	__attribute__((format(printf, 2, 0)));
void text_add_bytes(struct text *t, const void *bytes, size_t len);
/* The string so far, "" when nothing was added; valid until the next call. */
const char *text_str(const struct text *t);
/* The string, owned by the caller (free); the text is empty afterwards. */
char *text_take(struct text *t);

/* printf into a new string (free). Aborts when there is no memory. */
char *text_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *text_vformat(const char *format, va_list ap) __attribute__((format(printf, 1, 0)));
/* strdup() that aborts when there is no memory. */
char *text_dup(const char *s);

/* "9.9 kB", "20 B", "1.0 GB": powers of 1000, as ip and iperf3 count rates. */
char *text_bytes(char buf[16], uint64_t bytes);
/* "31.6 ms", "5.3 s", "87 us". */
char *text_duration(char buf[16], uint64_t ns);
/* "1.23 Gbit/s". Zero duration gives "-". */
char *text_rate(char buf[20], uint64_t bytes, uint64_t ns);
/* What a hexadecimal digit of either case stands for; -1: it is none. */
int text_hex_digit(char c);
/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool text_is_utf8(const char *s, size_t len);

#endif
