#include "calibrate/shape.h"

#include <math.h>

/* Pareto, shape 3, least value 1, has the mean 3/2 and the variance 3/4. */
static double pareto(double q)
{
	return (1 / cbrt(1 - q) - 1.5) / sqrt(0.75);
}

double shape_quantile(enum jitter_shape shape, double q)
{
	switch (shape) {
	case JITTER_NORMAL:
		/* Tables of the normal distribution: its 99th percentile. */
		return q > 0.5 ? 2.3263479 : 0;
	case JITTER_PARETO:
		return pareto(q);
	case JITTER_UNIFORM:
	case N_JITTER_SHAPES:
		break;
	}
	return 2 * q - 1;
}

double shape_quantile_error(enum jitter_shape shape, double q)
{
	double density = 0.5;

	if (shape == JITTER_NORMAL)
		density = exp(-pow(shape_quantile(shape, q), 2) / 2) / sqrt(2 * M_PI);
	else if (shape == JITTER_PARETO)
		density = 3 * pow(1 - q, 4.0 / 3) * sqrt(0.75);
	return sqrt(q * (1 - q)) / density;
}

double shape_deviation(enum jitter_shape shape)
{
	return shape == JITTER_UNIFORM ? 1 / sqrt(3) : 1;
}

double shape_spread(const struct impairment *i)
{
	static const double widths[N_JITTER_SHAPES] = {
		[JITTER_UNIFORM] = 1,
		[JITTER_NORMAL] = 4,
		/* There it ends: (1 - 1.5) / sqrt(0.75). */
		[JITTER_PARETO] = 0.5774,
	};

	return widths[i->jitter_shape] * (double)i->jitter_ns;
}

double shape_longest_wait(const struct impairment *i)
{
	static const double widths[N_JITTER_SHAPES] = {
		[JITTER_UNIFORM] = 2,
		[JITTER_NORMAL] = 6,
		/* One in 5,000 is later. */
		[JITTER_PARETO] = 20,
	};

	return widths[i->jitter_shape] * (double)i->jitter_ns;
}
