/* What answers have to be: the file that was asked for, or a part of it. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "verify/compare.h"
#include "verify/http_exchange.h"

static const struct page *page_of(const struct exchange *x)
{
	size_t i = x->requests[0].page;

	return i != SIZE_MAX && x->h->pages[i].there ? &x->h->pages[i] : NULL;
}

/* What the body has to be: "10 bytes of page", "3 bytes of page from byte 5 on" (free). */
static char *extent(const struct exchange *x)
{
	const struct page *p = page_of(x);

	if (x->begin == 0 && x->len == p->map.len)
		return text_format("%" PRIu64 " bytes of %s", x->len, p->path);
	return text_format("%" PRIu64 " bytes of %s from byte %" PRIu64 " on", x->len, p->path,
			   x->begin);
}

/* ---- its head ---- */

/* Whether the answer is the part of the page that it says, and one that was asked for. */
static bool is_right_part(struct exchange *x, const struct http_part *part, struct place at)
{
	const struct request *r = &x->requests[0];
	const struct page *p = page_of(x);

	if (part->last >= p->map.len)
		http_wrong(x, r, at,
			   "it says it has bytes %" PRIu64 " to %" PRIu64 ", and %s has %zu bytes",
			   part->first, part->last, p->path, p->map.len);
	else if (part->has_total && part->total != p->map.len)
		http_wrong(x, r, at,
			   "it says it is a part of %" PRIu64 " bytes, and %s has %zu bytes",
			   part->total, p->path, p->map.len);
	else if (!http_range_has(&r->range, p->map.len, part))
		http_wrong(x, r, at,
			   "it has bytes %" PRIu64 " to %" PRIu64
			   " of %s, which are not those that were asked for",
			   part->first, part->last, p->path);
	else
		return true;
	return false;
}

static bool can_compare_part(struct exchange *x, const struct http_head *head, struct place at)
{
	const struct request *r = &x->requests[0];

	if (r->range.kind == RANGE_NONE)
		http_wrong(x, r, at, "it is a part of the file, and all of it was asked for");
	else if (head->part.kind == PART_NONE && head->parts)
		http_unread(x, r, at, "its body has several parts");
	else if (head->part.kind == PART_OTHER)
		http_unread(x, r, at, "it is a part that is not counted in bytes");
	else if (head->part.kind != PART_BYTES)
		http_wrong(x, r, at, "it does not say which part of the file it is");
	else if (is_right_part(x, &head->part, at)) {
		x->begin = head->part.first;
		x->len = head->part.last - head->part.first + 1;
		return true;
	}
	return false;
}

static bool is_encoded(struct exchange *x, const struct http_head *head, struct place at)
{
	bool transfer = head->encoding.len == 0;
	const struct http_words *w = transfer ? &head->coding : &head->encoding;

	if (transfer && !head->coded)
		return false;

	cleanup_free char *how = http_printable(w);

	http_unread(x, &x->requests[0], at, "its body is encoded (%s-Encoding: %s)",
		    transfer ? "Transfer" : "Content", how);
	return true;
}

static bool can_compare(struct exchange *x, const struct http_head *head, struct place at)
{
	const struct request *r = &x->requests[0];
	const struct page *p = page_of(x);

	if (!r->get || (head->status != 200 && head->status != 206)) {
		x->h->tally.other += head->status != 200;
		return false;
	}
	if (p == NULL) {
		http_wrong(x, r, at, "there is no such file in %s", x->h->folder);
		return false;
	}
	if (head->chunked && (head->old || r->old)) {
		http_wrong(x, r, at, "it is sent in chunks, which HTTP/1.0 of the %s does not have",
			   head->old ? "server" : "client");
		return false;
	}
	if (is_encoded(x, head, at))
		return false;
	if (head->status == 206)
		return can_compare_part(x, head, at);
	x->begin = 0;
	x->len = p->map.len;
	return true;
}

/* ---- its body ---- */

void http_end_answer(struct exchange *x, struct place at)
{
	struct http_tally *t = &x->h->tally;

	if (x->compared && !x->differs && x->offset == x->len) {
		t->right++;
		t->right_bytes += x->len;
	} else if (x->compared && !x->differs) {
		cleanup_free char *all = extent(x);

		http_wrong(x, &x->requests[0], at, "only the first %" PRIu64 " of %s", x->offset,
			   all);
	}
	x->compared = false;
	http_pop_request(x);
	x->readings[PEER_SERVER].state = READ_HEAD;
}

void http_compare(struct exchange *x, const uint8_t *bytes, size_t len, struct place at)
{
	const struct request *r = &x->requests[0];
	const struct page *p = page_of(x);
	uint64_t here = x->offset < x->len ? x->len - x->offset : 0, begin = x->begin + x->offset;
	size_t n = len < here ? len : (size_t)here, same = n;

	if (n > 0)
		same = compare_first(bytes, p->map.data + begin, n);
	x->offset += len;
	if (x->differs || same == len)
		return;
	x->differs = true;
	if (same < n) {
		http_wrong(x, r, at, "byte %" PRIu64 " is 0x%02x where %s has 0x%02x", begin + same,
			   bytes[same], p->path, p->map.data[begin + same]);
	} else {
		cleanup_free char *all = extent(x);

		http_wrong(x, r, at, "more than the %s", all);
	}
}

/* ---- what it is an answer to ---- */

/* Where the body ends (RFC 9112, 6.3). */
static void begin_body(struct exchange *x, const struct http_head *head, struct place at)
{
	const struct request *r = &x->requests[0];
	struct reading *in = &x->readings[PEER_SERVER];

	in->left = head->has_length ? head->length : 0;
	in->chunks = (struct http_chunks){ 0 };
	if (r->head || head->status == 204 || head->status == 304)
		http_end_answer(x, at);
	else if (head->chunked)
		in->state = READ_CHUNKS;
	else if (!head->has_length)
		in->state = READ_TO_END;
	else if (in->left != 0)
		in->state = READ_BODY;
	else
		http_end_answer(x, at);
}

/* From here on they speak something else. */
static void take_switch(struct exchange *x, const struct http_head *head, struct place at)
{
	/* Nobody asks for files on a web socket; on all else they may. */
	if (head->status == 101 && head->websocket)
		x->h->tally.other++;
	else
		http_unread(x, &x->requests[0], at, "the connection goes on in another protocol");
	http_give_up(x);
}

/* Servers say so that they are tired of waiting, or did not like what they have of a request. */
static void take_unasked(struct exchange *x, const struct http_head *head, struct place at)
{
	if (head->status < 400) {
		http_wrong(x, NULL, at, "the server sent an answer that nobody had asked for");
		http_give_up(x);
		return;
	}
	x->h->tally.other++;
	x->readings[PEER_SERVER].state = READ_NO_MORE;
}

void http_take_answer(struct exchange *x, const struct http_head *head, struct place at)
{
	x->readings[PEER_SERVER].state = READ_HEAD;
	if (x->n_requests == 0) {
		take_unasked(x, head, at);
	} else if (head->status == 101 || (x->requests[0].connect && head->status / 100 == 2)) {
		take_switch(x, head, at);
	} else if (head->status >= 200) { /* else another one follows (RFC 9110, 15.2) */
		x->compared = can_compare(x, head, at);
		x->differs = false;
		x->offset = 0;
		begin_body(x, head, at);
	}
}
