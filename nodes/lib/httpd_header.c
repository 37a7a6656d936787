#include "httpd_header.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Digits to a number; false when there are none or too many. *p moves behind them. */
static bool take_number(const char **p, const char *end, uint64_t *ret)
{
	const char *start = *p;
	uint64_t v = 0;

	for (; *p < end && isdigit((unsigned char)**p); (*p)++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(**p - '0'), &v))
			return false;
	*ret = v;
	return *p > start;
}

enum httpd_range httpd_range_parse(const char *text, uint64_t size, uint64_t *ret_first,
				   uint64_t *ret_len)
{
	uint64_t first, last = UINT64_MAX;

	if (strncasecmp(text, "bytes=", 6) != 0)
		return HTTPD_RANGE_NONE;
	text += 6;

	const char *end = text + strlen(text);
	bool suffix = *text == '-';

	if (suffix) {
		text++;
		if (!take_number(&text, end, &last) || *text != '\0')
			return HTTPD_RANGE_NONE;
		first = last < size ? size - last : 0;
		if (last == 0)
			return HTTPD_RANGE_OUTSIDE;
		last = UINT64_MAX;
	} else {
		if (!take_number(&text, end, &first) || *text++ != '-')
			return HTTPD_RANGE_NONE;
		if (*text != '\0' && (!take_number(&text, end, &last) || last < first))
			return HTTPD_RANGE_NONE;
		if (*text != '\0')
			return HTTPD_RANGE_NONE;
	}
	if (first >= size)
		return HTTPD_RANGE_OUTSIDE;
	*ret_first = first;
	*ret_len = (last < size ? last + 1 : size) - first;
	return HTTPD_RANGE_PART;
}

bool httpd_tag_in_list(const char *list, const char *tag)
{
	size_t len = strlen(tag);

	if (strcmp(list, "*") == 0)
		return true;
	for (;;) {
		list += strspn(list, " \t,");
		if (strncmp(list, "W/", 2) == 0)
			list += 2;
		if (*list != '"')
			return false;

		const char *end = strchr(list + 1, '"');

		if (end == NULL)
			return false;
		end++;
		if ((size_t)(end - list) == len && memcmp(list, tag, len) == 0)
			return true;
		list = end;
	}
}

/* The locale is "C": no node program sets another. */
static const char date_form[] = "%a, %d %b %Y %H:%M:%S GMT";

char *httpd_date_format(char buf[HTTPD_DATE_LEN], time_t when)
{
	struct tm tm;

	if (gmtime_r(&when, &tm) == NULL || strftime(buf, HTTPD_DATE_LEN, date_form, &tm) == 0)
		*buf = '\0';
	return buf;
}

time_t httpd_date_parse(const char *text)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, date_form, &tm);

	return end != NULL && *end == '\0' ? timegm(&tm) : -1;
}

bool httpd_is_token(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0' || (!isalnum((unsigned char)text[i]) &&
					strchr("!#$%&'*+-.^_`|~", text[i]) == NULL))
			return false;
	return len > 0;
}

static bool is(const char *name, size_t len, const char *what)
{
	return len == strlen(what) && strncasecmp(name, what, len) == 0;
}

/* Field values have no control characters but tabs; a NUL or CR may end them for somebody else. */
static bool has_controls(const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)value[i] < 0x20 && value[i] != '\t') || value[i] == 0x7f)
			return true;
	return false;
}

void httpd_framing_add(struct httpd_framing *fr, const char *name, size_t name_len,
		       const char *value, size_t value_len)
{
	const char *end = value + value_len, *p = value;

	if (!httpd_is_token(name, name_len) || has_controls(value, value_len))
		fr->malformed = true;
	if (is(name, name_len, "Host")) {
		fr->hosts++;
	} else if (is(name, name_len, "Content-Length")) {
		fr->lengths++;
		if (!take_number(&p, end, &fr->length) || p != end)
			fr->malformed = true;
	} else if (is(name, name_len, "Transfer-Encoding")) {
		fr->codings++;
		fr->chunked = is(value, value_len, "chunked");
	}
}

unsigned httpd_framing_status(const struct httpd_framing *fr, const char *version)
{
	bool old = strcmp(version, "HTTP/1.1") != 0;

	if (fr->malformed || fr->hosts > 1 || (fr->hosts == 0 && !old))
		return 400;
	if (fr->lengths > 1 || fr->codings > 1 || (fr->codings != 0 && (fr->lengths != 0 || old)))
		return 400;
	if (fr->codings != 0 && !fr->chunked)
		return 501;
	return fr->length > HTTPD_BODY_MAX ? 413 : 0;
}

bool httpd_framing_has_body(const struct httpd_framing *fr)
{
	return fr->codings != 0 || fr->lengths > 1 || fr->length != 0;
}
