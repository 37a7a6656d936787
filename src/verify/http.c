#include "verify/http.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "verify/http_exchange.h"

struct http *http_new(const char *folder, double sample, uint64_t began_ns)
{
	struct http *h = array_new(1, sizeof(*h));

	h->folder = text_dup(folder);
	h->sample = sample;
	h->began_ns = began_ns;
	return h;
}

/* ---- ends ---- */

/* How far an answer has come. */
static char *progress(const struct reading *in)
{
	switch (in->state) {
	case READ_BODY:
		return text_format("%" PRIu64 " byte%s before the end of its answer", in->left,
				   in->left == 1 ? "" : "s");
	case READ_CHUNKS: {
		cleanup_free char *where = http_chunks_missing(&in->chunks);

		return text_format("%s of its answer", where);
	}
	default:
		return text_dup(in->head.len != 0 || in->state == READ_TO_END
					? "within its answer"
					: "without an answer");
	}
}

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
	cleanup_free char *when = progress(in);

	http_tell(&t->first_lost, x, &x->requests[0], at, "the server %s %s", how, when);
	t->lost += x->n_requests;
	http_remember(&t->filter_lost, x);
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
		http_end_answer(x, at);
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

	/* One that was reset had no more bytes, whatever it was still to get. */
	if (!x->over && missing)
		x->h->tally.unseen++;
	else if (!x->over && x->client_left)
		x->h->tally.left += x->n_requests;
	else if (!x->over)
		x->h->tally.open += x->n_requests;
	while (x->n_requests > 0)
		http_pop_request(x);
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
