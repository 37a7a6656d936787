/* rows: lines of aligned columns, for what `harness check` prints. */
#ifndef HARNESS_CLI_ROWS_H
#define HARNESS_CLI_ROWS_H

#include <stddef.h>

#include "base/text.h"

#define MAX_COLUMNS 8

struct row {
	char *cells[MAX_COLUMNS];
	size_t n;
};

struct rows {
	struct row *rows;
	size_t n, room;
};

/* A new one, valid until the next; cells are added by row_cell(). */
struct row *rows_add(struct rows *t);
void row_cell(struct row *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Append them, two spaces between columns, and forget them. */
void rows_flush(struct rows *t, struct text *out);

#endif
