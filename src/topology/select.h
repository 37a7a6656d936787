/* select: some of the runs of a plan, by the values of their variables. For the command line. */
#ifndef HARNESS_TOPOLOGY_SELECT_H
#define HARNESS_TOPOLOGY_SELECT_H

#include "base/err.h"
#include "topology/plan.h"

/*
 * Leave only the runs that all of these ask for: "NAME=VALUE", or "NAME=VALUE,VALUE..." for any of
 * several values, which may also be given one after the other. A text with commas that is a value
 * itself is that value. -1 when there is no such variable or value, or no run is left.
 */
int plan_select(struct plan *plan, char *const *only, size_t n_only, struct err *e);

#endif
