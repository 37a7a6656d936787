/* check_parts: what one run is made of, as `harness check` prints it. For check.c. */
#ifndef HARNESS_CLI_CHECK_PARTS_H
#define HARNESS_CLI_CHECK_PARTS_H

#include "base/text.h"
#include "topology/plan.h"
#include "topology/topology.h"

/* Each appends lines. */

/* check_lab.c */
void check_settings(const struct topology *t, struct text *out);
void check_nodes(const struct topology *t, struct text *out);
void check_links(const struct topology *t, struct text *out);
void check_routing(const struct topology *t, struct text *out);
void check_faults(const struct topology *t, struct text *out);
/* check_programs.c */
void check_programs(const struct topology *t, struct text *out);
/* One warning for each command that is not on this machine, unless it is there already. */
void check_missing(const struct topology *t, struct problems *warnings);
void check_metrics(const struct topology *t, struct text *out);
void check_expectations(const struct topology *t, struct text *out);

#endif
