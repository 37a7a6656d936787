#include "report/pivot.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/render.h"
#include "report/series.h"
#include "report/table.h"

#define NONE SIZE_MAX

/* ---- which variables, and which values they have ---- */

static const char *value_of(const struct pivot_point *point, size_t variable)
{
	return render_text(point->variables[variable].value);
}

static bool same(const struct pivot_point *a, const struct pivot_point *b, size_t variable)
{
	return strcmp(value_of(a, variable), value_of(b, variable)) == 0;
}

static bool varies(const struct pivot *p, size_t variable)
{
	for (size_t i = 1; i < p->n; i++)
		if (!same(&p->points[i], &p->points[0], variable))
			return true;
	return false;
}

static size_t n_variables(const struct pivot *p)
{
	return p->n != 0 ? p->points[0].n_variables : 0;
}

size_t pivot_count_variables(const struct pivot *p)
{
	size_t n = 0;

	for (size_t i = 0; i < n_variables(p); i++)
		n += varies(p, i);
	return n;
}

/* The last one in front of `before` that varies, or NONE. */
static size_t last_varying(const struct pivot *p, size_t before)
{
	while (before-- > 0)
		if (varies(p, before))
			return before;
	return NONE;
}

/* Points that stand for the values of a variable, each value once, as they come first. */
struct axis {
	size_t variable; /* NONE: one value, that of all */
	const struct pivot_point **points;
	size_t n;
};

static void axis_done(struct axis *a)
{
	free(a->points);
}

static void axis_init(struct axis *a, const struct pivot *p, size_t variable)
{
	*a = (struct axis){ variable, array_new(p->n, sizeof(*a->points)), 0 };
	for (size_t i = 0; i < p->n; i++) {
		size_t k = 0;

		while (k < a->n && variable != NONE && !same(a->points[k], &p->points[i], variable))
			k++;
		if (k == a->n)
			a->points[a->n++] = &p->points[i];
		if (variable == NONE)
			return;
	}
}

static bool is_at(const struct axis *a, size_t i, const struct pivot_point *point)
{
	return a->variable == NONE || same(a->points[i], point, a->variable);
}

/* ---- one table ---- */

struct section {
	const struct pivot *p;
	struct axis rows, columns;
	const struct pivot_point *first; /* what it has in common: the variables of no axis */
};

static bool is_in_section(const struct section *s, const struct pivot_point *point)
{
	for (size_t i = 0; i < point->n_variables; i++)
		if (i != s->rows.variable && i != s->columns.variable && !same(point, s->first, i))
			return false;
	return true;
}

/* The runs of one cell. */
struct cell {
	size_t n, n_passed;
	enum outcome worst;
	struct samples samples;
};

static void collect(const struct section *s, size_t row, size_t column, struct cell *c)
{
	for (size_t i = 0; i < s->p->n; i++) {
		const struct pivot_point *point = &s->p->points[i];

		if (!is_at(&s->rows, row, point) || !is_at(&s->columns, column, point) ||
		    !is_in_section(s, point))
			continue;
		c->worst = c->n++ == 0 ? point->outcome : outcome_worse(c->worst, point->outcome);
		if (point->outcome != OUTCOME_PASS)
			continue;
		c->n_passed++;
		if (point->known)
			*(double *)array_add(&c->samples.values, &c->samples.n, &c->samples.room,
					     sizeof(double)) = point->value;
	}
}

static void add_cell(struct table *table, const struct section *s, size_t row, size_t column)
{
	struct cell c = { 0 };
	char buf[FIGURE_TEXT_LEN];

	collect(s, row, column, &c);

	const char *color = c.n > c.n_passed ? render_color(c.worst) : NULL;

	if (c.n == 0)
		table_add(table, NULL, " "); /* excluded, or not run */
	else if (c.n_passed == 0)
		table_add(table, color, "%s %s", render_symbol(c.worst), render_word(c.worst));
	else if (c.samples.n == 0)
		table_add(table, color, "-");
	else if (c.n > c.n_passed)
		table_add(table, color, "%s (%zu/%zu)",
			  figure_format(buf, s->p->unit, spread_of(&c.samples).median), c.n_passed,
			  c.n);
	else
		table_add(table, NULL, "%s",
			  figure_format(buf, s->p->unit, spread_of(&c.samples).median));
	free(c.samples.values);
}

static char *printable(const char *s)
{
	struct text t = { 0 };

	render_printable(&t, s, RENDER_ONE_LINE);
	return text_take(&t);
}

/* "mode \ size" above the rows. */
static char *corner(const struct section *s)
{
	const struct variable *v = s->first->variables;

	if (s->rows.variable == NONE)
		return text_dup("");
	if (s->columns.variable == NONE)
		return printable(v[s->rows.variable].name);

	cleanup_free char *both = text_format("%s \\ %s", v[s->rows.variable].name,
					      v[s->columns.variable].name);

	return printable(both);
}

static void print_table(FILE *out, const struct section *s, size_t width, bool color)
{
	size_t n = s->columns.n + 1;
	cleanup_free struct table_column *columns = array_new(n, sizeof(*columns));
	cleanup_free char **titles = array_new(n, sizeof(*titles));
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = n };

	titles[0] = corner(s);
	for (size_t i = 0; i < s->columns.n; i++)
		titles[i + 1] = s->columns.variable == NONE
					? printable(s->p->name)
					: printable(value_of(s->columns.points[i],
							     s->columns.variable));
	/* The first values are the last to be left out. */
	for (size_t i = 0; i < n; i++)
		columns[i] = (struct table_column){ titles[i], i != 0, i > 1 ? (unsigned)i : 0 };
	for (size_t row = 0; row < s->rows.n; row++) {
		cleanup_free char *name = s->rows.variable != NONE
						  ? printable(value_of(s->rows.points[row],
								       s->rows.variable))
						  : text_dup("");

		table_add(&table, NULL, "%s", name);
		for (size_t column = 0; column < s->columns.n; column++)
			add_cell(&table, s, row, column);
	}
	table_print(&table, out, "  ", width, color);
	for (size_t i = 0; i < n; i++)
		free(titles[i]);
}

/* ---- all of them ---- */

/* "goodput, loss=1%", the median of several runs; a sheet has no name of its own. */
static void print_heading(FILE *out, const struct section *s, const char *figure)
{
	struct text t = { 0 };

	text_add(&t, "%s", figure);
	for (size_t i = 0; i < s->first->n_variables; i++)
		if (i != s->rows.variable && i != s->columns.variable && varies(s->p, i))
			text_add(&t, "%s%s=%s", t.len != 0 ? ", " : "", s->first->variables[i].name,
				 value_of(s->first, i));

	cleanup_free char *heading = printable(text_str(&t));

	fprintf(out, "  %s\n", heading);
	text_done(&t);
}

/* Whether the section that this point is in was begun by one before it. */
static bool is_told(const struct section *s, const struct pivot_point *point)
{
	struct section other = *s;

	other.first = point;
	for (const struct pivot_point *p = s->p->points; p < point; p++)
		if (is_in_section(&other, p))
			return true;
	return false;
}

void pivot_print(FILE *out, const struct pivot *p, size_t width, bool color)
{
	cleanup_by(axis_done) struct axis rows = { 0 }, columns = { 0 };
	size_t last = last_varying(p, n_variables(p));
	size_t before = last != NONE ? last_varying(p, last) : NONE;

	/* A single variable has rows: there is more room below than beside. */
	axis_init(&rows, p, before != NONE ? before : last);
	axis_init(&columns, p, before != NONE ? last : NONE);
	for (size_t i = 0; i < p->n; i++) {
		const struct section s = { p, rows, columns, &p->points[i] };

		if (is_told(&s, &p->points[i]))
			continue;
		print_heading(out, &s, p->name);
		print_table(out, &s, width, color);
		fputc('\n', out);
	}
}

/* ---- sheets ---- */

static void add_sheet_cell(struct table *table, const struct section *s, size_t row)
{
	struct cell c = { 0 };
	char buf[FIGURE_TEXT_LEN];

	collect(s, row, 0, &c);
	if (c.samples.n == 0)
		table_add(table, NULL, "-");
	else
		table_add(table, NULL, "%s",
			  figure_format(buf, s->p->unit, spread_of(&c.samples).median));
	free(c.samples.values);
}

static void add_outcome(struct table *table, const struct section *s, size_t row)
{
	struct cell c = { 0 };

	collect(s, row, 0, &c);
	if (c.n > 1)
		table_add(table, render_color(c.worst), "%s %zu/%zu", render_symbol(c.worst),
			  c.n_passed, c.n);
	else
		table_add(table, render_color(c.worst), "%s %s", render_symbol(c.worst),
			  render_word(c.worst));
	free(c.samples.values);
}

/* Whether any run of this row is in the section: some combinations are not run. */
static bool has_row(const struct section *s, size_t row)
{
	struct cell c = { 0 };

	collect(s, row, 0, &c);
	free(c.samples.values);
	return c.n != 0;
}

static void add_sheet_row(struct table *table, const struct section *s, const struct pivot *figures,
			  size_t n, size_t row)
{
	cleanup_free char *name = printable(value_of(s->rows.points[row], s->rows.variable));

	table_add(table, NULL, "%s", name);
	for (size_t i = 0; i < n; i++) {
		struct section of = *s;

		of.p = &figures[i];
		add_sheet_cell(table, &of, row);
	}
	add_outcome(table, s, row);
}

static void print_sheet(FILE *out, const struct section *s, const struct pivot *figures, size_t n,
			size_t width, bool color)
{
	cleanup_free struct table_column *columns = array_new(n + 2, sizeof(*columns));
	cleanup_free char **titles = array_new(n + 2, sizeof(*titles));
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = n + 2 };

	titles[0] = corner(s);
	for (size_t i = 0; i < n; i++)
		titles[i + 1] = printable(figures[i].name);
	titles[n + 1] = text_dup("verdict");
	/* The last figures are the first to be left out. */
	for (size_t i = 0; i < n + 2; i++)
		columns[i] = (struct table_column){ titles[i], i > 0 && i <= n,
						    i > 1 && i <= n ? (unsigned)i : 0 };
	for (size_t row = 0; row < s->rows.n; row++)
		if (has_row(s, row))
			add_sheet_row(&table, s, figures, n, row);
	table_print(&table, out, "  ", width, color);
	for (size_t i = 0; i < n + 2; i++)
		free(titles[i]);
}

void pivot_print_sheets(FILE *out, const struct pivot *figures, size_t n, size_t width, bool color)
{
	const struct pivot *p = &figures[0];
	cleanup_by(axis_done) struct axis rows = { 0 }, columns = { 0 };

	axis_init(&rows, p, last_varying(p, n_variables(p)));
	axis_init(&columns, p, NONE);
	for (size_t i = 0; i < p->n; i++) {
		const struct section s = { p, rows, columns, &p->points[i] };

		if (is_told(&s, &p->points[i]))
			continue;
		print_heading(out, &s, "");
		print_sheet(out, &s, figures, n, width, color);
		fputc('\n', out);
	}
}
