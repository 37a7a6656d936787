/* shape: the distributions of jitter, and how exactly times are to be met. For calibrate/. */
#ifndef HARNESS_CALIBRATE_SHAPE_H
#define HARNESS_CALIBRATE_SHAPE_H

#include "topology/impairment.h"

/* How late a timer, a ring and a capture may be together, at the median and for one in a hundred. */
#define MEDIAN_NS 300e3
#define LATE_NS	  2e6
/* ... and what can be told apart from nothing. */
#define TIMER_NS 500e3

/* Of the deviation from the delay, in units of the jitter: the q-quantile, for q 0.5 and 0.99. */
double shape_quantile(enum jitter_shape shape, double q);
/*
 * How far the quantile of a sample of n is from that, as a standard deviation, in the same units,
 * times sqrt(n): sqrt(q (1 - q)) over the density there.
 */
double shape_quantile_error(enum jitter_shape shape, double q);
/* Its standard deviation, in the same units. */
double shape_deviation(enum jitter_shape shape);
/* How far below its delay a frame may leave, ns; of the normal one, all but one in 30,000. */
double shape_spread(const struct impairment *i);
/* How long a frame may have to wait for one before it when none may overtake, ns. */
double shape_longest_wait(const struct impairment *i);

#endif
