#include "verify/http_head.h"

#include <string.h>
#include <strings.h>

size_t http_head_find(const char *bytes, size_t len, size_t searched)
{
	/* The end may have begun in what was searched before. */
	size_t from = searched > 3 ? searched - 3 : 0;
	const char *end = memmem(bytes + from, len - from, "\r\n\r\n", 4);

	return end != NULL ? (size_t)(end - bytes) + 4 : 0;
}

bool http_head_is_bare(const char *bytes, size_t len, size_t searched)
{
	size_t from = searched > 1 ? searched - 1 : 0;

	return memmem(bytes + from, len - from, "\n\n", 2) != NULL;
}

/* ---- fields ---- */

static void read_length(struct http_words value, struct http_head *h)
{
	uint64_t length;

	if (!http_words_number(&value, &length))
		h->fault = "its Content-Length is no number";
	else if (h->has_length && length != h->length)
		h->fault = "it has two Content-Lengths";
	h->has_length = true;
	h->length = length;
}

/* Codings in the order in which they were applied (RFC 9112, 6.1). */
static void read_codings(struct http_words value, struct http_head *h)
{
	struct http_words coding;

	h->coding = value;
	while (http_words_next(&value, ',', &coding)) {
		/* There is no such coding any more: it was none when there was. */
		if (coding.len == 0 || http_words_are(&coding, "identity"))
			continue;
		h->twice |= h->chunked && http_words_are(&coding, "chunked");
		/* Chunks that are no longer the last coding do not delimit the body. */
		h->coded |= h->chunked || !http_words_are(&coding, "chunked");
		h->chunked = http_words_are(&coding, "chunked");
	}
}

static void read_encodings(struct http_words value, struct http_head *h)
{
	struct http_words list = value, encoding;

	while (http_words_next(&list, ',', &encoding))
		if (encoding.len != 0 && !http_words_are(&encoding, "identity"))
			h->encoding = value;
}

static void read_range(struct http_words value, struct http_head *h)
{
	bool another = h->range.kind != RANGE_NONE;

	http_range_read(value, &h->range);
	if (another)
		h->range.kind = RANGE_OTHER;
}

static void read_part(struct http_words value, struct http_head *h)
{
	http_part_read(value, &h->part);
}

static void read_type(struct http_words value, struct http_head *h)
{
	struct http_words type;

	h->parts = http_words_next(&value, ';', &type) &&
		   http_words_are(&type, "multipart/byteranges");
}

static void read_upgrade(struct http_words value, struct http_head *h)
{
	h->websocket = http_words_are(&value, "websocket");
}

static const struct {
	const char *name;
	void (*read)(struct http_words value, struct http_head *h);
} fields[] = {
	{ "Content-Length", read_length },
	{ "Transfer-Encoding", read_codings },
	{ "Content-Encoding", read_encodings },
	{ "Range", read_range },
	{ "Content-Range", read_part },
	{ "Content-Type", read_type },
	{ "Upgrade", read_upgrade },
};

static bool next_line(const char **at, const char *end, struct http_words *ret)
{
	const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);

	if (stop == NULL || stop == *at)
		return false;
	*ret = (struct http_words){ *at, (size_t)(stop - *at) };
	*at = stop + 2;
	return true;
}

static void read_field(struct http_words l, struct http_head *h)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		size_t n = strlen(fields[i].name);

		if (l.len > n && l.s[n] == ':' && strncasecmp(l.s, fields[i].name, n) == 0)
			fields[i].read(
				http_words_trim((struct http_words){ l.s + n + 1, l.len - n - 1 }),
				h);
	}
}

static bool read_fields(const char *at, const char *end, struct http_head *h)
{
	struct http_words l;

	while (next_line(&at, end, &l))
		read_field(l, h);
	if (h->chunked || h->coded) {
		/* A length is of no account then (RFC 9112, 6.3), whatever it is. */
		h->has_length = false;
		h->fault = h->twice ? "its body is put into chunks twice" : NULL;
	}
	return h->fault == NULL;
}

/* ---- first lines ---- */

static bool is_version(const char *s, size_t len)
{
	return len == 8 && memcmp(s, "HTTP/1.", 7) == 0 && s[7] >= '0' && s[7] <= '9';
}

bool http_head_read_request(const char *bytes, size_t len, struct http_head *ret_head)
{
	const char *at = bytes, *first, *last;
	struct http_words l;

	*ret_head = (struct http_head){ 0 };
	if (!next_line(&at, bytes + len, &l))
		return false;
	first = memchr(l.s, ' ', l.len);
	last = memrchr(l.s, ' ', l.len);
	if (first == NULL || last == first || first == l.s ||
	    !is_version(last + 1, l.len - (size_t)(last + 1 - l.s)))
		return false;
	ret_head->method = (struct http_words){ l.s, (size_t)(first - l.s) };
	ret_head->target = (struct http_words){ first + 1, (size_t)(last - first - 1) };
	ret_head->old = last[8] == '0';
	return read_fields(at, bytes + len, ret_head);
}

bool http_head_read_answer(const char *bytes, size_t len, struct http_head *ret_head)
{
	const char *at = bytes;
	uint64_t status;
	struct http_words l;

	*ret_head = (struct http_head){ 0 };
	if (!next_line(&at, bytes + len, &l) || l.len < 12 || !is_version(l.s, 8) ||
	    l.s[8] != ' ' || (l.len > 12 && l.s[12] != ' ') ||
	    !http_words_number(&(struct http_words){ l.s + 9, 3 }, &status) || status < 100)
		return false;
	ret_head->status = (unsigned)status;
	ret_head->old = l.s[7] == '0';
	return read_fields(at, bytes + len, ret_head);
}
