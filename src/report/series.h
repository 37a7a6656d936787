/*
 * series: the runs of one combination of `vary` values, which differ in nothing but their seeds,
 * summed up: how many failed, what that says of the probability to fail, and how long they took.
 */
#ifndef HARNESS_REPORT_SERIES_H
#define HARNESS_REPORT_SERIES_H

#include "base/stats.h"
#include "verify/verdict.h"

/* Of this many of all cases an interval holds the truth. */
#define SERIES_CONFIDENCE 0.95

struct spread {
	size_t n; /* runs that it is known of; 0: the rest means nothing */
	double least, quarter, median, three_quarters, most;
};

struct series {
	const struct run_verdict *runs; /* in the session */
	size_t n_runs;
	size_t counts[OUTCOME_FAIL + 1];    /* by enum outcome */
	struct interval failing;	    /* the probability to fail, of runs that tell */
	const struct run_verdict *example;  /* the first that failed, else the first inconclusive */
	struct spread time_ns, goodput_bps; /* of runs that passed */
};

/* The runs from number `first` on that have one combination; the next one begins behind them. */
void series_of(const struct session *s, size_t first, struct series *ret_series);
/* Runs of it that passed or failed. */
size_t series_conclusive(const struct series *x);

#endif
