/*
 * http_exchange: one connection as http.h sees it, for the parts of it: http.c has the connection's
 * begin and end, http_message.c what is said in between, http_answer.c what answers have to be,
 * http_tell.c the words for what is wrong.
 */
#ifndef HARNESS_VERIFY_HTTP_EXCHANGE_H
#define HARNESS_VERIFY_HTTP_EXCHANGE_H

#include "base/fs.h"
#include "base/text.h"
#include "verify/http.h"
#include "verify/http_chunks.h"
#include "verify/http_head.h"

/* A file of the folder that was asked for, or what has no file there. */
struct page {
	char *path; /* below the folder */
	struct fs_map map;
	bool there;
};

struct request {
	char *target;
	bool get, head, connect;
	bool old;    /* its client speaks HTTP/1.0 */
	size_t page; /* of http.pages, for a GET */
	struct http_range range;
};

/* What the bytes of one direction are, as they come. */
struct reading {
	enum {
		READ_HEAD,
		READ_BODY, /* `left` bytes of it */
		READ_CHUNKS,
		READ_TO_END,  /* all that come: the end of the connection is its end */
		READ_NO_MORE, /* what follows cannot be told apart */
	} state;
	struct text head;
	uint64_t left;
	struct http_chunks chunks;
};

struct exchange {
	struct http *h;
	struct endpoints ends;
	struct reading readings[N_PEERS];
	struct request *requests; /* that are not answered; the first one's answer is being read */
	size_t n_requests, room;
	/* The answer whose body is being read. */
	bool compared, differs;
	uint64_t offset;     /* in the body */
	uint64_t begin, len; /* what of the file the body is */
	bool client_left, over;
};

struct http {
	char *folder;
	double sample;
	uint64_t began_ns, n_seen;
	struct page *pages;
	size_t n_pages, pages_room;
	struct http_tally tally;
};

/* http_message.c: of a conversation; forget the first request; read no more of either side. */
void http_data(void *of, enum peer from, const uint8_t *bytes, size_t len, struct place at);
void http_pop_request(struct exchange *x);
void http_give_up(struct exchange *x);

/*
 * http_answer.c: the head of the answer to the first request, or of one to none; bytes of its body;
 * it is as whole as it gets.
 */
void http_take_answer(struct exchange *x, const struct http_head *head, struct place at);
void http_compare(struct exchange *x, const uint8_t *bytes, size_t len, struct place at);
void http_end_answer(struct exchange *x, struct place at);

/* Below the folder, by its path: index into h->pages. */
size_t http_find_page(struct http *h, const char *path);
/* Say it of a request, or of no certain one, in *first, when it is the first of its kind. */
void http_tell(char **first, const struct exchange *x, const struct request *r, struct place at,
	       const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Likewise which packets are of it. */
void http_remember(char **filter, const struct exchange *x);
/* As reports can have it (free). */
char *http_printable(const struct http_words *w);
/* Count an answer that is wrong, and say why; likewise one that cannot be compared. */
void http_wrong(struct exchange *x, const struct request *r, struct place at, const char *format,
		...) __attribute__((format(printf, 4, 5)));
void http_unread(struct exchange *x, const struct request *r, struct place at, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

#endif
