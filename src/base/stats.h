/* stats: what can be said of a number from samples of it, or of a probability from counts. */
#ifndef HARNESS_BASE_STATS_H
#define HARNESS_BASE_STATS_H

#include <stddef.h>
#include <stdint.h>

struct interval {
	double low, high;
};

/*
 * Where the probability of an event lies that happened k times of n: the interval of Clopper and
 * Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
 * Biometrika 26 (1934). Exact: whatever the probability is, such intervals hold it in `confidence`
 * (0.95) of all cases or more, also when k is 0 or n is small. n = 0 gives 0 to 1.
 */
struct interval stats_binomial(uint64_t k, uint64_t n, double confidence);

/* Order them, as the next one wants them. */
void stats_sort(double *samples, size_t n);
/* The q-quantile (0 to 1) of n > 0 sorted samples, between two of them by linear interpolation. */
double stats_quantile(const double *sorted, size_t n, double q);
double stats_mean(const double *samples, size_t n);
/* The standard deviation of what these are samples of (divided by n - 1); 0 for less than two. */
double stats_deviation(const double *samples, size_t n);

#endif
