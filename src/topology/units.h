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
/* "0.1%", from 0% to 100%, to 0 to 1: the double that is nearest. */
int unit_percent(const char *text, double *ret_share, struct err *e);
/* A size, or a whole number of packets: "100p". The one that it is not becomes 0. */
int unit_queue(const char *text, uint64_t *ret_bytes, uint64_t *ret_packets, struct err *e);
/* A whole decimal number without a unit. */
int unit_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct err *e);

/*
 * As a topology file would have them, exactly, in the unit that gives the smallest whole number:
 * 1500ms, 64KiB, 10mbit, 12.5%. They return buf.
 */
#define UNIT_TEXT_LEN 32
char *unit_format_duration(char buf[UNIT_TEXT_LEN], uint64_t ns);
char *unit_format_size(char buf[UNIT_TEXT_LEN], uint64_t bytes);
char *unit_format_rate(char buf[UNIT_TEXT_LEN], uint64_t bps);
char *unit_format_percent(char buf[UNIT_TEXT_LEN], double share);

#endif
