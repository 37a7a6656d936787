/*
 * httpd_header: what the headers of a request say, as far as a file server
 * wants to know (RFC 9110 and 9112).
 */
#ifndef NODES_HTTPD_HEADER_H
#define NODES_HTTPD_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define HTTPD_DATE_LEN 32
#define HTTPD_TAG_LEN  40
#define HTTPD_BODY_MAX (1 << 20) /* bytes of a request's content, which nobody reads */

enum httpd_range {
	HTTPD_RANGE_NONE,    /* all of it */
	HTTPD_RANGE_PART,    /* len bytes from first on */
	HTTPD_RANGE_OUTSIDE, /* nothing of the file lies in it: 416 */
};

/* The value of Range for a file of this size. Several ranges, and what nobody understands: all. */
enum httpd_range httpd_range_parse(const char *text, uint64_t size, uint64_t *ret_first,
				   uint64_t *ret_len);

/* Is tag ("\"abc\"") in the list of If-None-Match? Weakly compared; "*" has everything. */
bool httpd_tag_in_list(const char *list, const char *tag);

/* "Sun, 06 Nov 1994 08:49:37 GMT"; returns buf. */
char *httpd_date_format(char buf[HTTPD_DATE_LEN], time_t when);
/* The same read; -1 for other forms, which are obsolete. */
time_t httpd_date_parse(const char *text);

/* "GET", any token. */
bool httpd_is_token(const char *text, size_t len);

/*
 * Where a request ends. One whose end a proxy before us may see elsewhere is refused: it could
 * smuggle a second one past that proxy (RFC 9112, sections 5.1, 6.1 and 11.2).
 */
struct httpd_framing {
	unsigned hosts, lengths, codings;
	bool malformed, chunked;
	uint64_t length;
};

/* To be called with each header, on a zeroed struct. */
void httpd_framing_add(struct httpd_framing *fr, const char *name, size_t name_len,
		       const char *value, size_t value_len);
/* 0, or the status to refuse with. */
unsigned httpd_framing_status(const struct httpd_framing *fr, const char *version);
bool httpd_framing_has_body(const struct httpd_framing *fr);

#endif
