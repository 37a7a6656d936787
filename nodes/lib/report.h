/* report: the JSON files that tell other programs what a node program did. */
#ifndef NODES_REPORT_H
#define NODES_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "fail.h"
#include "job.h"

/* Text that may not be UTF-8, as a JSON string; "" gives null. */
json_t *report_text(const char *text);
/* Lower-case hexadecimal; NULL gives null. */
json_t *report_hash(const uint8_t *hash);
/* What udp-send has to say. */
json_t *report_of_plan(const struct plan *plan, const char *version, uint64_t elapsed_ns);
/* Replace path by it in one step; takes the reference. */
int report_write(const char *path, json_t *report, struct fail *f);

#endif
