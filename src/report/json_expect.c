#include "report/json_expect.h"

#include <math.h>

#include "report/json_value.h"

static json_t *metric_of(const struct metric_value *m)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(m->name));
	json_set(o, "unit", json_string_of(m->unit));
	json_set(o, "node", json_string_of(m->node));
	json_set(o, "outcome", json_string(outcome_name(m->outcome)));
	json_set(o, "reason", json_string_of(m->reason));
	json_set(o, "value", m->found && isfinite(m->value) ? json_real(m->value) : json_null());
	json_set(o, "samples", json_count_of(m->samples));
	json_set(o, "look", json_string_of(m->look));
	return o;
}

json_t *json_metrics_of(const struct run_verdict *r)
{
	json_t *array = json_checked(json_array());

	for (size_t i = 0; i < r->n_metrics; i++)
		json_append(array, metric_of(&r->metrics[i]));
	return array;
}

static json_t *condition_of(const struct condition_verdict *c)
{
	json_t *o = json_checked(json_object());

	json_set(o, "outcome", json_string(outcome_name(c->outcome)));
	json_set(o, "expected", json_string_of(c->expected));
	json_set(o, "found", json_string_of(c->found));
	json_set(o, "nearest", json_string_of(c->nearest));
	json_set(o, "look", json_string_of(c->look));
	return o;
}

static json_t *expectation_of(const struct expectation_verdict *x)
{
	json_t *o = json_checked(json_object());
	json_t *conditions = json_checked(json_array());

	for (size_t i = 0; i < x->n_conditions; i++)
		json_append(conditions, condition_of(&x->conditions[i]));
	json_set(o, "name", json_string_of(x->name));
	json_set(o, "subject", json_string_of(x->subject));
	json_set(o, "node", json_string_of(x->node));
	json_set(o, "outcome", json_string(outcome_name(x->outcome)));
	json_set(o, "reason", json_string_of(x->reason));
	json_set(o, "conditions", conditions);
	return o;
}

json_t *json_expectations_of(const struct run_verdict *r)
{
	json_t *array = json_checked(json_array());

	for (size_t i = 0; i < r->n_expectations; i++)
		json_append(array, expectation_of(&r->expectations[i]));
	return array;
}
