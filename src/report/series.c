#include "report/series.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "report/render.h"

struct spread spread_of(struct samples *s)
{
	if (s->n == 0)
		return (struct spread){ 0 };
	stats_sort(s->values, s->n);
	return (struct spread){
		.n = s->n,
		.least = s->values[0],
		.quarter = stats_quantile(s->values, s->n, 0.25),
		.median = stats_quantile(s->values, s->n, 0.5),
		.three_quarters = stats_quantile(s->values, s->n, 0.75),
		.most = s->values[s->n - 1],
	};
}

struct spread series_spread(const struct series *x, const char *name)
{
	for (size_t i = 0; i < x->samples.n; i++)
		if (strcmp(x->samples.s[i].name, name) == 0)
			return x->spreads[i];
	return (struct spread){ 0 };
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
		if (s->runs[i].outcome == OUTCOME_PASS)
			samples_add_run(&x->samples, &s->runs[i]);
	}
	x->failing = stats_binomial(x->counts[OUTCOME_FAIL], series_conclusive(x),
				    SERIES_CONFIDENCE);
	x->example = first_of(x, OUTCOME_FAIL);
	if (x->example == NULL)
		x->example = first_of(x, OUTCOME_INCONCLUSIVE);
	x->spreads = array_new(x->samples.n, sizeof(*x->spreads));
	for (size_t i = 0; i < x->samples.n; i++)
		x->spreads[i] = spread_of(&x->samples.s[i]);
}

void series_done(struct series *x)
{
	samples_done(&x->samples);
	free(x->spreads);
	x->spreads = NULL;
}
