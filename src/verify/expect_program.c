/* Expectations of programs: their exit status, and lines of their output. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/signals.h"
#include "base/text.h"
#include "verify/expect.h"
#include "verify/log_tail.h"
#include "verify/output.h"

/* What a shell adds to the number of a signal. */
#define SIGNAL_BASE 128
/* Bytes of a line that are shown. */
#define SHOWN 160
/* Lines of one output that are told by their numbers. */
#define MAX_NUMBERS 5

static const struct program_evidence *program_of(const struct expecting *x)
{
	return expect_program(x->trial, x->expectation->program);
}

static char *log_path(const struct expecting *x, const struct program_evidence *p)
{
	return text_format("%s/%s", x->trial->folder, p->log);
}

/* ---- how it exits ---- */

/* It has no exit status: why, and whether that is its fault. */
static bool has_not_ended(const struct program_evidence *p, struct condition_verdict *v)
{
	if (p == NULL || (p->state == PROGRAM_NEW && p->error[0] == '\0'))
		expect_set(v, OUTCOME_INCONCLUSIVE, "it was never started");
	else if (p->state == PROGRAM_NEW)
		expect_set(v, OUTCOME_FAIL, "it was never started: %s", p->error);
	else if (p->state == PROGRAM_RUNNING)
		expect_set(v, OUTCOME_INCONCLUSIVE, "its end was not seen");
	else
		return false;
	return true;
}

static void set_status(const struct program_evidence *p, enum outcome o,
		       struct condition_verdict *v)
{
	const char *told = p->told_to_stop ? " when it was told to stop" : "";
	char buf[16];

	if (p->state == PROGRAM_KILLED)
		expect_set(v, o, "exit %d (%s)%s", SIGNAL_BASE + p->status,
			   signal_name(p->status, buf), told);
	else
		expect_set(v, o, "exit %d%s", p->status, told);
}

void expect_judge_exit(const struct expecting *x, const struct condition *c,
		       struct condition_verdict *v)
{
	const struct program_evidence *p = program_of(x);

	if (has_not_ended(p, v))
		return;

	int status = p->state == PROGRAM_KILLED ? SIGNAL_BASE + p->status : p->status;

	if (c->statuses.has[status & 0xff]) {
		set_status(p, OUTCOME_PASS, v);
		return;
	}
	/* It was stopped because the run was: it may have had more to do. */
	set_status(p, x->trial->cut_short && p->told_to_stop ? OUTCOME_INCONCLUSIVE : OUTCOME_FAIL,
		   v);
	v->nearest = log_tail(x->trial, p->log);
	v->look = log_path(x, p);
}

/* ---- what it says ---- */

/* The lines of one output that match. */
struct tally {
	uint64_t n;
	struct text numbers; /* of the first few */
	struct output_line last;
};

static void count_line(struct tally *y, const struct output_line *l)
{
	y->n++;
	y->last = *l;
	if (y->n <= MAX_NUMBERS)
		text_add(&y->numbers, "%s%" PRIu64, y->n != 1 ? ", " : "", l->number);
	else if (y->n == MAX_NUMBERS + 1)
		text_add(&y->numbers, ", ...");
}

static int tally_lines(struct output *o, const char *expression, struct tally *y, struct err *e)
{
	cleanup_by(pattern_freep) struct pattern *p = NULL;
	struct output_line line;
	int found;

	if (pattern_new(expression, &p, NULL, e) != 0)
		return -1;
	while ((found = output_find(o, p, &line, e)) == 1)
		count_line(y, &line);
	return found;
}

static void set_tally(const struct output *o, const struct tally *y, enum outcome outcome,
		      struct condition_verdict *v)
{
	const char *gap = o->has_gap ? "; the middle of the output was not kept" : "";

	if (y->n == 0) {
		expect_set(v, outcome, "on no line of %" PRIu64 "%s", o->number, gap);
		return;
	}
	expect_set(v, outcome, "on %" PRIu64 " line%s of %" PRIu64 " (%s)%s", y->n,
		   y->n == 1 ? "" : "s", o->number, text_str(&y->numbers), gap);
	if (outcome == OUTCOME_PASS)
		return;

	size_t len = y->last.len < SHOWN ? y->last.len : SHOWN;

	v->look = text_format("%s:%" PRIu64, o->path, y->last.number);
	v->nearest = text_format("%.*s%s", (int)len, y->last.text, len < y->last.len ? "..." : "");
}

/* More may come of a run that was cut short, or lie where the output was not kept. */
static void judge_tally(const struct expecting *x, const struct condition *c,
			const struct output *o, const struct tally *y, struct condition_verdict *v)
{
	const struct amount none = { 0, 0 };
	bool open = o->has_gap || x->trial->cut_short;
	enum outcome outcome = expect_amount(c->kind == EXPECT_ABSENT ? &none : &c->amount, y->n,
					     open);

	set_tally(o, y, outcome, v);
	if (outcome == OUTCOME_PASS)
		return;
	if (v->look == NULL)
		v->look = text_dup(o->path);
	if (v->nearest == NULL)
		v->nearest = log_tail(x->trial, program_of(x)->log);
}

void expect_judge_output(const struct expecting *x, const struct condition *c,
			 struct condition_verdict *v)
{
	const struct program_evidence *p = program_of(x);
	cleanup_by(output_done) struct output o = { 0 };
	struct tally y = { 0 };
	struct err e;

	if (p == NULL || p->state == PROGRAM_NEW) {
		has_not_ended(p, v);
		return;
	}
	if (output_open(&o, x->trial, p, &e) != 0) {
		expect_set(v, OUTCOME_INCONCLUSIVE, "its log cannot be read: %s", e.msg);
	} else if (tally_lines(&o, c->text, &y, &e) < 0) {
		expect_set(v, OUTCOME_INCONCLUSIVE, "the expression cannot be judged: %s", e.msg);
		v->look = text_dup(o.path);
	} else {
		judge_tally(x, c, &o, &y, v);
	}
	text_done(&y.numbers);
}
