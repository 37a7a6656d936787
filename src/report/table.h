/*
 * table: cells in aligned columns, as wide as what is in them. Cells are added
 * row by row; the table owns copies.
 *
 *	cleanup_by(table_done) struct table t = { .columns = columns, .n_columns = 3 };
 *	table_add(&t, NULL, "%s", name);
 *	...
 *	table_print(&t, stdout, "  ", 0, false);
 */
#ifndef HARNESS_REPORT_TABLE_H
#define HARNESS_REPORT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table_column {
	const char *title; /* NULL in all of them: a table without titles */
	bool right;	   /* numbers */
	unsigned drop;	   /* 0: always shown; otherwise the highest is left out first */
};

struct table_cell {
	char *text;
	const char *color; /* an SGR sequence, or NULL */
};

struct table {
	const struct table_column *columns;
	size_t n_columns;
	struct table_cell *cells;
	size_t n_cells, room;
	/* Terminal columns. A cell that is wider does not push the others of its column; 0: every
	 * cell does. */
	size_t max_cell;
};

/* The next cell; what comes from outside must be printable already (render.h). */
void table_add(struct table *t, const char *color, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Leave the rest of a row empty, if anything is left of it. */
void table_end_row(struct table *t);
/*
 * The titles, if there are any, and all rows. With max_width (terminal columns; 0: no limit) columns move closer, then
 * are left out, and a last line says which.
 */
void table_print(const struct table *t, FILE *out, const char *indent, size_t max_width,
		 bool color);
void table_done(struct table *t);

#endif
