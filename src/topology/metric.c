/* The metrics of a topology file: numbers that are read from the output of programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/pattern.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/names.h"

const char *const metric_take_names[N_TAKES] = {
	[TAKE_LAST] = "last",	  [TAKE_FIRST] = "first", [TAKE_MIN] = "min",
	[TAKE_MAX] = "max",	  [TAKE_SUM] = "sum",	  [TAKE_MEAN] = "mean",
	[TAKE_MEDIAN] = "median", [TAKE_COUNT] = "count",
};

void metric_done(struct metric *m)
{
	free(m->name);
	free(m->output);
	free(m->unit);
}

static void set_program(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	((struct metric *)object)->program = build_find_command(b, &values[0]);
}

static void set_output(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	if (build_check_pattern(b, &values[0]))
		((struct metric *)object)->output = text_dup(values[0].text);
}

static void set_unit(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)b;
	(void)n;
	((struct metric *)object)->unit = text_dup(values[0].text);
}

static void set_take(struct builder *b, void *object, const struct value *values, size_t n)
{
	int take = build_choose(b, &values[0], metric_take_names, N_TAKES);

	(void)n;
	if (take >= 0)
		((struct metric *)object)->take = (enum metric_take)take;
}

static void set_scale(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct metric *m = object;

	(void)n;
	if (!build_number(values[0].text, &m->scale) || fpclassify(m->scale) == FP_ZERO)
		build_refuse(b, &values[0], "is no factor: write 8, 0.001 or 1e-6");
}

bool build_number(const char *text, double *ret)
{
	char *end;
	double number;

	if (text[strspn(text, "+-.0123456789eE")] != '\0')
		return false;
	number = strtod(text, &end);
	if (end == text || *end != '\0' || !isfinite(number))
		return false;
	*ret = number;
	return true;
}

static void *begin_metric(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct metric *m = &t->metrics[t->n_metrics];
	struct err why;

	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "metric '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < t->n_metrics; i++)
		if (strcmp(t->metrics[i].name, s->title) == 0)
			problem_add(b->problems, s->at,
				    "metric '%s' is there twice (first in line %d)", s->title,
				    t->metrics[i].line);
	*m = (struct metric){ .name = text_dup(s->title),
			      .program = NOT_RESOLVED,
			      .scale = 1,
			      .line = build_line(b, s->at) };
	t->n_metrics++;
	return m;
}

/* Matches are counted without looking into them. */
static void end_metric(struct builder *b, void *object, const struct section *s)
{
	const struct metric *m = object;
	cleanup_by(pattern_freep) struct pattern *p = NULL;
	struct err e;

	if (m->output == NULL || m->take == TAKE_COUNT || pattern_new(m->output, &p, NULL, &e) != 0)
		return;
	if (pattern_groups(p) == 0)
		build_complain(b, s, "output",
			       "output '%s' has no group: put the number in parentheses, as in "
			       "'rate: ([0-9.]+)'",
			       m->output);
	else if (pattern_groups(p) > 1 && pattern_named(p, "value") == 0)
		build_complain(b, s, "output",
			       "output '%s' has %u groups: name the number's, as in "
			       "'(?<value>[0-9.]+)', or write (?: ) for the others",
			       m->output, pattern_groups(p));
}

static const struct key metric_keys[] = {
	{ "program", false, true, set_program }, { "output", false, true, set_output },
	{ "unit", false, false, set_unit },	 { "take", false, false, set_take },
	{ "scale", false, false, set_scale },
};

const struct section_kind grammar_metric = {
	.name = "metric",
	.named = true,
	.phase = PHASE_FAULTS,
	.keys = metric_keys,
	.n_keys = N_ELEMENTS(metric_keys),
	.begin = begin_metric,
	.end = end_metric,
};
