/* write_expect: the blocks `metric` and `expect`, for topology_write(). */
#ifndef HARNESS_TOPOLOGY_WRITE_EXPECT_H
#define HARNESS_TOPOLOGY_WRITE_EXPECT_H

#include "base/text.h"
#include "topology/topology.h"

/* Each appends one block. */
void write_metric(struct text *out, const struct topology *t, const struct metric *m);
void write_expectation(struct text *out, const struct topology *t, const struct expectation *e);

#endif
