/*
 * http: what HTTP/1.x servers answered (RFC 9112), compared with the files of a folder.
 *
 * It is a conversation of connections.h: requests and answers of each connection are read as they
 * come, and the body of every answer with status 200 to a GET has to have the bytes of the file that
 * was asked for, and that with status 206 those of a part of it. Bodies end with their length, their
 * last chunk, or the connection. Answers whose body has another form than the file (encoded, of
 * several parts) are counted, and not compared.
 */
#ifndef HARNESS_VERIFY_HTTP_H
#define HARNESS_VERIFY_HTTP_H

#include <stdint.h>

#include "verify/connections.h"

struct http_tally {
	uint64_t right,
		right_bytes; /* answers with the bytes of their file, and how many those are */
	uint64_t wrong;	     /* with others, or what is no HTTP */
	uint64_t lost;	     /* requests whose server ended before their answer was whole */
	uint64_t left;	     /* whose client did */
	uint64_t open;	     /* that neither did */
	uint64_t other;	     /* answers with another status, or to no request */
	uint64_t unread;     /* not compared */
	uint64_t unseen;     /* connections that cannot be read for bytes that are missing */
	/* Of the first of its kind, in words (NULL: there is none), and how tcpdump finds it. */
	char *first_wrong, *first_lost, *first_unread;
	char *filter_wrong, *filter_lost;
};

struct http;

/* Of all connections this share is looked at, evenly: 0 to 1. Times are told since began_ns. */
struct http *http_new(const char *folder, double sample, uint64_t began_ns);
/* With http as its user. */
extern const struct conversation http_conversation;
const struct http_tally *http_tally(const struct http *h);
/* Accepts NULL. */
void http_freep(struct http **h);

#endif
