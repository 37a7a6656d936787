/*
 * netem_limits: what a topology asks of links that the kernel's tc-netem(8)
 * cannot do, and the harness's own engine can. Nothing is done by halves: who
 * chooses netem for such a topology is told each of them.
 */
#ifndef HARNESS_TOPOLOGY_NETEM_LIMITS_H
#define HARNESS_TOPOLOGY_NETEM_LIMITS_H

#include "base/clock.h"
#include "topology/plan.h"

/* The kernel has 31 bits for the nanoseconds of jitter, and less with a long tail. */
#define NETEM_JITTER_MAX_NS (2 * NS_PER_SEC)
#define NETEM_PARETO_MAX_NS (300 * NS_PER_MS)

/*
 * Adds a "file:line: ..." to *p for each, in the order of lines, unless it is there already: all
 * runs of a plan may be looked at one after the other. Returns 0 when netem can do everything, or
 * -1.
 */
int topology_check_netem(const struct topology *t, struct problems *p);

#endif
