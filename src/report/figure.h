/*
 * figure: what was measured in a run, as named numbers with units. Tables of repeated runs and of
 * matrices, and report.json, know no other: a new kind of figure is added in figures_of_run().
 */
#ifndef HARNESS_REPORT_FIGURE_H
#define HARNESS_REPORT_FIGURE_H

#include <stddef.h>

#include "verify/verdict.h"

struct figure {
	const char *name; /* unique in a run; both borrowed from it */
	const char *unit; /* "ns", "bit/s", "B", any other, or "" */
	double value;
	/* A matrix of so many variables has a table of it; 0: none has. */
	size_t pivot_from;
};

struct figures {
	struct figure *f;
	size_t n, room;
};

/* Those of this run that are known. The caller frees them with figures_done(). */
void figures_of_run(const struct run_verdict *r, struct figures *ret_figures);
void figures_done(struct figures *f);

/* All values of one figure over several runs. */
struct samples {
	const char *name, *unit;
	size_t pivot_from;
	double *values;
	size_t n, room;
};

struct samples_list {
	struct samples *s;
	size_t n, room;
};

/* Add the figures of one more run, each to the samples of its name and unit. */
void samples_add_run(struct samples_list *l, const struct run_verdict *r);
void samples_done(struct samples_list *l);

#define FIGURE_TEXT_LEN 48
/* "31.6 ms", "1.23 Gbit/s", "20 B", "42.5 req/s". */
char *figure_format(char buf[FIGURE_TEXT_LEN], const char *unit, double value);

#endif
