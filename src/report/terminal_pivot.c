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

/* More figures than this are columns of one table. */
#define MAX_PIVOTS 3

static struct pivot_point *points_of(const struct session *s, const struct samples *of)
{
	struct pivot_point *points = array_new(s->n_runs, sizeof(*points));

	for (size_t i = 0; i < s->n_runs; i++)
		add_point(&points[i], &s->runs[i], of);
	return points;
}

static void print_pivot(const struct terminal *t, const struct samples *of, size_t width)
{
	const struct session *s = t->s;
	cleanup_free struct pivot_point *points = points_of(s, of);
	cleanup_free char *name = text_format(
		"%s%s", of->name, s->repeat > 1 ? ", median of the runs that passed" : "");
	const struct pivot p = { name, of->unit, points, s->n_runs };

	if (pivot_count_variables(&p) >= of->pivot_from)
		pivot_print(t->out, &p, width, t->color);
}

/* Of runs that passed, those that tables are made of: ret is as long as l. */
static size_t choose(const struct samples_list *l, const struct samples **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->s[i].pivot_from != 0)
			ret[n++] = &l->s[i];
	return n;
}

static void add_samples(const struct session *s, struct samples_list *l)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].outcome == OUTCOME_PASS)
			samples_add_run(l, &s->runs[i]);
}

static bool are_sheets(const struct session *s, const struct samples *const *chosen, size_t n)
{
	cleanup_free struct pivot_point *points = n > MAX_PIVOTS ? points_of(s, chosen[0]) : NULL;
	const struct pivot p = { "", "", points, s->n_runs };

	return n > MAX_PIVOTS && pivot_count_variables(&p) >= chosen[0]->pivot_from;
}

static void print_sheets(const struct terminal *t, const struct samples *const *chosen, size_t n,
			 size_t width)
{
	cleanup_free struct pivot *figures = array_new(n, sizeof(*figures));
	cleanup_free struct pivot_point **points = array_new(n, sizeof(*points));

	for (size_t i = 0; i < n; i++) {
		points[i] = points_of(t->s, chosen[i]);
		figures[i] = (struct pivot){ chosen[i]->name, chosen[i]->unit, points[i],
					     t->s->n_runs };
	}
	if (t->s->repeat > 1)
		fputs("  Medians of the runs that passed.\n\n", t->out);
	pivot_print_sheets(t->out, figures, n, width, t->color);
	for (size_t i = 0; i < n; i++)
		free(points[i]);
}

bool terminal_has_sheets(const struct terminal *t)
{
	cleanup_by(samples_done) struct samples_list l = { 0 };

	add_samples(t->s, &l);

	cleanup_free const struct samples **chosen = array_new(l.n, sizeof(*chosen));

	return are_sheets(t->s, chosen, choose(&l, chosen));
}

void terminal_print_pivots(const struct terminal *t, size_t width)
{
	cleanup_by(samples_done) struct samples_list l = { 0 };

	add_samples(t->s, &l);

	cleanup_free const struct samples **chosen = array_new(l.n, sizeof(*chosen));
	size_t n = choose(&l, chosen);

	if (are_sheets(t->s, chosen, n)) {
		print_sheets(t, chosen, n, width);
		return;
	}
	for (size_t i = 0; i < n; i++)
		print_pivot(t, chosen[i], width);
}
