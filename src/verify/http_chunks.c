#include "verify/http_chunks.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* Of sizes with extensions, and of trailers together; servers take much less. */
#define MAX_BETWEEN 65536
/* Bits of a size: more than any file has. */
#define SIZE_BITS 60

static void fail(struct http_chunks *c, const char *fault)
{
	c->state = CHUNKS_BROKEN;
	c->fault = fault;
}

/* ---- the line of a size ---- */

static void take_digit(struct http_chunks *c, int digit)
{
	c->state = CHUNKS_DIGITS;
	if (c->left >> (SIZE_BITS - 4) != 0)
		fail(c, "the size of a chunk is 2^60 or more");
	else
		c->left = c->left << 4 | (unsigned)digit;
}

static void take_size(struct http_chunks *c, uint8_t b)
{
	int digit = text_hex_digit((char)b);

	if (digit >= 0 && c->state != CHUNKS_BLANKS)
		take_digit(c, digit);
	else if (c->state == CHUNKS_SIZE)
		fail(c, "there is no size of a chunk in hexadecimal digits");
	else if (b == ';')
		c->state = CHUNKS_EXTENSION;
	else if (b == ' ' || b == '\t')
		c->state = CHUNKS_BLANKS;
	else if (b == '\r' && c->state == CHUNKS_DIGITS)
		c->state = CHUNKS_SIZE_LF;
	else
		fail(c, "behind the size of a chunk is neither CR LF nor an extension");
}

static void take_extension(struct http_chunks *c, uint8_t b)
{
	if (b == '\r')
		c->state = CHUNKS_SIZE_LF;
	else if (b == '\n')
		fail(c, "there is no CR behind the extension of a chunk");
}

/* ---- behind the last chunk ---- */

/* What names of fields are made of (RFC 9110, 5.6.2). */
static bool is_token(uint8_t b)
{
	return b > ' ' && b < 0x7f && (isalnum(b) || strchr("!#$%&'*+-.^_`|~", b) != NULL);
}

static void take_trailer(struct http_chunks *c, uint8_t b)
{
	if (is_token(b))
		c->state = CHUNKS_NAME;
	else if (b == '\r' && c->state == CHUNKS_LINE)
		c->state = CHUNKS_LAST_LF;
	else if (b == ':' && c->state == CHUNKS_NAME)
		c->state = CHUNKS_VALUE;
	else
		fail(c, "behind the last chunk is neither an empty line nor a field");
}

static void take_value(struct http_chunks *c, uint8_t b)
{
	if (b == '\r')
		c->state = CHUNKS_TRAILER_LF;
	else if (b == '\n')
		fail(c, "there is no CR behind a field after the last chunk");
}

/* ---- bytes ---- */

static void take_line_feed(struct http_chunks *c, uint8_t b)
{
	if (b != '\n')
		fail(c, "a CR has no LF behind it");
	else if (c->state == CHUNKS_SIZE_LF)
		c->state = c->left != 0 ? CHUNKS_DATA : CHUNKS_LINE;
	else if (c->state == CHUNKS_LF)
		c->state = CHUNKS_SIZE;
	else
		c->state = c->state == CHUNKS_LAST_LF ? CHUNKS_END : CHUNKS_LINE;
}

static void take_byte(struct http_chunks *c, uint8_t b)
{
	switch (c->state) {
	case CHUNKS_SIZE:
	case CHUNKS_DIGITS:
	case CHUNKS_BLANKS:
		take_size(c, b);
		break;
	case CHUNKS_EXTENSION:
		take_extension(c, b);
		break;
	case CHUNKS_CR:
		c->state = CHUNKS_LF;
		if (b != '\r')
			fail(c, "there is no CR LF where the size of a chunk says it ends");
		break;
	case CHUNKS_LINE:
	case CHUNKS_NAME:
		take_trailer(c, b);
		break;
	case CHUNKS_VALUE:
		take_value(c, b);
		break;
	default:
		take_line_feed(c, b);
	}
	if (++c->between > MAX_BETWEEN)
		fail(c, "sizes and trailers are longer than 64 KiB");
}

static size_t take_data(struct http_chunks *c, size_t len)
{
	size_t n = c->left < len ? (size_t)c->left : len;

	c->left -= n;
	c->body += n;
	c->between = 0;
	if (c->left == 0)
		c->state = CHUNKS_CR;
	return n;
}

static bool wants_more(const struct http_chunks *c)
{
	return c->state != CHUNKS_DATA && c->state != CHUNKS_END && c->state != CHUNKS_BROKEN;
}

size_t http_chunks_read(struct http_chunks *c, const uint8_t *bytes, size_t len, size_t *ret_body)
{
	size_t n = 0;

	*ret_body = 0;
	if (c->state == CHUNKS_DATA)
		return *ret_body = take_data(c, len);
	while (n < len && wants_more(c))
		take_byte(c, bytes[n++]);
	return n;
}

char *http_chunks_missing(const struct http_chunks *c)
{
	switch (c->state) {
	case CHUNKS_DATA:
		return text_format("%" PRIu64 " byte%s before the end of a chunk", c->left,
				   c->left == 1 ? "" : "s");
	case CHUNKS_LINE:
	case CHUNKS_NAME:
	case CHUNKS_VALUE:
	case CHUNKS_TRAILER_LF:
	case CHUNKS_LAST_LF:
		return text_dup("before the empty line behind the last chunk");
	default:
		return text_dup("before the last chunk");
	}
}
