/* reasons: why the run is not a pass: the worst first, and of those what explains the others. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "base/signals.h"
#include "verify/trial.h"

/* Lines about files before the others are only counted. */
#define MAX_FILE_LINES 8

/* Among reasons of one outcome: causes before what follows from them. */
enum rank {
	RANK_DEAD,     /* a program that was needed was not there */
	RANK_RUN,      /* the run as a whole */
	RANK_DEADLINE, /* a program that did not end */
	RANK_ENDED,    /* a program ended wrongly */
	RANK_SENDER,   /* a sender failed: likely because of the above */
	RANK_FAULT,
	RANK_METRIC,
	RANK_EXPECTATION,
	RANK_CAPTURE,
	RANK_FILE,
	RANK_LEDGER,
};

struct reason {
	enum outcome outcome;
	enum rank rank;
	size_t number; /* sorting keeps the order of equals */
	char *text;
};

struct reasons {
	struct reason *items;
	size_t n, room;
};

static void add(struct reasons *r, enum outcome o, enum rank rank, char *text)
{
	struct reason *item = array_add(&r->items, &r->n, &r->room, sizeof(*item));

	*item = (struct reason){ o, rank, r->n, text };
}

/* ---- the run as a whole ---- */

static const char *const stages[] = {
	[STAGE_NEW] = "starting",
	[STAGE_LAB] = "building the lab",
	[STAGE_RECORDER] = "starting captures",
	[STAGE_RECEIVERS] = "starting servers",
	[STAGE_TRANSFER] = "programs ran",
	[STAGE_STOPPING] = "stopping servers",
	[STAGE_DRAINING] = "draining captures",
	[STAGE_DONE] = "ending",
};
_Static_assert(sizeof(stages) / sizeof(stages[0]) == STAGE_DONE + 1, "one phrase per stage");

/* The failure of the run is that of a program, which is told as that. */
static bool is_a_programs(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->n_programs; i++) {
		const char *error = ev->programs[i].error;

		if (error[0] != '\0' && strncmp(error, ev->error.msg, strlen(error)) == 0)
			return true;
	}
	return false;
}

static bool blamed_for_deadline(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->n_programs; i++)
		if (ev->programs[i].past_deadline)
			return true;
	return false;
}

static void add_run(struct reasons *r, const struct trial *t)
{
	const struct evidence *ev = t->evidence;
	char buf[16];

	if (ev->past_deadline && !blamed_for_deadline(ev))
		add(r, OUTCOME_FAIL, RANK_RUN,
		    text_format("the deadline of %s passed",
				text_duration(buf, t->topology->deadline_ns)));
	if (ev->interrupted)
		add(r, OUTCOME_INCONCLUSIVE, RANK_RUN, text_dup("interrupted"));
	if (ev->supervisor_signal != 0)
		add(r, OUTCOME_INCONCLUSIVE, RANK_DEAD,
		    text_format("the supervisor was killed by %s while %s",
				signal_name(ev->supervisor_signal, buf), stages[ev->stage]));
	if (ev->failed && !is_a_programs(ev))
		add(r, OUTCOME_INCONCLUSIVE, RANK_RUN, text_dup(ev->error.msg));
	else if (!ev->failed && !ev->interrupted && ev->supervisor_signal == 0 &&
		 ev->stage != STAGE_DONE)
		add(r, OUTCOME_INCONCLUSIVE, RANK_RUN,
		    text_format("the run ended while %s", stages[ev->stage]));
}

/* ---- programs, captures, ledger ---- */

static enum rank rank_of(const struct program_evidence *p)
{
	if (p->past_deadline)
		return RANK_DEADLINE;
	if (p->state == PROGRAM_NEW || (p->state == PROGRAM_KILLED && !p->told_to_stop))
		return RANK_DEAD;
	if (p->role == ROLE_RECEIVER)
		return p->told_to_stop ? RANK_ENDED : RANK_DEAD;
	return RANK_SENDER;
}

static void add_programs(struct reasons *r, const struct trial *t)
{
	for (size_t i = 0; i < t->verdict->n_programs; i++) {
		const struct program_verdict *p = &t->verdict->programs[i];

		if (p->outcome > OUTCOME_SKIP)
			add(r, p->outcome, rank_of(&t->evidence->programs[i]),
			    text_format("%s: %s", p->name, p->reason));
	}
}

/* When the run did not come to its end, that is why. */
static void add_faults(struct reasons *r, const struct trial *t)
{
	for (size_t i = 0; i < t->verdict->n_faults; i++) {
		const struct fault_verdict *f = &t->verdict->faults[i];

		if (f->outcome > OUTCOME_SKIP && (f->fired || !t->cut_short))
			add(r, f->outcome, RANK_FAULT, text_dup(f->reason));
	}
}

static void add_expectations(struct reasons *r, const struct run_verdict *v)
{
	for (size_t i = 0; i < v->n_metrics; i++)
		if (v->metrics[i].outcome > OUTCOME_SKIP)
			add(r, v->metrics[i].outcome, RANK_METRIC,
			    text_format("metric %s: %s", v->metrics[i].name, v->metrics[i].reason));
	for (size_t i = 0; i < v->n_expectations; i++)
		if (v->expectations[i].outcome > OUTCOME_SKIP)
			add(r, v->expectations[i].outcome, RANK_EXPECTATION,
			    text_format("expect %s: %s", v->expectations[i].name,
					v->expectations[i].reason));
}

static void add_captures(struct reasons *r, const struct trial *t)
{
	for (size_t i = 0; i < t->verdict->n_captures; i++) {
		const struct capture_verdict *c = &t->verdict->captures[i];

		if (c->outcome > OUTCOME_SKIP)
			add(r, c->outcome, RANK_CAPTURE,
			    text_format("capture %s: %s", c->name, c->reason));
	}
}

static void add_ledger(struct reasons *r, const struct trial *t)
{
	const struct ledger *l = &t->verdict->ledger;

	if (l->outcome > OUTCOME_SKIP)
		add(r, l->outcome, RANK_LEDGER, text_format("ledger: %s", l->reason));
}

/* ---- files ---- */

static bool alike(const struct file_verdict *a, const struct file_verdict *b)
{
	return a->outcome == b->outcome && strcmp(a->node, b->node) == 0 &&
	       strcmp(a->transfer, b->transfer) == 0 && strcmp(a->reason, b->reason) == 0;
}

/* How many files from this one on have the same to say; 0 when one before said it. */
static size_t count_alike(const struct run_verdict *v, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < v->n_files; k++) {
		if (v->files[k].outcome <= OUTCOME_SKIP || !alike(&v->files[i], &v->files[k]))
			continue;
		if (k < i)
			return 0;
		n++;
	}
	return n;
}

static char *file_line(const struct trial *t, const struct file_verdict *f, size_t n)
{
	struct text line = { 0 };

	text_add(&line, "%s: ", f->node);
	if (t->topology->n_transfers > 1)
		text_add(&line, "%s/", f->transfer);
	text_add(&line, "%s: %s", f->file, f->reason);
	if (n > 1)
		text_add(&line, " … and %zu more file%s", n - 1, n == 2 ? "" : "s");
	return text_take(&line);
}

static void add_files(struct reasons *r, const struct trial *t)
{
	const struct run_verdict *v = t->verdict;
	size_t lines[OUTCOME_FAIL + 1] = { 0 }, left_out[OUTCOME_FAIL + 1] = { 0 };

	for (size_t i = 0; i < v->n_files; i++) {
		const struct file_verdict *f = &v->files[i];
		size_t n = f->outcome > OUTCOME_SKIP ? count_alike(v, i) : 0;

		if (n == 0)
			continue;
		if (lines[f->outcome]++ < MAX_FILE_LINES)
			add(r, f->outcome, RANK_FILE, file_line(t, f, n));
		else
			left_out[f->outcome] += n;
	}
	for (size_t o = OUTCOME_INCONCLUSIVE; o <= OUTCOME_FAIL; o++)
		if (left_out[o] != 0)
			add(r, (enum outcome)o, RANK_FILE,
			    text_format("… and %zu more file%s", left_out[o],
					left_out[o] == 1 ? "" : "s"));
}

static int worst_first(const void *a, const void *b)
{
	const struct reason *x = a, *y = b;

	if (x->outcome != y->outcome)
		return x->outcome > y->outcome ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return x->number < y->number ? -1 : 1;
}

void reasons_gather(struct trial *t)
{
	struct reasons r = { 0 };

	add_run(&r, t);
	add_programs(&r, t);
	add_faults(&r, t);
	add_files(&r, t);
	add_expectations(&r, t->verdict);
	add_captures(&r, t);
	add_ledger(&r, t);
	if (r.n > 1)
		qsort(r.items, r.n, sizeof(*r.items), worst_first);
	t->verdict->outcome = r.n != 0 ? r.items[0].outcome : OUTCOME_PASS;
	for (size_t i = 0; i < r.n; i++)
		run_verdict_reason(t->verdict, r.items[i].text);
	free(r.items);
}
