/*
 * http_chunks: a body that is sent in chunks (RFC 9112, 7.1), as its bytes come:
 *
 *	5;extension=1 CR LF			the size, in hexadecimal digits
 *	01234 CR LF				so many bytes of the body
 *	0 CR LF					the last chunk
 *	Trailer: x CR LF			fields, or none
 *	CR LF
 *
 * Nothing of it is kept: extensions and trailers are skipped, the body is the caller's.
 */
#ifndef HARNESS_VERIFY_HTTP_CHUNKS_H
#define HARNESS_VERIFY_HTTP_CHUNKS_H

#include <stddef.h>
#include <stdint.h>

/* What the next byte is. = { 0 } begins a body. */
struct http_chunks {
	enum {
		CHUNKS_SIZE,	   /* the first digit of a size */
		CHUNKS_DIGITS,	   /* another one, or what is behind them */
		CHUNKS_BLANKS,	   /* behind a size: blanks before its extension */
		CHUNKS_EXTENSION,  /* of an extension, or the CR behind it */
		CHUNKS_SIZE_LF,	   /* the LF behind a size */
		CHUNKS_DATA,	   /* the first of `left` bytes of the body */
		CHUNKS_CR,	   /* behind a chunk */
		CHUNKS_LF,	   /* likewise */
		CHUNKS_LINE,	   /* the first one of a trailer, or the CR of the empty line */
		CHUNKS_NAME,	   /* of a trailer's name, or the colon behind it */
		CHUNKS_VALUE,	   /* of its value, or the CR behind it */
		CHUNKS_TRAILER_LF, /* behind that */
		CHUNKS_LAST_LF,	   /* of the empty line */
		CHUNKS_END,	   /* of what follows the body */
		CHUNKS_BROKEN,	   /* of no chunks: `fault` says why */
	} state;
	uint64_t left;	/* bytes of this chunk; while its size is read: as far as that came */
	uint64_t body;	/* bytes of the body so far */
	size_t between; /* bytes since the last one of the body */
	const char *fault;
};

/*
 * Reads on. How many of the bytes, at least 1 of len, that took: if *ret_body is not 0 then all
 * of these are of the body, otherwise none. Not to be called at the end, or when they are broken.
 */
size_t http_chunks_read(struct http_chunks *c, const uint8_t *bytes, size_t len, size_t *ret_body);
/* Where it is, of an answer that ends there (free): "before the last chunk". */
char *http_chunks_missing(const struct http_chunks *c);

#endif
