#include "cli/rows.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/array.h"

#define INDENT 2
/* A cell that is wider than this does not push the others of its column. */
#define MAX_WIDTH 48

struct row *rows_add(struct rows *t)
{
	return array_add(&t->rows, &t->n, &t->room, sizeof(*t->rows));
}

void row_cell(struct row *r, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	r->cells[r->n++] = text_vformat(format, ap);
	va_end(ap);
}

/* Columns on a terminal: bytes that begin a UTF-8 sequence. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void rows_flush(struct rows *t, struct text *out)
{
	size_t widths[MAX_COLUMNS] = { 0 };

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->rows[i].n; k++) {
			size_t w = width(t->rows[i].cells[k]);

			if (w > widths[k] && w <= MAX_WIDTH)
				widths[k] = w;
		}
	for (size_t i = 0; i < t->n; i++) {
		struct row *r = &t->rows[i];

		for (size_t k = 0; k < r->n; k++) {
			size_t w = width(r->cells[k]);
			size_t pad = k + 1 < r->n && w < widths[k] ? widths[k] - w : 0;

			text_add(out, "%*s%s%*s", INDENT, "", r->cells[k], (int)pad, "");
			free(r->cells[k]);
		}
		text_add(out, "\n");
	}
	free(t->rows);
	*t = (struct rows){ 0 };
}
