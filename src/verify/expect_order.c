/* The order of events: each is looked for behind the one before. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "topology/describe.h"
#include "verify/expect.h"
#include "verify/output.h"

/* How far the events were followed. */
struct course {
	const struct expecting *x;
	const struct event *before; /* the last one that came, or NULL */
	uint64_t time_ns;	    /* when, since 1970 */
	uint64_t line;		    /* of its output, when it is a line */
	struct condition_verdict *v;
};

/* Since all programs were ready, as faults have their times. */
static char *time_text(const struct course *c, uint64_t time_ns)
{
	uint64_t ready_ns = expect_real_ns(c->x->trial, c->x->trial->evidence->ready_ns);
	bool early = time_ns + NS_PER_US <= ready_ns;
	uint64_t ns = time_ns < ready_ns ? ready_ns - time_ns : time_ns - ready_ns;

	return text_format("%s%" PRIu64 ".%06" PRIu64 " s", early ? "-" : "",
			   (uint64_t)(ns / NS_PER_SEC), (uint64_t)(ns % NS_PER_SEC / NS_PER_US));
}

/* "client started (at 0.000112 s)" */
static char *before_text(const struct course *c)
{
	cleanup_free char *event = event_format(c->x->trial->topology, c->before);
	cleanup_free char *time = time_text(c, c->time_ns);

	return text_format("%s (at %s)", event, time);
}

static void never_came(const struct course *c, const struct event *ev, bool open)
{
	cleanup_free char *event = event_format(c->x->trial->topology, ev);
	cleanup_free char *before = c->before != NULL ? before_text(c) : NULL;

	expect_set(c->v, open ? OUTCOME_INCONCLUSIVE : OUTCOME_FAIL, "no %s%s%s", event,
		   before != NULL ? " after " : "", before != NULL ? before : "");
}

static void came_too_early(const struct course *c, const struct event *ev, uint64_t time_ns)
{
	cleanup_free char *event = event_format(c->x->trial->topology, ev);
	cleanup_free char *time = time_text(c, time_ns);
	cleanup_free char *before = before_text(c);

	expect_set(c->v, OUTCOME_FAIL, "%s came at %s, before %s", event, time, before);
}

/* ---- events that have one time ---- */

static uint64_t time_of_program(const struct program_evidence *p, enum event_kind kind)
{
	if (p == NULL)
		return 0;
	return kind == EVENT_STARTED ? p->started_ns
	       : kind == EVENT_READY ? p->ready_ns
				     : p->ended_ns;
}

/* A transfer starts and ends with its sender, and is ready when its last receiver is. */
static uint64_t time_of_transfer(const struct evidence *e, const struct event *ev)
{
	uint64_t last = 0;

	for (size_t i = 0; i < e->n_programs; i++) {
		const struct program_evidence *p = &e->programs[i];
		enum program_role role = ev->kind == EVENT_READY ? ROLE_RECEIVER : ROLE_SENDER;

		if (p->transfer != ev->index || p->role != role)
			continue;

		uint64_t time = time_of_program(p, ev->kind);

		if (time == 0)
			return 0;
		last = time > last ? time : last;
	}
	return last;
}

/* CLOCK_MONOTONIC; 0: it never came. */
static uint64_t time_of(const struct trial *t, const struct event *ev)
{
	if (ev->kind == EVENT_FAULT)
		return ev->index < t->evidence->n_faults ? t->evidence->faults[ev->index].fired_ns
							 : 0;
	if (ev->of_transfer)
		return time_of_transfer(t->evidence, ev);
	return time_of_program(expect_program(t, ev->index), ev->kind);
}

static bool follow_moment(struct course *c, const struct event *ev)
{
	const struct trial *t = c->x->trial;
	uint64_t monotonic_ns = time_of(t, ev);
	uint64_t time_ns = expect_real_ns(t, monotonic_ns);

	if (monotonic_ns == 0) {
		never_came(c, ev, t->cut_short);
		return false;
	}
	if (c->before != NULL && time_ns < c->time_ns) {
		came_too_early(c, ev, time_ns);
		return false;
	}
	c->before = ev;
	c->time_ns = time_ns;
	c->line = 0;
	return true;
}

/* ---- lines ---- */

static bool is_behind(const struct course *c, const struct event *ev, const struct output_line *l)
{
	bool same = c->before != NULL && c->before->kind == EVENT_OUTPUT &&
		    c->before->index == ev->index;

	return c->before == NULL || (same ? l->number > c->line : l->time_ns >= c->time_ns);
}

/* Lines have the time when they were read, which may be a moment after their program has ended. */
static void clamp_time(const struct course *c, const struct event *ev, struct output_line *l)
{
	const struct program_evidence *p = expect_program(c->x->trial, ev->index);
	uint64_t ended_ns;

	if (p == NULL || p->ended_ns == 0 || p->left_behind != 0)
		return;
	ended_ns = expect_real_ns(c->x->trial, p->ended_ns);
	if (l->time_ns > ended_ns)
		l->time_ns = ended_ns;
}

/* 1: *ret_line is the first that is behind; 0: none is, and *ret_line is the last match, if any. */
static int find_behind(const struct course *c, const struct event *ev, struct output *o,
		       struct output_line *ret_line, struct err *e)
{
	cleanup_by(pattern_freep) struct pattern *p = NULL;
	struct output_line line;
	int found;

	if (pattern_new(ev->text, &p, NULL, e) != 0)
		return -1;
	while ((found = output_find(o, p, &line, e)) == 1) {
		clamp_time(c, ev, &line);
		*ret_line = line;
		if (is_behind(c, ev, &line))
			return 1;
	}
	return found;
}

static void no_line_came(const struct course *c, const struct event *ev, const struct output *o,
			 const struct output_line *last)
{
	if (last->number != 0 && !o->has_gap && !c->x->trial->cut_short)
		came_too_early(c, ev, last->time_ns);
	else
		never_came(c, ev, o->has_gap || c->x->trial->cut_short);
	if (last->number != 0)
		c->v->look = text_format("%s:%" PRIu64, o->path, last->number);
	else
		c->v->look = text_dup(o->path);
}

static bool follow_line(struct course *c, const struct event *ev)
{
	const struct program_evidence *p = expect_program(c->x->trial, ev->index);
	cleanup_by(output_done) struct output o = { 0 };
	struct output_line line = { 0 };
	struct err e;
	int found;

	if (p == NULL || output_open(&o, c->x->trial, p, &e) != 0) {
		never_came(c, ev, true);
		return false;
	}
	found = find_behind(c, ev, &o, &line, &e);
	if (found < 0)
		expect_set(c->v, OUTCOME_INCONCLUSIVE, "the expression '%s' cannot be judged: %s",
			   ev->text, e.msg);
	else if (line.number != 0 && line.time_ns == 0)
		expect_set(c->v, OUTCOME_INCONCLUSIVE,
			   "line %" PRIu64 " of %s has no time: nothing can be said of its order",
			   line.number, o.path);
	else if (found == 0)
		no_line_came(c, ev, &o, &line);
	if (found != 1 || line.time_ns == 0)
		return false;
	c->before = ev;
	c->time_ns = line.time_ns;
	c->line = line.number;
	return true;
}

static void add_came(const struct course *c, struct text *came)
{
	cleanup_free char *event = before_text(c);

	text_add(came, "%s%s", came->len != 0 ? "\n" : "", event);
}

void expect_judge_order(const struct expecting *x, struct condition_verdict *v)
{
	struct course c = { .x = x, .v = v };
	struct text came = { 0 };

	for (size_t i = 0; i < x->expectation->n_events; i++) {
		const struct event *ev = &x->expectation->events[i];

		if (!(ev->kind == EVENT_OUTPUT ? follow_line(&c, ev) : follow_moment(&c, ev))) {
			v->nearest = text_take(&came);
			return;
		}
		add_came(&c, &came);
	}
	expect_set(v, OUTCOME_PASS, "this order");
	text_done(&came);
}
