/* json_expect: expectations and metrics of a run, for json.c. */
#ifndef HARNESS_REPORT_JSON_EXPECT_H
#define HARNESS_REPORT_JSON_EXPECT_H

#include <jansson.h>

#include "verify/verdict.h"

/* Arrays, as the keys `metrics` and `expectations` have them. */
json_t *json_metrics_of(const struct run_verdict *r);
json_t *json_expectations_of(const struct run_verdict *r);

#endif
