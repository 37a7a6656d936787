/* terminal_series: what terminal.c prints when runs were repeated. */
#ifndef HARNESS_REPORT_TERMINAL_SERIES_H
#define HARNESS_REPORT_TERMINAL_SERIES_H

#include <stdio.h>

#include "report/series.h"

/* A row per combination, then how its figures spread; width in terminal columns, 0: no limit. */
void terminal_series_table(FILE *out, const struct session *s, size_t width, bool color);
/* "12, 15, ... (40 more)": the seeds that ended as the example did (free); NULL: no other one. */
char *terminal_series_others(const struct series *x);

#endif
