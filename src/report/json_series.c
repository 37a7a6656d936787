/* The part of report.json on repeated runs: one object per combination. */
#include "report/json_series.h"

#include "report/series.h"

static json_t *interval_of(const struct series *x)
{
	json_t *o = json_checked(json_object());

	json_set(o, "method", json_string("clopper-pearson"));
	json_set(o, "confidence", json_real(SERIES_CONFIDENCE));
	json_set(o, "low", json_real(x->failing.low));
	json_set(o, "high", json_real(x->failing.high));
	return o;
}

static json_t *spread_named(const struct series *x, const char *name)
{
	const struct spread spread = series_spread(x, name), *s = &spread;

	if (s->n == 0)
		return json_null();

	json_t *o = json_checked(json_object());

	json_set(o, "runs", json_count_of(s->n));
	json_set(o, "least", json_count_of((uint64_t)s->least));
	json_set(o, "quarter", json_count_of((uint64_t)s->quarter));
	json_set(o, "median", json_count_of((uint64_t)s->median));
	json_set(o, "three_quarters", json_count_of((uint64_t)s->three_quarters));
	json_set(o, "most", json_count_of((uint64_t)s->most));
	return o;
}

/* Any of them may be a fraction or negative. */
static json_t *figure_of(const struct samples *samples, const struct spread *s)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(samples->name));
	json_set(o, "unit", json_string_of(samples->unit));
	json_set(o, "runs", json_count_of(s->n));
	json_set(o, "least", json_real(s->least));
	json_set(o, "quarter", json_real(s->quarter));
	json_set(o, "median", json_real(s->median));
	json_set(o, "three_quarters", json_real(s->three_quarters));
	json_set(o, "most", json_real(s->most));
	return o;
}

static json_t *figures_of(const struct series *x)
{
	json_t *array = json_checked(json_array());

	for (size_t i = 0; i < x->samples.n; i++)
		json_append(array, figure_of(&x->samples.s[i], &x->spreads[i]));
	return array;
}

static json_t *one(const struct series *x)
{
	json_t *o = json_checked(json_object());

	json_set(o, "combination", json_string_of(x->runs->combination));
	json_set(o, "runs", json_count_of(x->n_runs));
	json_set(o, "passed", json_count_of(x->counts[OUTCOME_PASS]));
	json_set(o, "failed", json_count_of(x->counts[OUTCOME_FAIL]));
	json_set(o, "inconclusive", json_count_of(x->counts[OUTCOME_INCONCLUSIVE]));
	json_set(o, "failure_probability", interval_of(x));
	json_set(o, "time_ns", spread_named(x, "time"));
	json_set(o, "goodput_bits_per_second", spread_named(x, "goodput"));
	json_set(o, "figures", figures_of(x));
	json_set(o, "first_not_passed",
		 json_string_of(x->example != NULL ? x->example->label : NULL));
	json_set(o, "command", json_string_of(x->example != NULL ? x->example->command : NULL));
	return o;
}

json_t *json_series_of(const struct session *s)
{
	json_t *array = json_checked(json_array());
	struct series x;

	for (size_t i = 0; s->repeat != 0 && i < s->n_runs; i += x.n_runs) {
		series_of(s, i, &x);
		json_append(array, one(&x));
		series_done(&x);
	}
	return array;
}
