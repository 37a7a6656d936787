/*
 * write: a struct topology as a topology file, the way back from what plan_load() makes.
 *
 * plan_parse() of the text gives the same topology again. What the original file had beside it is
 * gone: comments, vary blocks (there is one run), lines. Keys that say what holds anyway are left
 * out. So are expectations that compare metrics with another run. Files and programs are written as absolute paths, so that the text may stand anywhere.
 */
#ifndef HARNESS_TOPOLOGY_WRITE_H
#define HARNESS_TOPOLOGY_WRITE_H

#include "topology/topology.h"

/* comment: lines for its head, without '#', or NULL. The text is the caller's (free). */
char *topology_write(const struct topology *t, const char *comment);

#endif
