/*
 * unvary: what several runs have in common, said once. Where the texts of runs differ by the value of
 * a variable, %{NAME} stands for it again, as it does in the topology file.
 */
#ifndef HARNESS_CLI_UNVARY_H
#define HARNESS_CLI_UNVARY_H

#include <stddef.h>

#include "topology/plan.h"

/* One text for texts[i] of runs[i] (free); NULL when they differ by anything else. */
char *unvary_text(const struct planned_run *runs, size_t n, const char *const *texts);

/*
 * One label for the run and those that follow it and differ from it in the last variable only, like
 * "mode=async,file={1.png,2.png}" (free). *ret_n is how many runs it is for.
 */
char *unvary_label(const struct planned_run *runs, size_t n, size_t *ret_n);

#endif
