#include "report/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/render.h"

/* ---- of one run ---- */

static void add(struct figures *f, const char *name, const char *unit, double value,
		size_t pivot_from)
{
	struct figure *new;

	/* JSON has no word for others, and no table a place. */
	if (!isfinite(value))
		return;
	new = array_add(&f->f, &f->n, &f->room, sizeof(*new));
	*new = (struct figure){ name, unit, value, pivot_from };
}

void figures_of_run(const struct run_verdict *r, struct figures *ret_figures)
{
	*ret_figures = (struct figures){ 0 };
	for (size_t i = 0; i < r->n_metrics; i++)
		if (r->metrics[i].found)
			add(ret_figures, r->metrics[i].name, render_text(r->metrics[i].unit),
			    r->metrics[i].value, 2);
	if (r->time_ns == 0)
		return;
	add(ret_figures, "time", "ns", (double)r->time_ns, 0);
	/* It says the same as the time, in a unit that can be compared between sizes. */
	if (r->bytes != 0)
		add(ret_figures, "goodput", "bit/s", (double)r->bytes * 8e9 / (double)r->time_ns,
		    2);
}

void figures_done(struct figures *f)
{
	free(f->f);
}

/* ---- of many ---- */

static struct samples *find(struct samples_list *l, const struct figure *f)
{
	struct samples *new;

	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->s[i].name, f->name) == 0 && strcmp(l->s[i].unit, f->unit) == 0)
			return &l->s[i];
	new = array_add(&l->s, &l->n, &l->room, sizeof(*new));
	new->name = f->name;
	new->unit = f->unit;
	new->pivot_from = f->pivot_from;
	return new;
}

void samples_add_run(struct samples_list *l, const struct run_verdict *r)
{
	cleanup_by(figures_done) struct figures f;

	figures_of_run(r, &f);
	for (size_t i = 0; i < f.n; i++) {
		struct samples *s = find(l, &f.f[i]);

		*(double *)array_add(&s->values, &s->n, &s->room, sizeof(double)) = f.f[i].value;
	}
}

void samples_done(struct samples_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->s[i].values);
	free(l->s);
	*l = (struct samples_list){ 0 };
}

/* ---- as people read them ---- */

char *figure_format(char buf[FIGURE_TEXT_LEN], const char *unit, double value)
{
	/* What the functions of text.h take: whole numbers, which these units are large enough for. */
	bool whole = value >= 0 && value < 1e18;

	if (whole && strcmp(unit, "ns") == 0)
		text_duration(buf, (uint64_t)value);
	else if (whole && strcmp(unit, "bit/s") == 0)
		/* So many bytes in 8 seconds. */
		text_rate(buf, (uint64_t)value, UINT64_C(8000000000));
	else if (whole && strcmp(unit, "B") == 0)
		text_bytes(buf, (uint64_t)value);
	else if (fabs(value) >= 1000 && fabs(value) < 1e15)
		snprintf(buf, FIGURE_TEXT_LEN, "%.0f%s%.24s", value, unit[0] != '\0' ? " " : "",
			 unit);
	else
		snprintf(buf, FIGURE_TEXT_LEN, "%.4g%s%.24s", value, unit[0] != '\0' ? " " : "",
			 unit);
	return buf;
}
