/* http_head: the first line and the fields of an HTTP/1.x message (RFC 9112, 2 to 6). */
#ifndef HARNESS_VERIFY_HTTP_HEAD_H
#define HARNESS_VERIFY_HTTP_HEAD_H

#include "verify/http_range.h"
#include "verify/http_words.h"

/* Words point into the message. */
struct http_head {
	struct http_words method, target; /* of a request */
	unsigned status;		  /* of an answer */
	bool old;			  /* it is of HTTP/1.0 */
	bool has_length;
	uint64_t length; /* Content-Length, which counts for nothing beside a Transfer-Encoding */
	bool chunked;	 /* its body comes in chunks: that is the last Transfer-Encoding */
	bool coded;	 /* it has another Transfer-Encoding */
	bool twice;	 /* it is in chunks of chunks */
	struct http_words coding;   /* the Transfer-Encoding, if it has one */
	struct http_words encoding; /* a Content-Encoding other than identity, if it has one */
	struct http_range range;    /* of a request */
	struct http_part part;	    /* of an answer */
	bool parts;		    /* its body is multipart/byteranges */
	bool websocket;		    /* that is what it upgrades to */
	const char *fault;	    /* what is wrong with its fields */
};

/* The length of the head at the beginning of these bytes, its empty line included; 0: not whole. */
size_t http_head_find(const char *bytes, size_t len, size_t searched);
/* Whether lines of it, an empty one among them, end in LF alone, which no line does (RFC 9112, 2.2). */
bool http_head_is_bare(const char *bytes, size_t len, size_t searched);
/* Of len bytes, all of them the head. False: it is none, or one with a fault. */
bool http_head_read_request(const char *bytes, size_t len, struct http_head *ret_head);
bool http_head_read_answer(const char *bytes, size_t len, struct http_head *ret_head);

#endif
