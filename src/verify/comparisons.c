#include "verify/comparisons.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "verify/expect.h"
#include "verify/number.h"

static bool holds(double low, double high, bool included, double value)
{
	return included ? value >= low && value <= high : value > low && value < high;
}

/* "94.3 Mbit/s" (free) */
static char *value_text(const struct metric_value *m)
{
	char buf[NUMBER_TEXT_LEN];

	return text_format("%s%s%s", number_format(buf, m->value), m->unit != NULL ? " " : "",
			   m->unit != NULL ? m->unit : "");
}

/* ---- within a run ---- */

static struct comparison *comparison_of(const struct expecting *x, const struct condition *c)
{
	const struct expectation *e = x->expectation;
	struct comparison *w = array_new(1, sizeof(*w));

	*w = (struct comparison){
		.metric = text_dup(x->trial->topology->metrics[e->metric].name),
		.of = array_new(e->n_of, sizeof(*w->of)),
		.n_of = e->n_of,
		.low = c->low,
		.high = c->high,
		.included = c->included,
	};
	for (size_t i = 0; i < e->n_of; i++) {
		w->of[i].name = text_dup(e->of[i].name);
		w->of[i].value = text_dup(e->of[i].value);
	}
	return w;
}

void expect_judge_metric(const struct expecting *x, const struct condition *c,
			 struct condition_verdict *v)
{
	const struct metric_value *m = &x->trial->verdict->metrics[x->expectation->metric];
	cleanup_free char *value = value_text(m);

	if (m->look != NULL)
		v->look = text_dup(m->look);
	if (!m->found)
		expect_set(v, m->outcome, "no value: %s", m->reason);
	else if (m->outcome != OUTCOME_PASS)
		expect_set(v, m->outcome, "%s, but %s", value, m->reason);
	else if (x->expectation->n_of == 0)
		expect_set(v,
			   holds(c->low, c->high, c->included, m->value) ? OUTCOME_PASS
									 : OUTCOME_FAIL,
			   "%s", value);
	else {
		expect_set(v, OUTCOME_SKIP, "%s, to be compared", value);
		x->verdict->awaits = comparison_of(x, c);
	}
}

/* ---- between runs ---- */

static const char *variable_of(const struct variable *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].name, name) == 0)
			return v[i].value;
	return NULL;
}

/* The value of a variable in the run that this one is compared with. */
static const char *wanted_value(const struct comparison *w, const struct variable *mine)
{
	for (size_t i = 0; i < w->n_of; i++)
		if (strcmp(w->of[i].name, mine->name) == 0)
			return w->of[i].value;
	return mine->value;
}

/* Whether a run with these variables is the one that this one is compared with. */
static bool is_meant(const struct comparison *w, const struct run_verdict *mine,
		     const struct variable *variables, size_t n)
{
	for (size_t i = 0; i < mine->n_variables; i++) {
		const char *value = variable_of(variables, n, mine->variables[i].name);

		if (value == NULL || strcmp(value, wanted_value(w, &mine->variables[i])) != 0)
			return false;
	}
	return true;
}

/* Runs are judged in any order; those that are not yet have no variables. */
static const struct run_verdict *find_run(const struct session *s, const struct comparison *w,
					  const struct run_verdict *mine)
{
	for (size_t i = 0; i < s->n_planned; i++) {
		const struct run_verdict *r = &s->runs[i];

		if ((s->repeat == 0 || r->seed == mine->seed) &&
		    is_meant(w, mine, r->variables, r->n_variables))
			return r;
	}
	return NULL;
}

static bool is_planned(const struct plan *p, const struct comparison *w,
		       const struct run_verdict *mine)
{
	for (size_t i = 0; i < p->n_runs; i++)
		if (is_meant(w, mine, p->runs[i].variables, p->runs[i].n_variables))
			return true;
	return false;
}

bool comparisons_pending(const struct session *s, const struct plan *plan,
			 const struct run_verdict *r)
{
	for (size_t i = 0; i < r->n_expectations; i++) {
		const struct comparison *w = r->expectations[i].awaits;

		if (w != NULL && find_run(s, w, r) == NULL && is_planned(plan, w, r))
			return true;
	}
	return false;
}

/* Nothing is more than nothing by no factor: of 0 only 0 is 100%, and all else is without end. */
static double ratio_of(double value, double other)
{
	if (fpclassify(other) != FP_ZERO)
		return value / other;
	return fpclassify(value) == FP_ZERO ? 1 : copysign(INFINITY, value);
}

static void compare(const struct comparison *w, const struct metric_value *mine,
		    const struct run_verdict *other, struct condition_verdict *v)
{
	const struct metric_value *m = run_verdict_metric(other, w->metric);
	char percent[NUMBER_TEXT_LEN];

	if (m == NULL || !m->found || m->outcome != OUTCOME_PASS) {
		expect_set(v, OUTCOME_INCONCLUSIVE, "no good value in %s to compare with",
			   other->label);
		return;
	}

	cleanup_free char *value = value_text(mine), *its = value_text(m);
	double ratio = ratio_of(mine->value, m->value);

	expect_set(v, holds(w->low, w->high, w->included, ratio) ? OUTCOME_PASS : OUTCOME_FAIL,
		   "%s, %s%% of the %s of %s", value, number_format(percent, ratio * 100), its,
		   other->label);
}

static void no_run(bool planned, struct condition_verdict *v)
{
	expect_set(v, planned ? OUTCOME_INCONCLUSIVE : OUTCOME_SKIP, "the run to compare with %s",
		   planned ? "was not made" : "was left out");
}

static void judge_awaiting(const struct session *s, const struct plan *plan,
			   const struct run_verdict *r, struct expectation_verdict *x)
{
	struct condition_verdict *v = &x->conditions[0];
	const struct run_verdict *other = find_run(s, x->awaits, r);

	if (other == NULL)
		no_run(is_planned(plan, x->awaits, r), v);
	else if (other == r)
		expect_set(v, OUTCOME_SKIP, "this is the run that others are compared with");
	else
		compare(x->awaits, run_verdict_metric(r, x->awaits->metric), other, v);
	x->awaits->judged = true;
	free(x->reason);
	x->reason = NULL;
	x->outcome = v->outcome;
	if (v->outcome != OUTCOME_PASS)
		x->reason = text_format("%s: expected %s; found: %s", x->subject, v->expected,
					v->found);
}

/* Failures come before what was only inconclusive. */
static void add_reason(struct run_verdict *r, const struct expectation_verdict *x)
{
	run_verdict_reason(r, text_format("expect %s: %s", x->name, x->reason));
	if (outcome_worse(r->outcome, x->outcome) == r->outcome)
		return;

	char *first = r->reasons[r->n_reasons - 1];

	memmove(r->reasons + 1, r->reasons, (r->n_reasons - 1) * sizeof(*r->reasons));
	r->reasons[0] = first;
}

void comparisons_judge(struct session *s, const struct plan *plan, struct run_verdict *r)
{
	for (size_t i = 0; i < r->n_expectations; i++) {
		struct expectation_verdict *x = &r->expectations[i];

		if (x->awaits == NULL || x->awaits->judged)
			continue;
		judge_awaiting(s, plan, r, x);
		if (x->outcome > OUTCOME_SKIP)
			add_reason(r, x);
		r->outcome = outcome_worse(r->outcome, x->outcome);
	}
	s->outcome = outcome_worse(s->outcome, r->outcome);
}
