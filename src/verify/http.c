#include "verify/http.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "verify/compare.h"
#include "verify/http_head.h"

#define MAX_HEAD 65536 /* bytes; servers take much less */

/* A file of the folder that was asked for, or what has no file there. */
struct page {
	char *path; /* below the folder */
	struct fs_map map;
	bool there;
};

struct request {
	char *target;
	bool get, head;
	size_t page; /* of http.pages, for a GET */
};

/* What the bytes of one direction are, as they come. */
struct reading {
	enum {
		READ_HEAD,
		READ_BODY,    /* `left` bytes of it */
		READ_TO_END,  /* all that come: the end of the connection is its end */
		READ_NO_MORE, /* what follows cannot be told apart */
	} state;
	struct text head;
	uint64_t left;
};

struct exchange {
	struct http *h;
	struct endpoints ends;
	struct reading readings[N_PEERS];
	struct request *requests; /* that are not answered; the first one's answer is being read */
	size_t n_requests, room;
	/* The answer whose body is being read. */
	bool compared, differs;
	uint64_t offset; /* in the body */
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

struct http *http_new(const char *folder, double sample, uint64_t began_ns)
{
	struct http *h = array_new(1, sizeof(*h));

	h->folder = text_dup(folder);
	h->sample = sample;
	h->began_ns = began_ns;
	return h;
}

/* ---- what is said ---- */

/* "GET /a of 10.0.0.1:40000 > 10.0.0.2:80" */
static void add_who(struct text *t, const struct exchange *x, const struct request *r)
{
	char a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];
	const struct endpoints *e = &x->ends;

	if (r != NULL)
		text_add(t, "%s %.200s of ",
			 r->head  ? "HEAD"
			 : r->get ? "GET"
				  : "request",
			 r->target);
	text_add(t, "%s port %u > %s port %u", ip_address_format(a, &e->address[PEER_CLIENT]),
		 e->port[PEER_CLIENT], ip_address_format(b, &e->address[PEER_SERVER]),
		 e->port[PEER_SERVER]);
}

static void add_place(struct text *t, const struct http *h, struct place at)
{
	uint64_t ns = at.time_ns > h->began_ns ? at.time_ns - h->began_ns : 0;

	text_add(t, "; frame %" PRIu64 ", %" PRIu64 ".%06" PRIu64 " s after the first", at.frame,
		 (uint64_t)(ns / NS_PER_SEC), (uint64_t)(ns % NS_PER_SEC / 1000));
}

static char *filter_of(const struct exchange *x)
{
	char a[INET6_ADDRSTRLEN];

	return text_format("host %s and tcp port %u",
			   ip_address_format(a, &x->ends.address[PEER_CLIENT]),
			   x->ends.port[PEER_CLIENT]);
}

/* Keep it when it is the first of its kind. */
__attribute__((format(printf, 5, 6))) static void tell(char **first, const struct exchange *x,
						       const struct request *r, struct place at,
						       const char *format, ...)
{
	struct text t = { 0 };
	va_list ap;

	if (*first != NULL)
		return;
	add_who(&t, x, r);
	text_add(&t, ": ");
	va_start(ap, format);
	text_vadd(&t, format, ap);
	va_end(ap);
	add_place(&t, x->h, at);
	*first = text_take(&t);
}

static void remember_filter(char **filter, const struct exchange *x)
{
	if (*filter == NULL)
		*filter = filter_of(x);
}

static void wrong(struct exchange *x)
{
	x->h->tally.wrong++;
	remember_filter(&x->h->tally.filter_wrong, x);
}

/* ---- pages ---- */

static size_t find_page(struct http *h, const char *path)
{
	struct page *p;
	struct err e;

	for (size_t i = 0; i < h->n_pages; i++)
		if (strcmp(h->pages[i].path, path) == 0)
			return i;

	cleanup_free char *file = text_format("%s/%s", h->folder, path);

	p = array_add(&h->pages, &h->n_pages, &h->pages_room, sizeof(*p));
	p->path = text_dup(path);
	p->there = fs_map_open(&p->map, file, &e) == 0;
	return h->n_pages - 1;
}

/* ---- requests ---- */

static void pop_request(struct exchange *x)
{
	free(x->requests[0].target);
	memmove(x->requests, x->requests + 1, --x->n_requests * sizeof(*x->requests));
}

/* From here on nobody can say what bytes of this connection mean. */
static void give_up(struct exchange *x)
{
	x->over = true;
	for (int i = 0; i < N_PEERS; i++)
		x->readings[i].state = READ_NO_MORE;
}

/* As reports can have it: what no target should have is a question mark. */
static char *printable(const char *s, size_t len)
{
	char *t = text_format("%.*s", (int)len, s);

	for (char *c = t; *c != '\0'; c++)
		if (*c <= ' ' || *c > '~')
			*c = '?';
	return t;
}

static void take_request(struct exchange *x, const struct http_head *head, struct place at)
{
	struct request *r = array_add(&x->requests, &x->n_requests, &x->room, sizeof(*r));
	struct reading *in = &x->readings[PEER_CLIENT];
	cleanup_free char *path = http_head_path(head->target, head->target_len);

	r->target = printable(head->target, head->target_len);
	r->get = head->method_len == 3 && memcmp(head->method, "GET", 3) == 0;
	r->head = head->method_len == 4 && memcmp(head->method, "HEAD", 4) == 0;
	r->page = path != NULL && r->get ? find_page(x->h, path) : SIZE_MAX;
	in->left = head->has_length ? head->length : 0;
	in->state = in->left != 0 ? READ_BODY : READ_HEAD;
	if (!head->chunked)
		return;
	x->h->tally.unread++;
	tell(&x->h->tally.first_unread, x, r, at, "its body is sent in chunks");
	give_up(x);
}

/* ---- answers ---- */

static bool has_no_body(const struct request *r, unsigned status)
{
	return r->head || status == 204 || status == 304;
}

/* The answer to the first request is whole, or as far as it came. */
static void end_answer(struct exchange *x, struct place at)
{
	struct http_tally *t = &x->h->tally;
	const struct request *r = &x->requests[0];

	if (x->compared && !x->differs) {
		const struct page *p = &x->h->pages[r->page];

		if (x->offset == p->map.len) {
			t->right++;
			t->right_bytes += x->offset;
		} else {
			tell(&t->first_wrong, x, r, at,
			     "only the first %" PRIu64 " of %zu bytes of %s", x->offset, p->map.len,
			     p->path);
			wrong(x);
		}
	}
	x->compared = false;
	pop_request(x);
	x->readings[PEER_SERVER].state = READ_HEAD;
}

static bool can_compare(struct exchange *x, const struct http_head *head, struct place at)
{
	struct http_tally *t = &x->h->tally;
	const struct request *r = &x->requests[0];

	if (head->status != 200 || !r->get) {
		t->other += head->status != 200;
		return false;
	}
	if (head->encoded) {
		t->unread++;
		tell(&t->first_unread, x, r, at, "its body is encoded");
		return false;
	}
	if (r->page != SIZE_MAX && x->h->pages[r->page].there)
		return true;
	tell(&t->first_wrong, x, r, at, "there is no such file in %s", x->h->folder);
	wrong(x);
	return false;
}

static void take_answer(struct exchange *x, const struct http_head *head, struct place at)
{
	struct reading *in = &x->readings[PEER_SERVER];
	const struct request *r = &x->requests[0];

	in->state = READ_HEAD;
	if (head->status < 200) /* another one follows (RFC 9110, 15.2) */
		return;
	if (head->chunked && !has_no_body(r, head->status)) {
		x->h->tally.unread++;
		tell(&x->h->tally.first_unread, x, r, at, "its body is sent in chunks");
		give_up(x);
		return;
	}
	x->compared = can_compare(x, head, at);
	x->differs = false;
	x->offset = 0;
	in->left = head->has_length ? head->length : UINT64_MAX;
	in->state = head->has_length ? READ_BODY : READ_TO_END;
	if (has_no_body(r, head->status) || in->left == 0)
		end_answer(x, at);
}

static void compare(struct exchange *x, const uint8_t *bytes, size_t len, struct place at)
{
	const struct request *r = &x->requests[0];
	const struct page *p = &x->h->pages[r->page];
	size_t here = x->offset < p->map.len ? p->map.len - (size_t)x->offset : 0;
	size_t n = len < here ? len : here, same = n;

	if (n > 0)
		same = compare_first(bytes, p->map.data + x->offset, n);
	x->offset += len;
	if (x->differs || same == len)
		return;
	x->differs = true;
	wrong(x);
	if (same < n)
		tell(&x->h->tally.first_wrong, x, r, at,
		     "byte %" PRIu64 " is 0x%02x where %s has 0x%02x", x->offset - len + same,
		     bytes[same], p->path, p->map.data[x->offset - len + same]);
	else
		tell(&x->h->tally.first_wrong, x, r, at, "more than the %zu bytes of %s",
		     p->map.len, p->path);
}

/* ---- one direction ---- */

static void not_http(struct exchange *x, enum peer from, struct place at)
{
	tell(&x->h->tally.first_wrong, x, x->n_requests != 0 ? &x->requests[0] : NULL, at,
	     "what the %s sent is no HTTP/1", from == PEER_CLIENT ? "client" : "server");
	wrong(x);
	give_up(x);
}

static void take_head(struct exchange *x, enum peer from, size_t len, struct place at)
{
	struct text *text = &x->readings[from].head;
	struct http_head head;
	bool good = from == PEER_CLIENT ? http_head_read_request(text->s, len, &head)
					: http_head_read_answer(text->s, len, &head);

	if (!good || (from == PEER_SERVER && x->n_requests == 0))
		not_http(x, from, at);
	else if (from == PEER_CLIENT)
		take_request(x, &head, at);
	else
		take_answer(x, &head, at);
}

/* How many of the bytes are of the head; the others are of what follows. */
static size_t read_head(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
			struct place at)
{
	struct text *head = &x->readings[from].head;
	size_t before = head->len, whole;

	text_add_bytes(head, bytes, len);
	whole = http_head_find(head->s, head->len, before);
	if (whole == 0 && head->len <= MAX_HEAD)
		return len;
	if (whole == 0)
		not_http(x, from, at);
	else
		take_head(x, from, whole, at);
	text_done(head);
	*head = (struct text){ 0 };
	return whole != 0 ? whole - before : len;
}

static size_t read_body(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
			struct place at)
{
	struct reading *in = &x->readings[from];
	size_t n = in->state == READ_BODY && in->left < len ? (size_t)in->left : len;

	if (from == PEER_SERVER && x->compared)
		compare(x, bytes, n, at);
	if (in->state == READ_TO_END)
		return n;
	in->left -= n;
	if (in->left != 0)
		return n;
	in->state = READ_HEAD;
	if (from == PEER_SERVER)
		end_answer(x, at);
	return n;
}

static void http_data(void *of, enum peer from, const uint8_t *bytes, size_t len, struct place at)
{
	struct exchange *x = of;
	size_t n;

	for (; len > 0 && x->readings[from].state != READ_NO_MORE; bytes += n, len -= n)
		n = x->readings[from].state == READ_HEAD ? read_head(x, from, bytes, len, at)
							 : read_body(x, from, bytes, len, at);
}

/* ---- ends ---- */

static void lose(struct exchange *x, const char *how, struct place at)
{
	struct http_tally *t = &x->h->tally;
	const struct reading *in = &x->readings[PEER_SERVER];

	x->over = true;
	if (x->client_left) {
		t->left += x->n_requests;
		return;
	}
	if (x->n_requests == 0)
		return;
	if (in->state == READ_BODY)
		tell(&t->first_lost, x, &x->requests[0], at,
		     "the server %s %" PRIu64 " bytes before the end of its answer", how, in->left);
	else
		tell(&t->first_lost, x, &x->requests[0], at, "the server %s %s", how,
		     in->head.len != 0 || in->state == READ_TO_END ? "within its answer"
								   : "without an answer");
	t->lost += x->n_requests;
	remember_filter(&t->filter_lost, x);
}

static void http_fin(void *of, enum peer from, struct place at)
{
	struct exchange *x = of;

	if (x->over)
		return;
	if (from == PEER_CLIENT) {
		/* It may still read what it has asked for: then that comes. */
		x->client_left = true;
		return;
	}
	if (x->readings[PEER_SERVER].state == READ_TO_END)
		end_answer(x, at);
	lose(x, "ended the connection", at);
}

static void http_reset(void *of, enum peer from, struct place at)
{
	struct exchange *x = of;

	if (x->over)
		return;
	if (from == PEER_CLIENT)
		x->client_left = true;
	lose(x, "reset the connection", at);
}

static void http_close(void *of, bool missing)
{
	struct exchange *x = of;

	x->h->tally.unseen += missing;
	if (!x->over && x->client_left)
		x->h->tally.left += x->n_requests;
	else if (!x->over)
		x->h->tally.open += x->n_requests;
	while (x->n_requests > 0)
		pop_request(x);
	for (int i = 0; i < N_PEERS; i++)
		text_done(&x->readings[i].head);
	free(x->requests);
	free(x);
}

static void *http_open(void *user, const struct endpoints *ends)
{
	struct http *h = user;
	double before = (double)h->n_seen * h->sample, after = (double)++h->n_seen * h->sample;
	struct exchange *x;

	/* Evenly over all of them, the first one included. */
	if ((uint64_t)before == (uint64_t)after && h->n_seen > 1)
		return NULL;
	x = array_new(1, sizeof(*x));
	x->h = h;
	x->ends = *ends;
	return x;
}

const struct conversation http_conversation = {
	.open = http_open,
	.data = http_data,
	.fin = http_fin,
	.reset = http_reset,
	.close = http_close,
};

const struct http_tally *http_tally(const struct http *h)
{
	return &h->tally;
}

void http_freep(struct http **hp)
{
	struct http *h = *hp;

	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n_pages; i++) {
		fs_map_close(&h->pages[i].map);
		free(h->pages[i].path);
	}
	free(h->pages);
	free(h->tally.first_wrong);
	free(h->tally.first_lost);
	free(h->tally.first_unread);
	free(h->tally.filter_wrong);
	free(h->tally.filter_lost);
	free(h->folder);
	free(h);
	*hp = NULL;
}
