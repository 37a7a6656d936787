/*
 * pivot: one figure of many runs as a table of their variables: the values of the last one are its
 * columns, those of the one before it are its rows, and each combination of those further in front
 * has a table of its own. A variable that is the same in all runs takes no part.
 *
 * Many figures would make many tables. As a sheet they are columns of one, the values of the last
 * variable its rows, and each combination of those before it has one.
 */
#ifndef HARNESS_REPORT_PIVOT_H
#define HARNESS_REPORT_PIVOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "verify/verdict.h"

/* One run. Its variables are the same ones, in the same order, in all runs. */
struct pivot_point {
	const struct variable *variables;
	size_t n_variables;
	enum outcome outcome;
	bool known; /* its figure is: of runs that passed it is shown */
	double value;
};

struct pivot {
	const char *name, *unit; /* of the figure: figure.h */
	const struct pivot_point *points;
	size_t n;
};

/* How many variables are not the same in all runs. */
size_t pivot_count_variables(const struct pivot *p);
/*
 * Where several runs have one combination their median is shown, and, when they did not all pass,
 * how many did; where none passed, the worst outcome. width in terminal columns, 0: no limit.
 */
void pivot_print(FILE *out, const struct pivot *p, size_t width, bool color);
/* n figures of the same runs, each as above; a last column says how the runs of a row ended. */
void pivot_print_sheets(FILE *out, const struct pivot *figures, size_t n, size_t width, bool color);

#endif
