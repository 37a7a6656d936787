#include "verify/http_head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

#define BLANKS " \t"

size_t http_head_find(const char *bytes, size_t len, size_t searched)
{
	/* The end may have begun in what was searched before. */
	size_t from = searched > 3 ? searched - 3 : 0;
	const char *end = memmem(bytes + from, len - from, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - bytes) + 4 : 0;
}

/* ---- fields ---- */

struct line {
	const char *s;
	size_t len;
};

static bool next_line(const char **at, const char *end, struct line *ret)
{
	const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);

	if (stop == NULL || stop == *at)
		return false;
	*ret = (struct line){ *at, (size_t)(stop - *at) };
	*at = stop + 2;
	return true;
}

/* Whether the line is this field; its value then, without blanks around it. */
static bool is_field(const struct line *l, const char *name, struct line *ret_value)
{
	size_t len = strlen(name);
	struct line v;

	if (l->len <= len || l->s[len] != ':' || strncasecmp(l->s, name, len) != 0)
		return false;
	v = (struct line){ l->s + len + 1, l->len - len - 1 };
	while (v.len > 0 && strchr(BLANKS, v.s[0]) != NULL && v.s[0] != '\0') {
		v.s++;
		v.len--;
	}
	while (v.len > 0 && strchr(BLANKS, v.s[v.len - 1]) != NULL && v.s[v.len - 1] != '\0')
		v.len--;
	*ret_value = v;
	return true;
}

/* Up to 18 digits: more than any file has. */
static bool read_number(const struct line *l, uint64_t *ret)
{
	if (l->len == 0 || l->len > 18)
		return false;
	*ret = 0;
	for (size_t i = 0; i < l->len; i++) {
		if (l->s[i] < '0' || l->s[i] > '9')
			return false;
		*ret = *ret * 10 + (uint64_t)(l->s[i] - '0');
	}
	return true;
}

static bool read_field(const struct line *l, struct http_head *h)
{
	struct line value;
	uint64_t length;

	if (is_field(l, "Content-Length", &value)) {
		if (!read_number(&value, &length) || (h->has_length && length != h->length))
			return false;
		h->has_length = true;
		h->length = length;
	} else if (is_field(l, "Transfer-Encoding", &value)) {
		h->chunked = true;
	} else if (is_field(l, "Content-Encoding", &value)) {
		h->encoded = value.len != 8 || strncasecmp(value.s, "identity", 8) != 0;
	}
	return true;
}

static bool read_fields(const char *at, const char *end, struct http_head *h)
{
	struct line l;

	while (next_line(&at, end, &l))
		if (!read_field(&l, h))
			return false;
	return true;
}

/* ---- first lines ---- */

static bool is_version(const char *s, size_t len)
{
	return len == 8 && memcmp(s, "HTTP/1.", 7) == 0 && s[7] >= '0' && s[7] <= '9';
}

bool http_head_read_request(const char *bytes, size_t len, struct http_head *ret_head)
{
	const char *at = bytes, *first, *last;
	struct line l;

	*ret_head = (struct http_head){ 0 };
	if (!next_line(&at, bytes + len, &l))
		return false;
	first = memchr(l.s, ' ', l.len);
	last = memrchr(l.s, ' ', l.len);
	if (first == NULL || last == first || first == l.s ||
	    !is_version(last + 1, l.len - (size_t)(last + 1 - l.s)))
		return false;
	ret_head->method = l.s;
	ret_head->method_len = (size_t)(first - l.s);
	ret_head->target = first + 1;
	ret_head->target_len = (size_t)(last - first - 1);
	return read_fields(at, bytes + len, ret_head);
}

bool http_head_read_answer(const char *bytes, size_t len, struct http_head *ret_head)
{
	const char *at = bytes;
	uint64_t status;
	struct line l;

	*ret_head = (struct http_head){ 0 };
	if (!next_line(&at, bytes + len, &l) || l.len < 12 || !is_version(l.s, 8) ||
	    l.s[8] != ' ' || (l.len > 12 && l.s[12] != ' ') ||
	    !read_number(&(struct line){ l.s + 9, 3 }, &status) || status < 100)
		return false;
	ret_head->status = (unsigned)status;
	return read_fields(at, bytes + len, ret_head);
}

/* ---- targets ---- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Without its %XX (RFC 3986, 2.1); NULL: one is broken, or is a NUL. */
static char *decode(const char *s, size_t len)
{
	cleanup_by(text_done) struct text t = { 0 };

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			if (len - i < 3 || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return NULL;
			c = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return NULL;
		text_add_bytes(&t, &c, 1);
	}
	return t.len != 0 ? text_take(&t) : text_dup("");
}

static bool leaves_folder(const char *path)
{
	for (const char *s = path; *s != '\0'; s += *s == '/') {
		size_t len = strcspn(s, "/");

		if (len == 2 && s[0] == '.' && s[1] == '.')
			return true;
		s += len;
	}
	return false;
}

char *http_head_path(const char *target, size_t len)
{
	static const char scheme[] = "http://";
	const char *query;

	/* As proxies are asked (RFC 9112, 3.2.2). */
	if (len > sizeof(scheme) && strncasecmp(target, scheme, sizeof(scheme) - 1) == 0) {
		const char *slash = memchr(target + sizeof(scheme) - 1, '/',
					   len - sizeof(scheme) + 1);

		if (slash == NULL)
			return text_dup("index.html");
		len -= (size_t)(slash - target);
		target = slash;
	}
	if (len == 0 || target[0] != '/')
		return NULL;
	query = memchr(target, '?', len);
	if (query != NULL)
		len = (size_t)(query - target);

	cleanup_free char *path = decode(target + 1, len - 1);

	if (path == NULL || leaves_folder(path))
		return NULL;
	if (path[0] == '\0' || path[strlen(path) - 1] == '/')
		return text_format("%sindex.html", path);
	return take_ptr(path);
}
