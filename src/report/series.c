#include "report/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "report/render.h"

static double time_of(const struct run_verdict *r)
{
	return (double)r->time_ns;
}

static double goodput_of(const struct run_verdict *r)
{
	return r->time_ns != 0 ? (double)r->bytes * 8e9 / (double)r->time_ns : 0;
}

/* Of the runs that passed: how long the others took has other reasons. */
static struct spread spread_of(const struct series *x, double (*value)(const struct run_verdict *))
{
	cleanup_free double *v = array_new(x->n_runs, sizeof(*v));
	struct spread s = { 0 };

	for (size_t i = 0; i < x->n_runs; i++)
		if (x->runs[i].outcome == OUTCOME_PASS && value(&x->runs[i]) > 0)
			v[s.n++] = value(&x->runs[i]);
	if (s.n == 0)
		return s;
	stats_sort(v, s.n);
	s.least = v[0];
	s.quarter = stats_quantile(v, s.n, 0.25);
	s.median = stats_quantile(v, s.n, 0.5);
	s.three_quarters = stats_quantile(v, s.n, 0.75);
	s.most = v[s.n - 1];
	return s;
}

static const struct run_verdict *first_of(const struct series *x, enum outcome o)
{
	for (size_t i = 0; i < x->n_runs; i++)
		if (x->runs[i].outcome == o)
			return &x->runs[i];
	return NULL;
}

static bool belongs(const struct run_verdict *r, const struct run_verdict *first)
{
	return strcmp(render_text(r->combination), render_text(first->combination)) == 0;
}

size_t series_conclusive(const struct series *x)
{
	return x->counts[OUTCOME_PASS] + x->counts[OUTCOME_FAIL];
}

void series_of(const struct session *s, size_t first, struct series *ret_series)
{
	struct series *x = ret_series;

	*x = (struct series){ .runs = &s->runs[first] };
	for (size_t i = first; i < s->n_runs && belongs(&s->runs[i], x->runs); i++) {
		x->counts[s->runs[i].outcome]++;
		x->n_runs++;
	}
	x->failing = stats_binomial(x->counts[OUTCOME_FAIL], series_conclusive(x),
				    SERIES_CONFIDENCE);
	x->example = first_of(x, OUTCOME_FAIL);
	if (x->example == NULL)
		x->example = first_of(x, OUTCOME_INCONCLUSIVE);
	x->time_ns = spread_of(x, time_of);
	x->goodput_bps = spread_of(x, goodput_of);
}
