/*
 * units: numbers and quantities as topology files write them.
 *
 * A quantity is a decimal number and a unit: 10ms, 1.5s, 64KiB. The unit is
 * never optional. Errors are the second half of a sentence that begins with
 * the value: "has no unit (ns, us, ms, s, min, h)".
 */
#ifndef HARNESS_TOPOLOGY_UNITS_H
#define HARNESS_TOPOLOGY_UNITS_H

#include <stdint.h>

#include "base/err.h"

/* ns, us, ms, s, min, h to nanoseconds; what is below one nanosecond is cut off. */
int unit_duration(const char *text, uint64_t *ret_ns, struct err *e);
/* B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024) to bytes. */
int unit_size(const char *text, uint64_t *ret_bytes, struct err *e);
/* bit, kbit, mbit, gbit (powers of 1000, as tc(8) has them) to bits per second. */
int unit_rate(const char *text, uint64_t *ret_bps, struct err *e);
/* A whole decimal number without a unit. */
int unit_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct err *e);

#endif
