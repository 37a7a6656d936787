/* reassemble: what the attempts that were put together say of a delivery. */
#include <inttypes.h>

#include "base/cleanup.h"
#include "verify/attempt.h"
#include "verify/layer.h"
#include "verify/reassemble.h"

static bool of_delivery(const struct attempt *a, const struct delivery *d)
{
	return a->transfer == d->transfer && a->to == d->to && a->file == d->file;
}

/* Whole and right over whole over fuller; of equals, the later one. */
static bool at_least_as_good(const struct assembly *a, const struct assembly *b)
{
	bool a_whole = assembly_whole(a), b_whole = assembly_whole(b);

	if (a_whole != b_whole)
		return a_whole;
	if (a_whole && (a->n_different == 0) != (b->n_different == 0))
		return a->n_different == 0;
	return a->have.set >= b->have.set;
}

static const struct attempt *best_attempt(const struct reassembly *r, const struct delivery *d,
					  enum side side)
{
	const struct attempt *best = NULL;

	for (size_t i = 0; i < r->n; i++) {
		const struct attempt *a = r->attempts[i];

		if (!of_delivery(a, d) || (!a->sides[side].opened && a->sides[side].data == 0))
			continue;
		if (best == NULL || at_least_as_good(&a->sides[side], &best->sides[side]))
			best = a;
	}
	return best;
}

/* Nothing at all was seen of it. */
static void judge_unseen(const struct reassembly *r, const struct trial *t,
			 const struct delivery *d, enum side side, struct layer *l)
{
	const char *filter = t->topology->capture.filter;
	char place[96];

	trial_place(t, d, side, place);
	if (d->source->map.len != 0)
		ranges_add(&l->missing, 0, d->source->map.len - 1);
	if (r->unreadable != 0)
		layer_set(l, OUTCOME_SKIP,
			  "captures keep too little of each packet (%u bytes) to "
			  "read the protocol's header",
			  t->topology->capture.snaplen);
	else if (filter != NULL)
		layer_set(l, OUTCOME_SKIP, "the capture filter '%s' let nothing of it through",
			  filter);
	else if (!t->watched[trial_side_node(t, d, side)])
		layer_set(l, OUTCOME_INCONCLUSIVE,
			  "nothing of it was seen at %s, whose capture is incomplete", place);
	else
		layer_set(l, OUTCOME_FAIL, "nothing of it was seen at %s", place);
}

/* Chunks are missing: is that what happened, or what the capture missed? */
static void judge_missing(const struct trial *t, const struct delivery *d, enum side side,
			  const struct assembly *a, struct layer *l)
{
	const char *filter = t->topology->capture.filter;
	cleanup_free char *where = ranges_format(&l->missing, 4);
	char place[96];

	trial_place(t, d, side, place);
	if (filter != NULL || !t->watched[trial_side_node(t, d, side)])
		layer_set(l, OUTCOME_INCONCLUSIVE,
			  "%" PRIu64 " of %" PRIu64 " chunks were not seen at %s, %s: bytes %s",
			  a->n_chunks - a->have.set, a->n_chunks, place,
			  filter != NULL ? "where a capture filter is set"
					 : "whose capture is incomplete",
			  where);
	else
		layer_set(l, OUTCOME_FAIL, "%" PRIu64 " of %" PRIu64 " chunks %s %s%s: bytes %s",
			  a->n_chunks - a->have.set, a->n_chunks,
			  side == AT_SENDER ? "never left" : "never arrived whole at", place,
			  a->corrupted != 0 || a->unproven != 0
				  ? ", where damaged datagrams were seen"
				  : "",
			  where);
}

static void judge_different(const struct trial *t, const struct delivery *d, enum side side,
			    const struct assembly *a, struct layer *l)
{
	const uint8_t *source = a->source->map.data;
	uint64_t at = a->first_difference;
	char place[96];

	trial_place(t, d, side, place);
	if (a->patched == NULL || a->patched[at] == source[at])
		layer_set(
			l, OUTCOME_FAIL,
			"what was captured at %s is not the source: it differs from offset %" PRIu64
			" on",
			place, at);
	else
		layer_set(l, OUTCOME_FAIL,
			  "what was captured at %s differs at offset %" PRIu64
			  " (0x%02x instead of 0x%02x, with good checksums)",
			  place, at, a->patched[at], source[at]);
}

static void judge_side(const struct reassembly *r, const struct trial *t, const struct delivery *d,
		       enum side side, struct layer *l)
{
	const struct attempt *best = best_attempt(r, d, side);

	if (!trial_captured(t, d, side, l))
		return;
	if (best == NULL) {
		judge_unseen(r, t, d, side, l);
		return;
	}

	const struct assembly *a = &best->sides[side];

	assembly_describe(a, l);
	if (a->size != d->source->map.len)
		layer_set(l, OUTCOME_FAIL,
			  "its OPEN announced %" PRIu64 " bytes, and the source has %zu", a->size,
			  d->source->map.len);
	else if (a->n_different != 0)
		judge_different(t, d, side, a, l);
	else if (!assembly_whole(a))
		judge_missing(t, d, side, a, l);
	else if (best->announced_other)
		layer_set(l, OUTCOME_FAIL, "its FIN announced a SHA-256 that is not the source's");
	else
		l->outcome = OUTCOME_PASS;
}

/* Datagrams and times over all attempts. */
static void account(const struct reassembly *r, struct delivery *d)
{
	struct datagram_account *n = &d->verdict->datagrams;
	uint32_t chunk = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct attempt *a = r->attempts[i];
		const struct assembly *out = &a->sides[AT_SENDER], *in = &a->sides[AT_RECEIVER];

		if (!of_delivery(a, d))
			continue;
		chunk = out->chunk;
		n->sent += out->data;
		n->repairs += out->repeats;
		n->arrived += in->undamaged;
		n->duplicated += in->duplicated;
		n->reordered += in->reordered;
		n->corrupted += in->corrupted + in->unproven;
		if (a->answered && in->undamaged > a->received)
			d->dropped += in->undamaged - a->received;
		if (a->opened_ns != 0 && (d->started_ns == 0 || a->opened_ns < d->started_ns))
			d->started_ns = a->opened_ns;
		if (a->ended_ns > d->ended_ns)
			d->ended_ns = a->ended_ns;
	}
	if (chunk != 0)
		n->ideal = (d->source->map.len + chunk - 1) / chunk;
	/* Copies made on the way are no gain. */
	uint64_t distinct = n->arrived - (n->duplicated < n->arrived ? n->duplicated : n->arrived);

	n->lost = n->sent > distinct ? n->sent - distinct : 0;
}

void reassembly_judge(const struct reassembly *r, const struct trial *t, struct delivery *d)
{
	judge_side(r, t, d, AT_SENDER, &d->verdict->sender);
	judge_side(r, t, d, AT_RECEIVER, &d->verdict->capture);
	account(r, d);
}
