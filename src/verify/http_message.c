/* Requests and answers, as their bytes come. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "verify/compare.h"
#include "verify/http_exchange.h"
#include "verify/http_head.h"

#define MAX_HEAD 65536 /* bytes; servers take much less */

/* ---- requests ---- */

void http_pop_request(struct exchange *x)
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
	r->page = path != NULL && r->get ? http_find_page(x->h, path) : SIZE_MAX;
	in->left = head->has_length ? head->length : 0;
	in->state = in->left != 0 ? READ_BODY : READ_HEAD;
	if (!head->chunked)
		return;
	x->h->tally.unread++;
	http_tell(&x->h->tally.first_unread, x, r, at, "its body is sent in chunks");
	give_up(x);
}

/* ---- answers ---- */

static bool has_no_body(const struct request *r, unsigned status)
{
	return r->head || status == 204 || status == 304;
}

/* The answer to the first request is whole, or as far as it came. */
void http_end_answer(struct exchange *x, struct place at)
{
	struct http_tally *t = &x->h->tally;
	const struct request *r = &x->requests[0];

	if (x->compared && !x->differs) {
		const struct page *p = &x->h->pages[r->page];

		if (x->offset == p->map.len) {
			t->right++;
			t->right_bytes += x->offset;
		} else {
			http_tell(&t->first_wrong, x, r, at,
				  "only the first %" PRIu64 " of %zu bytes of %s", x->offset,
				  p->map.len, p->path);
			http_wrong(x);
		}
	}
	x->compared = false;
	http_pop_request(x);
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
		http_tell(&t->first_unread, x, r, at, "its body is encoded");
		return false;
	}
	if (r->page != SIZE_MAX && x->h->pages[r->page].there)
		return true;
	http_tell(&t->first_wrong, x, r, at, "there is no such file in %s", x->h->folder);
	http_wrong(x);
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
		http_tell(&x->h->tally.first_unread, x, r, at, "its body is sent in chunks");
		give_up(x);
		return;
	}
	x->compared = can_compare(x, head, at);
	x->differs = false;
	x->offset = 0;
	in->left = head->has_length ? head->length : UINT64_MAX;
	in->state = head->has_length ? READ_BODY : READ_TO_END;
	if (has_no_body(r, head->status) || in->left == 0)
		http_end_answer(x, at);
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
	http_wrong(x);
	if (same < n)
		http_tell(&x->h->tally.first_wrong, x, r, at,
			  "byte %" PRIu64 " is 0x%02x where %s has 0x%02x", x->offset - len + same,
			  bytes[same], p->path, p->map.data[x->offset - len + same]);
	else
		http_tell(&x->h->tally.first_wrong, x, r, at, "more than the %zu bytes of %s",
			  p->map.len, p->path);
}

/* ---- one direction ---- */

static void not_http(struct exchange *x, enum peer from, struct place at)
{
	http_tell(&x->h->tally.first_wrong, x, x->n_requests != 0 ? &x->requests[0] : NULL, at,
		  "what the %s sent is no HTTP/1", from == PEER_CLIENT ? "client" : "server");
	http_wrong(x);
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
		http_end_answer(x, at);
	return n;
}

void http_data(void *of, enum peer from, const uint8_t *bytes, size_t len, struct place at)
{
	struct exchange *x = of;
	size_t n;

	for (; len > 0 && x->readings[from].state != READ_NO_MORE; bytes += n, len -= n)
		n = x->readings[from].state == READ_HEAD ? read_head(x, from, bytes, len, at)
							 : read_body(x, from, bytes, len, at);
}
