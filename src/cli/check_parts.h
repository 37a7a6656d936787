/* check_parts: what a run is made of, as `harness check` prints it. For cli/check*.c. */
#ifndef HARNESS_CLI_CHECK_PARTS_H
#define HARNESS_CLI_CHECK_PARTS_H

#include "report/table.h"
#include "topology/plan.h"

/* check_plan.c: all of it, on standard output. */
void check_print_plan(const struct plan *plan);
/* check_missing.c: a warning for each command that is not on this machine, on standard error. */
void check_print_missing(const struct plan *plan);

/* Cells in a row of what follows, at most. */
#define CHECK_COLUMNS 5

/* Each adds rows to a table of so many columns; none when the run has nothing of the kind. */

/* check_lab.c */
void check_settings(const struct topology *t, struct table *table);
void check_nodes(const struct topology *t, struct table *table);
void check_links(const struct topology *t, struct table *table);
void check_routing(const struct topology *t, struct table *table);
void check_faults(const struct topology *t, struct table *table);
/* check_programs.c */
void check_programs(const struct topology *t, struct table *table);
void check_metrics(const struct topology *t, struct table *table);
/* Of each file of each transfer: what must show the same bytes. */
void check_files(const struct topology *t, struct table *table);
void check_expectations(const struct topology *t, struct table *table);
/* What holds of every run, unasked. */
void check_promises(const struct topology *t, struct table *table);

#endif
