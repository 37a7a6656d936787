#include "verify/engine.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "link/log.h"

#define ADVICE "send slower (`rate`), or use a machine with more processors"

static const char *const rings[N_RINGS] = {
	[RING_XDP] = "AF_XDP rings",
	[RING_PACKET] = "packet rings",
	[RING_SOCKET] = "sockets",
};

bool engine_keeps_log(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->n_links; i++)
		if (ev->links[i].engine == ENGINE_USER)
			return true;
	return false;
}

char *engine_describe(const struct evidence *ev, const struct link_evidence *l)
{
	if (l->engine == ENGINE_NETEM)
		return text_dup("netem");
	return text_format("user (%s, %sSCHED_FIFO)", rings[l->ring % N_RINGS],
			   ev->wire.fifo ? "" : "no ");
}

/* ---- whether it can be trusted ---- */

static char *differ(const struct link_evidence *l, enum direction d, const char *what,
		    uint64_t counted, uint64_t logged)
{
	if (counted == logged)
		return NULL;
	return text_format("%s %s: the link engine counted %" PRIu64 " frames %s, its log has "
			   "%" PRIu64,
			   l->name, direction_name(d), counted, what, logged);
}

/*
 * Duplicates that were still held when the run was over: the engine has counted each as made and as
 * lost, and the log knows nothing of them any more.
 */
static uint64_t unmade(const struct direction_evidence *n, const struct direction_evidence *log)
{
	uint64_t counted = n->lost[CAUSE_STOPPED], logged = log->lost[CAUSE_STOPPED];

	return counted > logged ? counted - logged : 0;
}

static char *compare(const struct link_evidence *l, enum direction d,
		     const struct direction_evidence *log)
{
	const struct direction_evidence *n = &l->directions[d];
	const struct {
		const char *what;
		uint64_t counted, logged;
	} pairs[] = {
		{ "that came", n->arrived, log->arrived },
		{ "that left", n->left, log->left },
		{ "duplicated", n->duplicated, log->duplicated + unmade(n, log) },
		{ "corrupted", n->corrupted, log->corrupted },
		{ "reordered", n->reordered, log->reordered },
	};
	char *text = NULL;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]) && text == NULL; i++)
		text = differ(l, d, pairs[i].what, pairs[i].counted, pairs[i].logged);
	for (size_t c = CAUSE_NONE + 1; c < N_CAUSES && text == NULL; c++) {
		cleanup_free char *what = text_format("lost (%s)",
						      link_cause_name((enum link_cause)c));

		if (c != CAUSE_STOPPED || n->lost[c] < log->lost[c])
			text = differ(l, d, what, n->lost[c], log->lost[c]);
	}
	return text;
}

char *engine_trouble(const struct trial *t, size_t link, enum direction d,
		     const struct direction_evidence *log)
{
	const struct wire_evidence *w = &t->evidence->wire;
	const struct link_evidence *l = &t->evidence->links[link];
	const struct direction_evidence *n = &l->directions[d];

	if (n->missed != 0)
		return text_format("%s %s: the kernel had no room for %" PRIu64
				   " frames in the link engine's ring: " ADVICE,
				   l->name, direction_name(d), n->missed);
	if (n->refused != 0)
		return text_format("%s %s: the kernel did not take back %" PRIu64
				   " frames from the link engine: " ADVICE,
				   l->name, direction_name(d), n->refused);
	if (l->engine != ENGINE_USER)
		return NULL;
	if (!w->complete)
		return text_format("the link engine did not come to its end%s%s: run it again",
				   w->error[0] != '\0' ? ": " : "", w->error);
	return compare(l, d, log);
}

/* ---- without a log ---- */

static bool may_duplicate(const struct topology *t, const struct link_evidence *l, enum direction d)
{
	const struct interface *i = &t->nodes[l->node].interfaces[l->interface];
	bool may = i->impairments[d].duplicate > 0;

	for (size_t k = 0; k < t->n_faults; k++) {
		const struct fault *f = &t->faults[k];

		may = may ||
		      (f->action == FAULT_CHANGE && f->node == l->node &&
		       f->interface == l->interface && f->direction[d] && f->to[d].duplicate > 0);
	}
	return may;
}

/* netem counts what it drops, and not what it sends twice: that is what came out too many. */
void engine_account_counters(const struct trial *t, const struct link_evidence *l, enum direction d,
			     struct link_account *a)
{
	const struct direction_evidence *n = &l->directions[d];
	uint64_t lost = 0;

	memcpy(a->lost, n->lost, sizeof(a->lost));
	a->seen = a->captured ? a->before : n->arrived;
	a->duplicated = n->duplicated;
	a->corrupted = n->corrupted;
	a->reordered = n->reordered;
	for (size_t c = CAUSE_NONE + 1; c < N_CAUSES; c++)
		lost += a->lost[c];
	if (!a->captured)
		return;

	uint64_t came = a->before + a->duplicated, left = a->after + lost;

	if (left > came && n->duplicated == 0 && may_duplicate(t->topology, l, d))
		a->duplicated = left - came;
	else
		a->unexplained = left > came ? left - came : came - left;
}

/* ---- how exact it is ---- */

static bool holds_frames(const struct impairment *i)
{
	return i->delay_ns != 0 || i->jitter_ns != 0 || i->rate_bps != 0;
}

static bool timing_matters(const struct trial *t, const struct link_evidence *l)
{
	const struct interface *i = &t->topology->nodes[l->node].interfaces[l->interface];
	bool matters = false;

	for (size_t d = 0; d < N_DIRECTIONS; d++) {
		matters = matters || holds_frames(&i->impairments[d]);
		for (size_t k = 0; k < t->topology->n_faults; k++) {
			const struct fault *f = &t->topology->faults[k];

			matters = matters ||
				  (f->action == FAULT_CHANGE && f->node == l->node &&
				   f->interface == l->interface && holds_frames(&f->to[d]));
		}
	}
	return matters;
}

void engine_add_notes(struct trial *t)
{
	const struct evidence *ev = t->evidence;

	for (size_t i = 0; i < ev->n_links; i++) {
		const struct link_evidence *l = &ev->links[i];
		bool best = ev->wire.fifo && l->ring != RING_SOCKET;

		if (l->engine != ENGINE_USER || best || !timing_matters(t, l))
			continue;

		cleanup_free char *engine = engine_describe(ev, l);

		run_verdict_note(t->verdict,
				 text_format("link engine %s: delays may be off by milliseconds%s",
					     engine,
					     ev->wire.fifo ? "" : " (SCHED_FIFO takes root)"));
		return;
	}
}
