/*
 * series: the runs of one combination of `vary` values, which differ in nothing but their seeds,
 * summed up: how many failed, what that says of the probability to fail, and how their figures spread.
 */
#ifndef HARNESS_REPORT_SERIES_H
#define HARNESS_REPORT_SERIES_H

#include "base/stats.h"
#include "report/figure.h"

/* Of this many of all cases an interval holds the truth. */
#define SERIES_CONFIDENCE 0.95

/* Median and quartiles: one that hung says nothing of how fast the others are. */
struct spread {
	size_t n; /* runs that it is known of; 0: the rest means nothing */
	double least, quarter, median, three_quarters, most;
};

/* Sorts the values. */
struct spread spread_of(struct samples *s);

struct series {
	const struct run_verdict *runs; /* in the session */
	size_t n_runs;
	size_t counts[OUTCOME_FAIL + 1];   /* by enum outcome */
	struct interval failing;	   /* the probability to fail, of runs that tell */
	const struct run_verdict *example; /* the first that failed, else the first inconclusive */
	/* Of runs that passed: what the others took has other reasons. */
	struct samples_list samples;
	struct spread *spreads; /* of each of the samples */
};

/*
 * The runs from number `first` on that have one combination; the next one begins behind them. The
 * caller frees what it holds with series_done().
 */
void series_of(const struct session *s, size_t first, struct series *ret_series);
void series_done(struct series *x);
/* The spread of the samples of this name, one of no runs when there are none. */
struct spread series_spread(const struct series *x, const char *name);
/* Runs of it that passed or failed. */
size_t series_conclusive(const struct series *x);

#endif
