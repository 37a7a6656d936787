/* Requests and answers, as their bytes come. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "verify/http_exchange.h"
#include "verify/http_target.h"

#define MAX_HEAD 65536 /* bytes; servers take much less */

/* ---- requests ---- */

void http_pop_request(struct exchange *x)
{
	free(x->requests[0].target);
	memmove(x->requests, x->requests + 1, --x->n_requests * sizeof(*x->requests));
}

/* From here on nobody can say what bytes of this connection mean. */
void http_give_up(struct exchange *x)
{
	x->over = true;
	for (int i = 0; i < N_PEERS; i++)
		x->readings[i].state = READ_NO_MORE;
}

static bool is_method(const struct http_head *head, const char *name)
{
	return head->method.len == strlen(name) &&
	       memcmp(head->method.s, name, head->method.len) == 0;
}

static void take_request(struct exchange *x, const struct http_head *head, struct place at)
{
	struct request *r = array_add(&x->requests, &x->n_requests, &x->room, sizeof(*r));
	struct reading *in = &x->readings[PEER_CLIENT];
	cleanup_free char *path = http_target_path(head->target.s, head->target.len);

	r->target = http_printable(&head->target);
	r->get = is_method(head, "GET");
	r->head = is_method(head, "HEAD");
	r->connect = is_method(head, "CONNECT");
	r->old = head->old;
	r->range = head->range;
	r->page = path != NULL && r->get ? http_find_page(x->h, path) : SIZE_MAX;
	in->left = head->has_length ? head->length : 0;
	in->state = in->left != 0 ? READ_BODY : READ_HEAD;
	if (head->chunked) {
		in->chunks = (struct http_chunks){ 0 };
		in->state = READ_CHUNKS;
	} else if (head->coded) {
		/* Nobody can say where that ends (RFC 9112, 6.3). */
		http_unread(x, r, at, "its own body is encoded, and in no chunks");
		http_give_up(x);
	}
}

/* ---- one direction ---- */

static const char *const sides[N_PEERS] = { "client", "server" };

static const struct request *first_request(const struct exchange *x)
{
	return x->n_requests != 0 ? &x->requests[0] : NULL;
}

static void not_http(struct exchange *x, enum peer from, const char *fault, struct place at)
{
	http_wrong(x, first_request(x), at, "what the %s sent is no HTTP/1%s%s", sides[from],
		   fault != NULL ? ": " : "", fault != NULL ? fault : "");
	http_give_up(x);
}

static void take_head(struct exchange *x, enum peer from, size_t len, struct place at)
{
	struct text *text = &x->readings[from].head;
	struct http_head head;
	bool good = from == PEER_CLIENT ? http_head_read_request(text->s, len, &head)
					: http_head_read_answer(text->s, len, &head);

	if (!good)
		not_http(x, from, head.fault, at);
	else if (from == PEER_CLIENT)
		take_request(x, &head, at);
	else
		http_take_answer(x, &head, at);
}

/* What is wrong with so much of a head, wherever TCP has cut it. */
static const char *find_fault(const struct text *head, size_t len, size_t before)
{
	if (http_head_is_bare(head->s, len < MAX_HEAD ? len : MAX_HEAD, before))
		return "its lines end in LF without CR";
	return len > MAX_HEAD ? "its head is longer than 64 KiB" : NULL;
}

/* Behind the last answer a server may say that it is tired of waiting, in HTTP, and nothing else. */
static bool is_stray(const struct exchange *x, enum peer from)
{
	static const char begin[] = "HTTP/1.";
	const struct text *head = &x->readings[from].head;
	size_t len = head->len < sizeof(begin) - 1 ? head->len : sizeof(begin) - 1;

	return from == PEER_SERVER && x->n_requests == 0 && memcmp(head->s, begin, len) != 0;
}

static void not_asked_for(struct exchange *x, struct place at)
{
	http_wrong(x, NULL, at, "the server sent more than its answers");
	http_give_up(x);
}

/* How many of the bytes are of the head; the others are of what follows. */
static size_t read_head(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
			struct place at)
{
	struct text *head = &x->readings[from].head;
	size_t before = head->len, whole;
	const char *fault;

	/* Old clients end bodies with a line of their own (RFC 9112, 2.2). */
	if (from == PEER_CLIENT && before == 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
		return 1;
	text_add_bytes(head, bytes, len);
	whole = http_head_find(head->s, head->len, before);
	fault = find_fault(head, whole != 0 ? whole : head->len, before);
	/* At once: the end of a head may never come. */
	if (is_stray(x, from)) {
		not_asked_for(x, at);
		return len;
	}
	if (whole == 0 && fault == NULL)
		return len;
	if (fault != NULL)
		not_http(x, from, fault, at);
	else
		take_head(x, from, whole, at);
	text_done(head);
	*head = (struct text){ 0 };
	return whole != 0 ? whole - before : len;
}

/* Of the body, or of what is around it. */
static void take_body(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
		      struct place at)
{
	if (from == PEER_SERVER && x->compared)
		http_compare(x, bytes, len, at);
}

static void end_message(struct exchange *x, enum peer from, struct place at)
{
	x->readings[from].state = READ_HEAD;
	if (from == PEER_SERVER)
		http_end_answer(x, at);
}

static size_t read_body(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
			struct place at)
{
	struct reading *in = &x->readings[from];
	size_t n = in->state == READ_BODY && in->left < len ? (size_t)in->left : len;

	take_body(x, from, bytes, n, at);
	if (in->state == READ_TO_END)
		return n;
	in->left -= n;
	if (in->left == 0)
		end_message(x, from, at);
	return n;
}

static void break_chunks(struct exchange *x, enum peer from, const char *fault, struct place at)
{
	/* It is wrong already when its bytes are. */
	if (from == PEER_CLIENT || !x->differs)
		http_wrong(x, first_request(x), at,
			   "the %s's chunks are broken behind byte %" PRIu64 " of the body: %s",
			   sides[from], x->readings[from].chunks.body, fault);
	http_give_up(x);
}

static size_t read_chunks(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
			  struct place at)
{
	struct reading *in = &x->readings[from];
	size_t body, n = http_chunks_read(&in->chunks, bytes, len, &body);

	if (body != 0)
		take_body(x, from, bytes, body, at);
	if (in->chunks.state == CHUNKS_END)
		end_message(x, from, at);
	else if (in->chunks.state == CHUNKS_BROKEN)
		break_chunks(x, from, in->chunks.fault, at);
	return n;
}

static size_t read_some(struct exchange *x, enum peer from, const uint8_t *bytes, size_t len,
			struct place at)
{
	switch (x->readings[from].state) {
	case READ_HEAD:
		return read_head(x, from, bytes, len, at);
	case READ_CHUNKS:
		return read_chunks(x, from, bytes, len, at);
	default:
		return read_body(x, from, bytes, len, at);
	}
}

void http_data(void *of, enum peer from, const uint8_t *bytes, size_t len, struct place at)
{
	struct exchange *x = of;
	size_t n;

	for (; len > 0 && x->readings[from].state != READ_NO_MORE; bytes += n, len -= n)
		n = read_some(x, from, bytes, len, at);
}
