/* terminal_pivot: what terminal.c prints of a matrix. */
#ifndef HARNESS_REPORT_TERMINAL_PIVOT_H
#define HARNESS_REPORT_TERMINAL_PIVOT_H

#include "report/terminal.h"

/*
 * A table of each figure that has more to say in rows and columns than run by run; when these are
 * many, one table with a column for each.
 */
void terminal_print_pivots(const struct terminal *t, size_t width);
/* Whether it is the latter: the table of all runs can do without those columns then. */
bool terminal_has_sheets(const struct terminal *t);

#endif
