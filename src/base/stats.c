#include "base/stats.h"

#include <math.h>
#include <stdlib.h>

/* ---- the regularized incomplete beta function ---- */

#define TINY	  1e-300
#define ACCURATE  1e-15
#define MAX_TERMS 100000

static double not_zero(double x)
{
	return fabs(x) < TINY ? TINY : x;
}

/* Coefficient number k of the continued fraction, DLMF 8.17.22. */
static double coefficient(unsigned k, double a, double b, double x)
{
	double m = k / 2;

	if (k % 2 == 0)
		return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
	return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
}

/* The fraction itself, evaluated forwards (modified Lentz, DLMF 3.10(iii)). */
static double fraction(double a, double b, double x)
{
	double f = 1, c = 1, d = 0;

	for (unsigned k = 1; k < MAX_TERMS; k++) {
		double t = coefficient(k, a, b, x);

		d = 1 / not_zero(1 + t * d);
		c = not_zero(1 + t / c);
		f *= c * d;
		if (fabs(c * d - 1) < ACCURATE)
			break;
	}
	return 1 / f;
}

/* I_x(a, b). The fraction is quick below the mean of the distribution; above, 8.17.4 mirrors it. */
static double incomplete_beta(double a, double b, double x)
{
	int sign;

	if (x <= 0 || x >= 1)
		return x <= 0 ? 0 : 1;

	double log_beta = lgamma_r(a, &sign) + lgamma_r(b, &sign) - lgamma_r(a + b, &sign);
	double factor = exp(a * log(x) + b * log1p(-x) - log_beta);

	if (x > (a + 1) / (a + b + 2))
		return 1 - factor * fraction(b, a, 1 - x) / b;
	return factor * fraction(a, b, x) / a;
}

/* x with I_x(a, b) = p: it rises with x. */
static double beta_quantile(double a, double b, double p)
{
	double low = 0, high = 1;

	/* As far as doubles go: each step halves what is left. */
	for (int i = 0; i < 200; i++) {
		double x = (low + high) / 2;

		if (incomplete_beta(a, b, x) < p)
			low = x;
		else
			high = x;
	}
	return high;
}

struct interval stats_binomial(uint64_t k, uint64_t n, double confidence)
{
	double tail = (1 - confidence) / 2, hits = (double)k, misses = (double)(n - k);

	return (struct interval){
		.low = k == 0 ? 0 : beta_quantile(hits, misses + 1, tail),
		.high = k == n ? 1 : beta_quantile(hits + 1, misses, 1 - tail),
	};
}

/* ---- samples ---- */

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void stats_sort(double *samples, size_t n)
{
	qsort(samples, n, sizeof(*samples), compare);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t below = (size_t)at;

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

double stats_mean(const double *samples, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += samples[i];
	return n != 0 ? sum / (double)n : 0;
}

double stats_deviation(const double *samples, size_t n)
{
	double mean = stats_mean(samples, n), sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (samples[i] - mean) * (samples[i] - mean);
	return n > 1 ? sqrt(sum / (double)(n - 1)) : 0;
}
