/* http_range: parts of files, as they are asked for and answered (RFC 9110, 14). */
#ifndef HARNESS_VERIFY_HTTP_RANGE_H
#define HARNESS_VERIFY_HTTP_RANGE_H

#include "verify/http_words.h"

/* What a request wants: its Range. */
struct http_range {
	enum {
		RANGE_NONE,
		RANGE_FROM,  /* from `first` to `last`, or to the end before it */
		RANGE_LAST,  /* the last `last` bytes */
		RANGE_OTHER, /* several, in another unit, or nothing that one can read */
	} kind;
	uint64_t first, last;
};

/* Which part an answer has: its Content-Range. */
struct http_part {
	enum {
		PART_NONE,
		PART_BYTES, /* from `first` to `last` */
		PART_OTHER, /* in another unit */
		PART_BAD,   /* bytes, but not which */
	} kind;
	uint64_t first, last;
	bool has_total;
	uint64_t total; /* bytes of the whole */
};

void http_range_read(struct http_words value, struct http_range *ret);
void http_part_read(struct http_words value, struct http_part *ret);
/*
 * Whether the part is of what was wanted of a file of len bytes. Servers may send less (RFC 9110,
 * 15.3.7), but not other bytes.
 */
bool http_range_has(const struct http_range *r, uint64_t len, const struct http_part *part);

#endif
