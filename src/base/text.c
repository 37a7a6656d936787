#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reserve(struct text *t, size_t more)
{
	size_t need = t->len + more + 1;

	if (need <= t->room)
		return;

	size_t room = t->room != 0 ? t->room : 64;

	while (room < need)
		room *= 2;

	char *s = realloc(t->s, room);

	if (s == NULL)
		abort();
	t->s = s;
	t->room = room;
}

void text_done(struct text *t)
{
	free(t->s);
	*t = (struct text){ 0 };
}

void text_add_bytes(struct text *t, const void *bytes, size_t len)
{
	reserve(t, len);
	if (len != 0)
		memcpy(t->s + t->len, bytes, len);
	t->len += len;
	t->s[t->len] = '\0';
}

void text_vadd(struct text *t, const char *format, va_list ap)
{
	va_list again;

	va_copy(again, ap);

	int n = vsnprintf(NULL, 0, format, again);

	va_end(again);
	if (n < 0)
		return;
	reserve(t, (size_t)n);
	vsnprintf(t->s + t->len, (size_t)n + 1, format, ap);
	t->len += (size_t)n;
}

void text_add(struct text *t, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	text_vadd(t, format, ap);
	va_end(ap);
}

const char *text_str(const struct text *t)
{
	return t->s != NULL ? t->s : "";
}

char *text_take(struct text *t)
{
	reserve(t, 0);
	t->s[t->len] = '\0';

	char *s = t->s;

	*t = (struct text){ 0 };
	return s;
}

char *text_vformat(const char *format, va_list ap)
{
	struct text t = { 0 };

	text_vadd(&t, format, ap);
	return text_take(&t);
}

char *text_format(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);

	char *s = text_vformat(format, ap);

	va_end(ap);
	return s;
}

char *text_dup(const char *s)
{
	char *copy = strdup(s);

	if (copy == NULL)
		abort();
	return copy;
}

/* v in the largest unit that leaves at least 1, three significant digits. */
static void scaled(char *buf, size_t room, double v, const char *const *units, size_t n_units)
{
	size_t u = 0;

	while (v >= 999.5 && u + 1 < n_units) {
		v /= 1000;
		u++;
	}

	int digits = u == 0 && v == (double)(long)v ? 0 : v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
	int n = snprintf(buf, room, "%.*f %s", digits, v, units[u]);

	if (n < 0)
		buf[0] = '\0';
}

char *text_bytes(char buf[16], uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };

	scaled(buf, 16, (double)bytes, units, 5);
	return buf;
}

char *text_duration(char buf[16], uint64_t ns)
{
	static const char *const units[] = { "us", "ms", "s" };

	scaled(buf, 16, (double)ns / 1000, units, 3);
	return buf;
}

char *text_rate(char buf[20], uint64_t bytes, uint64_t ns)
{
	static const char *const units[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s" };

	if (ns == 0)
		memcpy(buf, "-", 2);
	else
		scaled(buf, 20, (double)bytes * 8e9 / (double)ns, units, 5);
	return buf;
}

/* Length of the well-formed sequence at s, 0 if there is none. RFC 3629, section 4. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	static const struct {
		unsigned char first, last, low, high;
		size_t len;
	} forms[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (left < forms[i].len)
			return 0;
		if (forms[i].len > 1 && (s[1] < forms[i].low || s[1] > forms[i].high))
			return 0;
		for (size_t k = 2; k < forms[i].len; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].len;
	}
	return 0;
}

int text_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_is_utf8(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(u + i, len - i);

		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
