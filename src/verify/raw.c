#include "verify/raw.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "verify/engine.h"
#include "verify/judge.h"
#include "verify/losses.h"
#include "verify/raw_state.h"

/* Files named in a note; the others are counted. */
#define NOTED_FILES 8

static void point_init(struct point *p, const struct chunk_index *x, size_t n_files)
{
	alignment_init(&p->alignment, x);
	p->corrupted = array_new(n_files, sizeof(*p->corrupted));
}

/* The sender's side of a link whose engine keeps a log: frames can be asked for. */
static void remember_frames(struct point *p, const struct chunk_index *x, size_t n_files)
{
	p->frames = array_new(n_files, sizeof(*p->frames));
	for (size_t f = 0; f < n_files; f++)
		p->frames[f] = array_new((size_t)chunk_index_count(x, f), sizeof(uint64_t));
}

static void transfer_init(struct raw_transfer *rt, const struct trial *t, size_t number)
{
	const struct transfer *tr = &t->topology->transfers[number];

	if (tr->format != FORMAT_RAW)
		return;
	rt->index = chunk_index_new(t->sources[number], tr->n_files);
	rt->n_to = tr->n_to;
	rt->points = array_new(tr->n_to * 2, sizeof(*rt->points));
	rt->written = array_new(tr->n_to, sizeof(*rt->written));
	for (size_t i = 0; i < tr->n_to * 2; i++)
		point_init(&rt->points[i], rt->index, tr->n_files);
	for (size_t i = 0; i < tr->n_to && engine_keeps_log(t->evidence); i++)
		remember_frames(&rt->points[i * 2 + AT_SENDER], rt->index, tr->n_files);
	for (size_t i = 0; i < tr->n_to; i++) {
		cleanup_free char *folder = judge_received_path(
			t->folder, t->topology->nodes[tr->to[i]].name, tr->name);

		written_read(&rt->written[i], rt->index, t->sources[number], folder);
	}
}

struct raw *raw_new(const struct trial *t)
{
	struct raw *r = array_new(1, sizeof(*r));

	r->n = t->topology->n_transfers;
	r->transfers = array_new(r->n, sizeof(*r->transfers));
	for (size_t i = 0; i < r->n; i++)
		transfer_init(&r->transfers[i], t, i);
	return r;
}

/* ---- datagrams ---- */

static size_t find_flow(struct point *p, const struct datagram *d)
{
	for (size_t i = 0; i < p->n_keys; i++)
		if (p->keys[i].port == d->from_port && ip_address_equal(&p->keys[i].from, &d->from))
			return i;

	struct flow_key *k = array_add(&p->keys, &p->n_keys, &p->keys_room, sizeof(*k));

	k->from = d->from;
	k->port = d->from_port;
	return alignment_add_flow(&p->alignment);
}

void raw_see(struct raw *r, const struct sighting *s)
{
	struct point *p = &r->transfers[s->transfer].points[s->to * 2 + s->side];
	const struct datagram *d = s->datagram;

	if (d->captured < d->len) {
		p->cut++;
		return;
	}
	if (d->len == 0)
		return;

	size_t flow = find_flow(p, d);
	size_t last = p->alignment.flows[flow].last;
	size_t class = d->checksum == CHECKSUM_BAD
			       ? ALIGN_NONE
			       : chunk_index_find(p->alignment.index, d->payload, d->len);

	if (class != ALIGN_NONE) {
		size_t file = alignment_add(&p->alignment, flow, class, d->time_ns);

		if (p->frames != NULL)
			p->frames[file][p->alignment.flows[flow].last_chunk] = log_hash(
				d->to_mac, d->frame_captured, d->frame_len);
		return;
	}
	alignment_add_unmatched(&p->alignment, flow);
	p->corrupted[last != ALIGN_NONE ? last : 0]++;
}

/* ---- losses ---- */

const struct point *raw_point(const struct raw *r, const struct delivery *d, enum side side)
{
	return &r->transfers[d->transfer].points[d->to * 2 + side];
}

/* Read when first needed: most raw runs never are. What is wrong with the log, the ledger says. */
static const struct fates *read_fates(struct raw *r, const struct trial *t)
{
	const struct evidence *ev = t->evidence;
	struct err ignored;

	if (!r->asked_for_fates && engine_keeps_log(ev)) {
		cleanup_free char *path = text_format("%s/%s", t->folder, ev->wire.log);

		if (fates_read(path, ev->n_links, &r->fates, &ignored) != 0)
			r->fates = NULL;
	}
	r->asked_for_fates = true;
	return r->fates;
}

void raw_add_losses(struct raw *r, const struct trial *t, const struct delivery *d, struct text *s)
{
	const struct point *out = raw_point(r, d, AT_SENDER);
	const struct ranges *missing = &d->verdict->datagrams.lost_chunks;
	const struct fates *fates = missing->n != 0 ? read_fates(r, t) : NULL;

	if (fates != NULL && out->frames != NULL)
		losses_add(t, d, fates, missing, out->frames[d->file], s);
}

/* ---- notes ---- */

static void note_flow(struct text *n, const struct point *p, size_t flow, bool broadcast)
{
	char address[INET6_ADDRSTRLEN];
	const struct aligned_flow *f = &p->alignment.flows[flow];

	ip_address_format(address, &p->keys[flow].from);
	if (f->n_files > 1 && f->switches >= f->n_files)
		text_add(n, ", interleaved %" PRIu64 " times in one flow from %s:%u", f->switches,
			 address, p->keys[flow].port);
	else if (f->n_files > 1)
		text_add(n, ", one after the other in one flow from %s:%u", address,
			 p->keys[flow].port);
	else
		text_add(n, ", a flow of its own from %s:%u", address, p->keys[flow].port);
	if (broadcast)
		text_add(n, " by broadcast");
	if (f->unmatched != 0)
		text_add(n, ", %" PRIu64 " datagrams in it are no chunk of any file", f->unmatched);
}

static void note_file(struct text *n, const struct alignment *a, const struct transfer *tr,
		      size_t file, const char *before)
{
	const struct aligned_file *f = &a->files[file];

	text_add(n, "%s%s %" PRIu64 " of %" PRIu64 " chunks", before, tr->files[file].name,
		 f->have.set, chunk_index_count(a->index, file));
	if (f->duplicated != 0)
		text_add(n, " (%" PRIu64 " more than once)", f->duplicated);
	if (f->reordered != 0)
		text_add(n, " (%" PRIu64 " out of order)", f->reordered);
}

/* "alpine-2: 1.png 10 of 10 chunks, 2.png 20 of 20 chunks, interleaved 12 times in one flow ..." */
static void note_point(struct trial *t, const struct point *p, const struct transfer *tr, size_t to)
{
	const struct alignment *a = &p->alignment;
	struct text n = { 0 };
	size_t left_out = 0;

	text_add(&n, "%s: ", t->topology->nodes[tr->to[to]].name);
	for (size_t f = 0; f < a->n_files; f++) {
		if (f >= NOTED_FILES) {
			left_out++;
			continue;
		}
		note_file(&n, a, tr, f, f == 0 ? "" : ", ");
		/* A flow is named behind the last of its files. */
		if (a->files[f].flow != ALIGN_NONE &&
		    (f + 1 == a->n_files || a->files[f + 1].flow != a->files[f].flow))
			note_flow(&n, p, a->files[f].flow, tr->broadcast);
	}
	if (left_out != 0)
		text_add(&n, ", and %zu more files", left_out);
	run_verdict_note(t->verdict, text_take(&n));
}

void raw_add_notes(const struct raw *r, struct trial *t)
{
	if (t->evidence->n_captures == 0)
		return;
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; r->transfers[i].index != NULL && k < r->transfers[i].n_to; k++)
			note_point(t, &r->transfers[i].points[k * 2 + AT_RECEIVER],
				   &t->topology->transfers[i], k);
}

static void point_done(struct point *p)
{
	for (size_t f = 0; p->frames != NULL && f < p->alignment.n_files; f++)
		free(p->frames[f]);
	free(p->frames);
	alignment_done(&p->alignment);
	free(p->keys);
	free(p->corrupted);
}

void raw_freep(struct raw **r)
{
	if (*r == NULL)
		return;
	for (size_t i = 0; i < (*r)->n; i++) {
		struct raw_transfer *rt = &(*r)->transfers[i];

		for (size_t k = 0; k < rt->n_to; k++) {
			point_done(&rt->points[k * 2]);
			point_done(&rt->points[k * 2 + 1]);
			written_done(&rt->written[k]);
		}
		free(rt->points);
		free(rt->written);
		chunk_index_free(rt->index);
	}
	fates_freep(&(*r)->fates);
	free((*r)->transfers);
	free(*r);
	*r = NULL;
}
