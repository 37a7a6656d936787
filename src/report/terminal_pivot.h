/* terminal_pivot: what terminal.c prints of a matrix. */
#ifndef HARNESS_REPORT_TERMINAL_PIVOT_H
#define HARNESS_REPORT_TERMINAL_PIVOT_H

#include "report/terminal.h"

/* A table of each figure that has more to say in rows and columns than run by run. */
void terminal_print_pivots(const struct terminal *t, size_t width);

#endif
