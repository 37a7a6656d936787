/* json_series: what json.c writes of repeated runs. */
#ifndef HARNESS_REPORT_JSON_SERIES_H
#define HARNESS_REPORT_JSON_SERIES_H

#include "report/json_value.h"
#include "verify/verdict.h"

/* An array, empty when nothing was repeated. */
json_t *json_series_of(const struct session *s);

#endif
