/* http_head: the first line and the fields of an HTTP/1.x message (RFC 9112, 2 to 6). */
#ifndef HARNESS_VERIFY_HTTP_HEAD_H
#define HARNESS_VERIFY_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_head {
	/* Of a request. They point into the message. */
	const char *method, *target;
	size_t method_len, target_len;
	unsigned status; /* of an answer */
	bool has_length;
	uint64_t length; /* Content-Length */
	bool chunked;	 /* it has a Transfer-Encoding */
	bool encoded;	 /* it has a Content-Encoding other than identity */
};

/* The length of the head at the beginning of these bytes, its empty line included; 0: not whole. */
size_t http_head_find(const char *bytes, size_t len, size_t searched);
/* Of len bytes, all of them the head. False: it is none. */
bool http_head_read_request(const char *bytes, size_t len, struct http_head *ret_head);
bool http_head_read_answer(const char *bytes, size_t len, struct http_head *ret_head);
/*
 * The path of a target below a folder, decoded (free): "/a%20b?c" is "a b", "/" is "index.html".
 * NULL: it has none, or one that leaves the folder.
 */
char *http_head_path(const char *target, size_t len);

#endif
