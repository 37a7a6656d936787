#include "report/table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/render.h"

/* How a table is laid out for one width. */
struct layout {
	size_t *widths; /* terminal columns of each column */
	bool *dropped;
	size_t gap; /* between columns */
};

void table_add(struct table *t, const char *color, const char *format, ...)
{
	struct table_cell *c = array_add(&t->cells, &t->n_cells, &t->room, sizeof(*c));
	va_list ap;

	va_start(ap, format);
	c->text = text_vformat(format, ap);
	va_end(ap);
	c->color = color;
}

void table_end_row(struct table *t)
{
	while (t->n_cells % t->n_columns != 0)
		table_add(t, NULL, "%s", "");
}

void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_cells; i++)
		free(t->cells[i].text);
	free(t->cells);
}

static bool has_titles(const struct table *t)
{
	return t->columns[0].title != NULL;
}

static void measure(const struct table *t, size_t *widths)
{
	for (size_t i = 0; has_titles(t) && i < t->n_columns; i++)
		widths[i] = render_width(t->columns[i].title);
	for (size_t i = 0; i < t->n_cells; i++) {
		size_t w = render_width(t->cells[i].text);

		if (w > widths[i % t->n_columns] && (t->max_cell == 0 || w <= t->max_cell))
			widths[i % t->n_columns] = w;
	}
}

static size_t total_width(const struct table *t, const struct layout *l)
{
	size_t total = 0;

	for (size_t i = 0; i < t->n_columns; i++)
		if (!l->dropped[i])
			total += l->widths[i] + (total != 0 ? l->gap : 0);
	return total;
}

/* The column to leave out next, or n_columns when all that are left must stay. */
static size_t next_to_drop(const struct table *t, const bool *dropped)
{
	size_t best = t->n_columns;

	for (size_t i = 0; i < t->n_columns; i++) {
		if (dropped[i] || t->columns[i].drop == 0)
			continue;
		if (best == t->n_columns || t->columns[i].drop > t->columns[best].drop)
			best = i;
	}
	return best;
}

static void fit(const struct table *t, size_t max_width, struct layout *l)
{
	l->gap = 2;
	if (total_width(t, l) > max_width)
		l->gap = 1;
	while (total_width(t, l) > max_width) {
		size_t i = next_to_drop(t, l->dropped);

		if (i == t->n_columns)
			return;
		l->dropped[i] = true;
	}
}

static void print_padded(FILE *out, const struct table_column *column, size_t width,
			 const char *text, const char *color)
{
	size_t taken = render_width(text);
	int pad = taken < width ? (int)(width - taken) : 0;

	if (column->right)
		fprintf(out, "%*s", pad, "");
	fprintf(out, "%s%s%s", color != NULL ? color : "", text, color != NULL ? RENDER_PLAIN : "");
	if (!column->right)
		fprintf(out, "%*s", pad, "");
}

static const char *text_of(const struct table *t, const struct table_cell *cells, size_t column)
{
	return cells != NULL ? cells[column].text : t->columns[column].title;
}

/* No blanks at the end of a line. */
static size_t last_shown(const struct table *t, const struct layout *l,
			 const struct table_cell *cells)
{
	size_t last = t->n_columns - 1;

	while (last > 0 && (l->dropped[last] || *text_of(t, cells, last) == '\0'))
		last--;
	return last;
}

static void print_row(const struct table *t, const struct layout *l, FILE *out, const char *indent,
		      const struct table_cell *cells, bool color)
{
	size_t last = last_shown(t, l, cells);
	const char *before = indent;

	for (size_t i = 0; i <= last; i++) {
		if (l->dropped[i])
			continue;

		const struct table_column *c = &t->columns[i];
		const char *text = text_of(t, cells, i);
		size_t width = i == last && !c->right ? render_width(text) : l->widths[i];

		fputs(before, out);
		print_padded(out, c, width, text, cells != NULL && color ? cells[i].color : NULL);
		before = l->gap == 2 ? "  " : " ";
	}
	fputc('\n', out);
}

static void print_dropped(const struct table *t, const struct layout *l, FILE *out,
			  const char *indent)
{
	const char *before = "too narrow to show: ";

	for (size_t i = 0; i < t->n_columns; i++) {
		if (!l->dropped[i])
			continue;
		fprintf(out, "%s%s", strcmp(before, ", ") == 0 ? "" : indent, before);
		fputs(t->columns[i].title, out);
		before = ", ";
	}
	if (strcmp(before, ", ") == 0)
		fputc('\n', out);
}

void table_print(const struct table *t, FILE *out, const char *indent, size_t max_width, bool color)
{
	cleanup_free size_t *widths = array_new(t->n_columns, sizeof(*widths));
	cleanup_free bool *dropped = array_new(t->n_columns, sizeof(*dropped));
	struct layout l = { .widths = widths, .dropped = dropped, .gap = 2 };
	size_t room = strlen(indent);

	measure(t, widths);
	if (max_width != 0)
		fit(t, max_width > room ? max_width - room : 1, &l);
	if (has_titles(t))
		print_row(t, &l, out, indent, NULL, color);
	for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
		print_row(t, &l, out, indent, &t->cells[i], color);
	print_dropped(t, &l, out, indent);
}
