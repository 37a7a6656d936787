#include "report/terminal_pivot.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/figure.h"
#include "report/pivot.h"

static void add_point(struct pivot_point *point, const struct run_verdict *r,
		      const struct samples *of)
{
	cleanup_by(figures_done) struct figures f;

	*point = (struct pivot_point){
		.variables = r->variables,
		.n_variables = r->n_variables,
		.outcome = r->outcome,
	};
	figures_of_run(r, &f);
	for (size_t i = 0; i < f.n; i++)
		if (strcmp(f.f[i].name, of->name) == 0 && strcmp(f.f[i].unit, of->unit) == 0) {
			point->known = true;
			point->value = f.f[i].value;
		}
}

static void print_pivot(const struct terminal *t, const struct samples *of, size_t width)
{
	const struct session *s = t->s;
	cleanup_free struct pivot_point *points = array_new(s->n_runs, sizeof(*points));
	cleanup_free char *name = text_format(
		"%s%s", of->name, s->repeat > 1 ? ", median of the runs that passed" : "");
	const struct pivot p = { name, of->unit, points, s->n_runs };

	for (size_t i = 0; i < s->n_runs; i++)
		add_point(&points[i], &s->runs[i], of);
	if (pivot_count_variables(&p) >= of->pivot_from)
		pivot_print(t->out, &p, width, t->color);
}

void terminal_print_pivots(const struct terminal *t, size_t width)
{
	cleanup_by(samples_done) struct samples_list l = { 0 };

	for (size_t i = 0; i < t->s->n_runs; i++)
		if (t->s->runs[i].outcome == OUTCOME_PASS)
			samples_add_run(&l, &t->s->runs[i]);
	for (size_t i = 0; i < l.n; i++)
		if (l.s[i].pivot_from != 0)
			print_pivot(t, &l.s[i], width);
}
