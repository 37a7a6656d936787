/* metrics: numbers that are read from the output of programs. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/pattern.h"
#include "base/stats.h"
#include "base/text.h"
#include "verify/expect.h"
#include "verify/number.h"
#include "verify/output.h"

/* What was read of one metric. */
struct samples {
	double *values;
	size_t n, room;
	uint64_t last_line;
	char *trouble; /* what was found and is no number, or NULL */
};

/* Groups of an expression that are looked at, the whole match included. */
#define MAX_GROUPS 100

static unsigned value_group(const struct metric *m, const struct pattern *p)
{
	unsigned named = pattern_named(p, "value");

	if (m->take == TAKE_COUNT)
		return 0;
	return named != 0 ? named : 1;
}

static bool add_sample(struct samples *s, const struct metric *m, const struct output_line *l,
		       const struct pattern_span *span)
{
	double value = 0;

	s->last_line = l->number;
	if (span->start == NO_GROUP) {
		s->trouble = text_format("line %" PRIu64 " matches without the number", l->number);
		return false;
	}
	if (m->take != TAKE_COUNT &&
	    !number_parse(l->text + span->start, span->end - span->start, &value)) {
		s->trouble = text_format(
			"'%.*s' in line %" PRIu64 " is no number",
			(int)(span->end - span->start < 80 ? span->end - span->start : 80),
			l->text + span->start, l->number);
		return false;
	}
	*(double *)array_add(&s->values, &s->n, &s->room, sizeof(*s->values)) = value * m->scale;
	return true;
}

/* All matches of one line, one behind the other. */
static int read_line(struct samples *s, const struct metric *m, const struct pattern *p,
		     const struct output_line *l, struct err *e)
{
	struct pattern_span spans[MAX_GROUPS];
	unsigned group = value_group(m, p);
	size_t at = 0;
	int found;

	while (at <= l->len &&
	       (found = pattern_match(p, l->text, l->len, at, spans, group + 1, e)) != 0) {
		if (found < 0)
			return err_prefix(e, "line %" PRIu64, l->number);
		if (!add_sample(s, m, l, &spans[group]))
			return err_set(e, 0, "%s", s->trouble);
		at = spans[0].end > spans[0].start ? spans[0].end : spans[0].end + 1;
	}
	return 0;
}

static int read_output(struct samples *s, const struct metric *m, struct output *o, struct err *e)
{
	cleanup_by(pattern_freep) struct pattern *p = NULL;
	struct output_line line;
	int found;

	if (pattern_new(m->output, &p, NULL, e) != 0)
		return -1;
	if (value_group(m, p) >= MAX_GROUPS)
		return err_set(e, 0, "the value is group %u: more than %d are too many",
			       value_group(m, p), MAX_GROUPS - 1);
	while ((found = output_find(o, p, &line, e)) == 1)
		if (read_line(s, m, p, &line, e) != 0)
			return -1;
	return found;
}

static double sum_of(const struct samples *s)
{
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->values[i];
	return sum;
}

static double take(const struct samples *s, enum metric_take how)
{
	double first = s->values[0], last = s->values[s->n - 1];

	stats_sort(s->values, s->n);
	switch (how) {
	case TAKE_FIRST:
		return first;
	case TAKE_MIN:
		return s->values[0];
	case TAKE_MAX:
		return s->values[s->n - 1];
	case TAKE_SUM:
		return sum_of(s);
	case TAKE_MEAN:
		return stats_mean(s->values, s->n);
	case TAKE_MEDIAN:
		return stats_quantile(s->values, s->n, 0.5);
	case TAKE_LAST:
	case TAKE_COUNT:
	case N_TAKES:
		break;
	}
	return last;
}

static void fail(struct metric_value *v, enum outcome o, char *reason)
{
	v->outcome = o;
	v->reason = reason;
}

/* A value is told also when there may be others that were not kept: it is inconclusive then. */
static void conclude(const struct trial *t, const struct metric *m, const struct output *o,
		     const struct samples *s, struct metric_value *v)
{
	v->samples = s->n;
	v->found = s->n != 0 || m->take == TAKE_COUNT;
	if (m->take == TAKE_COUNT)
		v->value = (double)s->n * m->scale;
	else if (s->n != 0)
		v->value = take(s, m->take);
	if (s->last_line != 0) {
		free(v->look);
		v->look = text_format("%s:%" PRIu64, o->path, s->last_line);
	}
	if (o->has_gap)
		fail(v, OUTCOME_INCONCLUSIVE,
		     text_dup("the middle of the output was not kept: there may be others"));
	else if (!v->found)
		fail(v, t->cut_short ? OUTCOME_INCONCLUSIVE : OUTCOME_FAIL,
		     text_format("'%s' is on no line of %" PRIu64, m->output, o->number));
}

static void judge_metric(const struct trial *t, const struct metric *m, struct metric_value *v)
{
	const struct program_evidence *p = expect_program(t, m->program);
	cleanup_by(output_done) struct output o = { 0 };
	struct samples s = { 0 };
	struct err e;

	v->name = text_dup(m->name);
	v->unit = m->unit != NULL ? text_dup(m->unit) : NULL;
	v->node = text_dup(t->topology->nodes[t->topology->commands[m->program].node].name);
	if (p == NULL || p->state == PROGRAM_NEW) {
		fail(v, p != NULL && p->error[0] != '\0' ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE,
		     text_dup("its program was never started"));
		return;
	}
	if (output_open(&o, t, p, &e) != 0) {
		fail(v, OUTCOME_INCONCLUSIVE, text_format("its log cannot be read: %s", e.msg));
		return;
	}
	v->look = text_dup(o.path);
	if (read_output(&s, m, &o, &e) == 0)
		conclude(t, m, &o, &s, v);
	else
		fail(v, s.trouble != NULL ? OUTCOME_FAIL : OUTCOME_INCONCLUSIVE,
		     text_format("cannot be read: %s", e.msg));
	free(s.values);
	free(s.trouble);
}

void metrics_judge(struct trial *t)
{
	struct run_verdict *v = t->verdict;

	v->n_metrics = t->topology->n_metrics;
	v->metrics = array_new(v->n_metrics, sizeof(*v->metrics));
	for (size_t i = 0; i < v->n_metrics; i++)
		judge_metric(t, &t->topology->metrics[i], &v->metrics[i]);
}
