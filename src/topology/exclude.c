/* The exclude blocks of a topology file: combinations of `vary` values that are not run. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "topology/matrix.h"

#define NOWHERE SIZE_MAX

/* ---- reading ---- */

static size_t find_dimension(const struct matrix *m, const struct section *s,
			     struct problem_list *problems)
{
	struct nearest near = { .word = s->title };
	struct text all = { 0 };

	for (size_t i = 0; i < m->n; i++) {
		if (strcmp(m->dimensions[i].name, s->title) == 0) {
			text_done(&all);
			return i;
		}
		nearest_consider(&near, m->dimensions[i].name);
		text_add(&all, "%s%s", i != 0 ? ", " : "", m->dimensions[i].name);
	}
	if (m->n == 0)
		problem_add(problems, s->at, "exclude: there is no vary '%s', nor any other",
			    s->title);
	else
		problem_add(problems, s->at, "exclude: there is no vary '%s', but: %s%s", s->title,
			    text_str(&all), nearest_hint(&near));
	text_done(&all);
	return NOWHERE;
}

/* Index of the value, NOWHERE when it is none, which is reported. */
static size_t find_value(const struct dimension *dim, const struct value *v,
			 struct problem_list *problems)
{
	struct nearest near = { .word = v->text };
	struct text all = { 0 };

	for (size_t i = 0; i < dim->n_values; i++) {
		if (strcmp(dim->values[i], v->text) == 0) {
			text_done(&all);
			return i;
		}
		nearest_consider(&near, dim->values[i]);
		text_add(&all, "%s%s", i != 0 ? ", " : "", dim->values[i]);
	}
	problem_add(problems, v->at, "exclude: '%s' is no value of vary '%s', which has %s%s",
		    v->text, dim->name, text_str(&all), nearest_hint(&near));
	text_done(&all);
	return NOWHERE;
}

static void name_value(struct exclusion *x, struct match *match, const struct dimension *dim,
		       const struct value *v, struct problem_list *problems)
{
	size_t i = find_value(dim, v, problems);

	if (i == NOWHERE) {
		x->broken = true;
		return;
	}
	if (match->named[i]) {
		problem_add(problems, v->at, "exclude: '%s' is given twice", v->text);
		x->broken = true;
	}
	match->named[i] = true;
}

static bool is_matched(const struct exclusion *x, size_t dimension)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->matches[i].dimension == dimension)
			return true;
	return false;
}

static void add_match(const struct matrix *m, struct exclusion *x, const struct section *s,
		      struct problem_list *problems)
{
	const struct entry *e = section_entry(s, "values");
	size_t dimension = find_dimension(m, s, problems);

	/* An empty list was reported; of a variable without values nothing can be said. */
	if (dimension == NOWHERE || e == NULL || e->n == 0 || m->dimensions[dimension].broken) {
		x->broken = true;
		return;
	}
	if (is_matched(x, dimension)) {
		problem_add(problems, s->at, "exclude: %s is given twice", s->title);
		x->broken = true;
		return;
	}

	const struct dimension *dim = &m->dimensions[dimension];
	struct match *match = &x->matches[x->n++];

	match->dimension = dimension;
	match->named = array_new(dim->n_values, sizeof(*match->named));
	for (size_t i = 0; i < e->n; i++)
		name_value(x, match, dim, &e->values[i], problems);
}

static void read_exclusion(const struct matrix *m, struct exclusion *x, const struct document *d,
			   size_t self, struct problem_list *problems)
{
	size_t n = 0;

	x->at = d->sections[self].at;
	for (size_t i = self + 1; i < d->n; i++)
		n += d->sections[i].parent == self;
	x->matches = array_new(n, sizeof(*x->matches));
	for (size_t i = self + 1; i < d->n; i++)
		if (d->sections[i].parent == self)
			add_match(m, x, &d->sections[i], problems);
	if (n > 0)
		return;
	x->broken = true;
	problem_add(problems, x->at,
		    "exclude names no variable, as in exclude { mode = sequential }");
}

void matrix_read_exclusions(struct matrix *m, const struct document *d,
			    struct problem_list *problems)
{
	m->exclusions = array_new(d->n, sizeof(*m->exclusions));
	for (size_t i = 0; i < d->n; i++)
		if (d->sections[i].kind == &grammar_exclude)
			read_exclusion(m, &m->exclusions[m->n_exclusions++], d, i, problems);
}

void matrix_free_exclusions(struct matrix *m)
{
	for (size_t i = 0; i < m->n_exclusions; i++) {
		for (size_t k = 0; k < m->exclusions[i].n; k++)
			free(m->exclusions[i].matches[k].named);
		free(m->exclusions[i].matches);
	}
	free(m->exclusions);
}

/* ---- choosing ---- */

static bool holds(const struct matrix *m, const struct exclusion *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct match *match = &x->matches[i];

		if (!match->named[m->dimensions[match->dimension].chosen])
			return false;
	}
	return !x->broken;
}

bool matrix_excludes(struct matrix *m)
{
	for (size_t i = 0; i < m->n_exclusions; i++)
		if (holds(m, &m->exclusions[i])) {
			m->exclusions[i].n_runs++;
			return true;
		}
	return false;
}

void matrix_report_exclusions(const struct matrix *m, struct problem_list *problems)
{
	size_t n_excluded = 0;

	for (size_t i = 0; m->complete && i < m->n_exclusions; i++) {
		const struct exclusion *x = &m->exclusions[i];

		n_excluded += x->n_runs;
		if (!x->broken && x->n_runs == 0)
			problem_add(problems, x->at,
				    "exclude: those above it exclude all of this already");
	}
	if (n_excluded > 0 && n_excluded == m->n_runs)
		problem_add(problems, m->exclusions[m->n_exclusions - 1].at,
			    "exclude: nothing is left to run, as each of the %zu combinations is "
			    "excluded",
			    m->n_runs);
}
