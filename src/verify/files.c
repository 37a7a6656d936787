/* files: every layer of every file, and what they say together: who lost it, or which layer lied. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "verify/compare.h"
#include "verify/judge.h"
#include "verify/layer.h"
#include "verify/picture.h"
#include "verify/raw.h"
#include "verify/reassemble.h"
#include "verify/reports.h"
#include "verify/trial.h"

/* Bytes of a program's own words in a reason. */
#define MAX_WORDS 200

/* ---- layers ---- */

static char *received_path(const struct trial *t, const struct delivery *d)
{
	cleanup_free char *folder = judge_received_path(t->folder, d->verdict->node,
							d->verdict->transfer);

	return text_format("%s/%s", folder, d->verdict->file);
}

static void judge_picture_file(const struct picture_source *p, const char *path, struct layer *l)
{
	struct fs_map m;
	struct err e;

	if (fs_map_open(&m, path, &e) != 0) {
		layer_set(l, OUTCOME_FAIL, "there is no picture to look at");
		return;
	}
	picture_judge(p, m.data, m.len, l);
	fs_map_close(&m);
}

/* Chunks in one file with those of other files: the picture is what they make together. */
static void judge_picture_parts(const struct picture_source *p, const struct delivery *d,
				struct layer *l)
{
	const struct layer *receiver = &d->verdict->receiver;
	size_t len = d->source->map.len;
	cleanup_free uint8_t *bytes = array_new(len, 1);

	if (len != 0)
		memcpy(bytes, d->source->map.data, len);
	for (size_t i = 0; i < receiver->missing.n; i++)
		memset(bytes + receiver->missing.r[i].first, 0,
		       receiver->missing.r[i].last - receiver->missing.r[i].first + 1);
	picture_judge(p, bytes, len, l);
}

static void judge_picture(const struct trial *t, const struct delivery *d,
			  const struct picture_source *p)
{
	struct layer *l = &d->verdict->picture;
	const struct layer *receiver = &d->verdict->receiver;

	if (!p->is_png) {
		layer_set(l, OUTCOME_SKIP, "not a PNG file");
	} else if (t->topology->transfers[d->transfer].format == FORMAT_RELIABLE) {
		cleanup_free char *path = received_path(t, d);

		judge_picture_file(p, path, l);
	} else if (receiver->outcome == OUTCOME_SKIP) {
		layer_set(l, OUTCOME_SKIP, "no file of the receiver's to look at");
	} else {
		judge_picture_parts(p, d, l);
	}
}

/* A layer that failed only because the run did not come to its end has proved nothing. */
static void soften(const struct trial *t, const struct delivery *d, struct layer *l)
{
	bool definite = l->differs && l->size >= d->source->map.len;

	if (!t->cut_short || l->outcome != OUTCOME_FAIL || definite)
		return;
	l->outcome = OUTCOME_INCONCLUSIVE;

	char *reason = text_format("%s; but the run was cut short", l->reason);

	free(l->reason);
	l->reason = reason;
}

static void judge_layers(struct trial *t, struct delivery *d, const struct picture_source *p)
{
	struct file_verdict *f = d->verdict;

	if (t->topology->transfers[d->transfer].format == FORMAT_RAW) {
		raw_judge(t->raw, t, d);
	} else {
		cleanup_free char *path = received_path(t, d);

		compare_file(path, d->source, &f->receiver);
		reassembly_judge(t->reassembly, t, d);
	}
	judge_picture(t, d, p);
	soften(t, d, &f->receiver);
	soften(t, d, &f->capture);
	soften(t, d, &f->sender);
	if (f->picture.outcome == OUTCOME_FAIL && f->receiver.outcome == OUTCOME_INCONCLUSIVE)
		f->picture.outcome = OUTCOME_INCONCLUSIVE;
}

/* ---- what they say together ---- */

static const struct node_account *node_account(const struct trial *t, const struct delivery *d)
{
	const struct ledger *l = &t->verdict->ledger;

	for (size_t i = 0; i < l->n_nodes; i++)
		if (strcmp(l->nodes[i].node, d->verdict->node) == 0)
			return &l->nodes[i];
	return NULL;
}

static bool is_raw(const struct trial *t, const struct delivery *d)
{
	return t->topology->transfers[d->transfer].format == FORMAT_RAW;
}

/* Raw: every chunk arrived, but not one after the other. */
static void blame_order(const struct delivery *d, struct text *why)
{
	const struct datagram_account *n = &d->verdict->datagrams;
	const char *before = ": ";

	if (n->reordered != 0) {
		text_add(why, ": %" PRIu64 " out of order", n->reordered);
		before = ", ";
	}
	if (n->duplicated != 0)
		text_add(why, "%s%" PRIu64 " more than once", before, n->duplicated);
}

/* The file arrived at the interface, and is not what was written. */
static void blame_receiver(const struct trial *t, const struct delivery *d, struct text *why)
{
	const struct node_account *n = node_account(t, d);
	char place[96];

	trial_place(t, d, AT_RECEIVER, place);
	if (is_raw(t, d) && raw_wrote_what_arrived(t->raw, d)) {
		text_add(why, "; the receiver wrote what arrived at %s, as it arrived", place);
		blame_order(d, why);
	} else if (is_raw(t, d) && n != NULL && n->rcvbuf != 0) {
		text_add(why,
			 "; all of it arrived at %s, where the kernel dropped %" PRIu64
			 " datagrams: receive buffer full (%s)",
			 place, n->rcvbuf, n->rcvbuf_place != NULL ? n->rcvbuf_place : "unknown");
	} else {
		text_add(why, "; the receiver damaged it: every byte arrived whole at %s", place);
	}
}

/* It left whole and did not arrive whole. */
static void blame_way(const struct trial *t, const struct delivery *d, struct text *why)
{
	char from[96], to[96];

	text_add(why, "; lost or damaged between %s and %s: %s", trial_place(t, d, AT_SENDER, from),
		 trial_place(t, d, AT_RECEIVER, to), d->verdict->capture.reason);
	if (is_raw(t, d))
		raw_add_losses(t->raw, t, d, why);
}

/* Who is to blame for a file that is not the source. */
static void blame(const struct trial *t, const struct delivery *d, struct text *why)
{
	const struct file_verdict *f = d->verdict;

	if (f->sender.outcome == OUTCOME_FAIL)
		text_add(why, "; the sender %s: %s",
			 f->sender.missing.n != 0 && !f->sender.differs ? "did not send all of it"
									: "sent something else",
			 f->sender.reason);
	else if (f->capture.outcome == OUTCOME_PASS)
		blame_receiver(t, d, why);
	else if (f->capture.outcome == OUTCOME_FAIL && f->sender.outcome == OUTCOME_PASS)
		blame_way(t, d, why);
	else if (f->capture.reason != NULL)
		text_add(why, "; %s", f->capture.reason);
}

static void add_words(const struct trial *t, const struct delivery *d, enum side side,
		      struct text *why)
{
	const char *error = reports_error(t->reports, t, d, side);

	if (error != NULL)
		text_add(why, "; the %s's own words: %.*s",
			 side == AT_SENDER ? "sender" : "receiver", MAX_WORDS, error);
}

/* The file is right: then a capture that says otherwise is what is wrong. */
static void doubt(struct file_verdict *f, struct layer *l)
{
	if (l->outcome == OUTCOME_FAIL)
		l->outcome = OUTCOME_INCONCLUSIVE;
	if (l->outcome != OUTCOME_INCONCLUSIVE)
		return;
	f->outcome = OUTCOME_INCONCLUSIVE;
	if (f->reason == NULL)
		f->reason = text_format("the receiver's file is right, but %s", l->reason);
}

/* The receiver wrote no file of its own (raw): what arrived and what its kernel did must do. */
static void judge_without_file(const struct trial *t, const struct delivery *d)
{
	struct file_verdict *f = d->verdict;
	const struct node_account *n = node_account(t, d);

	f->outcome = f->capture.outcome;
	if (f->capture.outcome == OUTCOME_SKIP) {
		f->outcome = OUTCOME_INCONCLUSIVE;
		f->reason = text_dup("there is neither a file nor a capture to look at");
	} else if (f->capture.outcome != OUTCOME_PASS) {
		struct text why = { 0 };

		text_add(&why, "%s", f->capture.reason);
		raw_add_losses(t->raw, t, d, &why);
		f->reason = text_take(&why);
	} else if (n != NULL && n->rcvbuf != 0) {
		f->outcome = OUTCOME_INCONCLUSIVE;
		f->reason = text_format("all of it arrived, but the kernel dropped %" PRIu64
					" datagrams, and which ones cannot be told",
					n->rcvbuf);
	}
}

static void conclude(const struct trial *t, const struct delivery *d)
{
	struct file_verdict *f = d->verdict;
	struct text why = { 0 };

	f->outcome = f->receiver.outcome;
	switch (f->receiver.outcome) {
	case OUTCOME_PASS:
		doubt(f, &f->capture);
		doubt(f, &f->sender);
		return;
	case OUTCOME_SKIP:
		judge_without_file(t, d);
		return;
	case OUTCOME_INCONCLUSIVE:
		f->reason = text_dup(f->receiver.reason);
		return;
	case OUTCOME_FAIL:
		text_add(&why, "%s", f->receiver.reason);
		blame(t, d, &why);
		add_words(t, d, AT_SENDER, &why);
		add_words(t, d, AT_RECEIVER, &why);
		f->reason = text_take(&why);
		return;
	}
}

/* ---- all of them ---- */

/* The receiver counted less than arrived: its kernel had no room, as far as that says so, too. */
static void account_drops(struct trial *t, const struct delivery *d)
{
	uint64_t *left = &t->rcvbuf[trial_side_node(t, d, AT_RECEIVER)];
	uint64_t n = d->dropped < *left ? d->dropped : *left;

	*left -= n;
	d->verdict->datagrams.lost += n;
}

static void judge_delivery(struct trial *t, struct delivery *d, const struct picture_source *p)
{
	struct file_verdict *f = d->verdict;

	if (d->source->trouble != NULL) {
		struct layer *const layers[] = { &f->receiver, &f->capture, &f->sender,
						 &f->picture };

		for (size_t i = 0; i < 4; i++)
			layer_set(layers[i], OUTCOME_INCONCLUSIVE, "%s", d->source->trouble);
		f->outcome = OUTCOME_INCONCLUSIVE;
		f->reason = text_dup(d->source->trouble);
		return;
	}
	judge_layers(t, d, p);
	account_drops(t, d);
	if (d->started_ns == 0 || d->ended_ns < d->started_ns)
		reports_times(t->reports, t, d, &d->started_ns, &d->ended_ns);
	if (d->started_ns != 0 && d->ended_ns > d->started_ns)
		f->time_ns = d->ended_ns - d->started_ns;
	conclude(t, d);
}

void files_judge(struct trial *t)
{
	for (size_t i = 0; i < t->topology->n_transfers; i++) {
		const struct transfer *tr = &t->topology->transfers[i];

		for (size_t f = 0; f < tr->n_files; f++) {
			const struct source *s = &t->sources[i][f];
			struct picture_source p;

			picture_source_load(&p, s->map.data, s->map.len);
			for (size_t k = 0; k < tr->n_to; k++)
				judge_delivery(t, trial_delivery(t, i, k, f), &p);
			picture_source_done(&p);
		}
	}
}
