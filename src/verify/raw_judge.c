/* raw: what was seen of raw transfers, and what their receivers wrote, as layers and accounts. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "verify/compare.h"
#include "verify/layer.h"
#include "verify/raw.h"
#include "verify/raw_state.h"

/* ---- layers ---- */

/* Chunks as byte ranges of the source. */
static void missing_bytes(const struct alignment *a, const struct delivery *d, struct ranges *r)
{
	struct ranges chunks = { 0 };

	alignment_missing(a, d->file, &chunks);
	for (size_t i = 0; i < chunks.n; i++) {
		uint64_t end = (chunks.r[i].last + 1) * RAW_CHUNK;

		ranges_add(r, chunks.r[i].first * RAW_CHUNK,
			   (end < d->source->map.len ? end : d->source->map.len) - 1);
	}
	ranges_done(&chunks);
}

static void describe(const struct alignment *a, const struct delivery *d, struct layer *l)
{
	missing_bytes(a, d, &l->missing);
	l->size = d->source->map.len - ranges_total(&l->missing);
	l->has_digest = l->missing.n == 0;
	if (l->has_digest)
		l->digest = d->source->digest; /* every chunk was compared with the source */
}

static void judge_captured(const struct raw *r, const struct trial *t, const struct delivery *d,
			   enum side side, struct layer *l)
{
	const struct point *p = raw_point(r, d, side);
	const struct aligned_file *f = &p->alignment.files[d->file];
	const char *filter = t->topology->capture.filter;
	bool watched = t->watched[trial_side_node(t, d, side)];
	char place[96];

	if (!trial_captured(t, d, side, l))
		return;
	if (p->cut != 0) {
		layer_set(l, OUTCOME_SKIP,
			  "captures do not hold whole packets, and raw datagrams "
			  "are known by their content alone");
		return;
	}
	describe(&p->alignment, d, l);
	if (alignment_whole(&p->alignment, d->file)) {
		l->outcome = OUTCOME_PASS;
		return;
	}

	cleanup_free char *where = ranges_format(&l->missing, 4);
	uint64_t n = chunk_index_count(p->alignment.index, d->file);

	trial_place(t, d, side, place);
	if (filter != NULL || !watched)
		layer_set(l, OUTCOME_INCONCLUSIVE,
			  "%" PRIu64 " of %" PRIu64 " chunks were not seen at %s, %s",
			  n - f->have.set, n, place,
			  filter != NULL ? "where a capture filter is set"
					 : "whose capture is incomplete");
	else
		layer_set(l, OUTCOME_FAIL, "%" PRIu64 " of %" PRIu64 " chunks %s %s%s: bytes %s",
			  n - f->have.set, n, side == AT_SENDER ? "never left" : "never arrived at",
			  place, p->corrupted[d->file] != 0 ? ", where other bytes were seen" : "",
			  where);
}

/* Several files in one: were all chunks of this one in there, undamaged? */
static void judge_parts(const struct written *w, const struct delivery *d, struct layer *l)
{
	const struct written_damage *damage = &w->damage[d->file];
	uint64_t n = chunk_index_count(w->alignment.index, d->file);
	uint64_t have = w->alignment.files[d->file].have.set;

	describe(&w->alignment, d, l);
	if (alignment_whole(&w->alignment, d->file)) {
		l->outcome = OUTCOME_PASS;
		return;
	}

	cleanup_free char *where = ranges_format(&l->missing, 4);

	l->differs = true;
	l->first_difference = l->missing.r[0].first;
	if (!damage->any) {
		layer_set(l, OUTCOME_FAIL,
			  "%" PRIu64 " of %" PRIu64 " chunks are not in what was written: bytes %s",
			  n - have, n, where);
		return;
	}
	l->first_difference = damage->offset;
	layer_set(l, OUTCOME_FAIL,
		  "differs at offset %" PRIu64 " (0x%02x instead of 0x%02x); %" PRIu64
		  " of %" PRIu64 " chunks are not in what was written",
		  damage->offset, damage->is, damage->was, n - have, n);
}

static void judge_written(const struct raw *r, const struct trial *t, const struct delivery *d,
			  struct layer *l)
{
	const struct written *w = &r->transfers[d->transfer].written[d->to];
	const struct written_file *alone = written_alone(w, d->file);
	bool strange = t->topology->transfers[d->transfer].receiver != NULL;

	if (alone != NULL) {
		compare_file(alone->path, d->source, l);
	} else if (d->source->map.len == 0) {
		describe(&w->alignment, d, l);
		l->outcome = OUTCOME_PASS;
	} else if (strange && !w->matched) {
		layer_set(l, OUTCOME_SKIP,
			  "its program wrote nothing that chunks of the transfer "
			  "are found in");
	} else if (w->n_files == 0) {
		ranges_add(&l->missing, 0, d->source->map.len - 1);
		layer_set(l, OUTCOME_FAIL, "the file is not there: nothing was written");
	} else {
		judge_parts(w, d, l);
	}
}

/* ---- the account ---- */

static const struct alignment *delivered(const struct raw *r, const struct delivery *d)
{
	if (d->verdict->receiver.outcome != OUTCOME_SKIP)
		return &r->transfers[d->transfer].written[d->to].alignment;
	return &raw_point(r, d, AT_RECEIVER)->alignment;
}

static void account(const struct raw *r, struct delivery *d)
{
	const struct point *out = raw_point(r, d, AT_SENDER), *in = raw_point(r, d, AT_RECEIVER);
	const struct aligned_file *sent = &out->alignment.files[d->file];
	const struct aligned_file *arrived = &in->alignment.files[d->file];
	struct datagram_account *n = &d->verdict->datagrams;
	const struct alignment *end = delivered(r, d);

	n->ideal = chunk_index_count(in->alignment.index, d->file);
	n->sent = sent->seen;
	n->arrived = arrived->seen;
	n->lost = n->ideal - end->files[d->file].have.set;
	n->duplicated = arrived->duplicated;
	n->reordered = arrived->reordered;
	n->interleaved = arrived->interleaved;
	n->corrupted = in->corrupted[d->file];
	if (d->verdict->capture.outcome != OUTCOME_SKIP)
		alignment_missing(&in->alignment, d->file, &n->lost_chunks);
	d->started_ns = sent->first_ns;
	d->ended_ns = arrived->last_ns;
}

void raw_judge(const struct raw *r, const struct trial *t, struct delivery *d)
{
	judge_captured(r, t, d, AT_SENDER, &d->verdict->sender);
	judge_captured(r, t, d, AT_RECEIVER, &d->verdict->capture);
	judge_written(r, t, d, &d->verdict->receiver);
	account(r, d);
}

bool raw_wrote_what_arrived(const struct raw *r, const struct delivery *d)
{
	const struct aligned_file *in = &raw_point(r, d, AT_RECEIVER)->alignment.files[d->file];
	const struct written *w = &r->transfers[d->transfer].written[d->to];
	const struct aligned_file *wrote = &w->alignment.files[d->file];

	return (in->reordered != 0 || in->duplicated != 0) && in->seen == wrote->seen &&
	       in->order == wrote->order && w->damage[d->file].chunks == 0 &&
	       w->alignment.flows[wrote->flow].unmatched == 0;
}
