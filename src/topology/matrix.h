/*
 * matrix: the `vary` blocks of a document, and one combination of their values
 * after the other.
 */
#ifndef HARNESS_TOPOLOGY_MATRIX_H
#define HARNESS_TOPOLOGY_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include "topology/document.h"

#define MATRIX_MAX_RUNS 10000

struct dimension {
	const char *name; /* borrowed from the document, as the values */
	size_t at;
	const char **values;
	size_t n_values;
	size_t chosen; /* index of the value of the current run */
	bool used;     /* some value of the file names it */
	bool broken; /* it has no good value, which was reported: nothing can be said of its users */
};

struct matrix {
	const char *here; /* what %{here} stands for: the folder of the topology file, absolute */
	struct dimension *dimensions;
	size_t n;
	size_t n_runs;
};

/*
 * Reads the vary blocks; what is wrong with them is added to *problems. here is kept.
 */
void matrix_init(struct matrix *m, const struct document *d, const char *here,
		 struct problem_list *problems);
void matrix_done(struct matrix *m);
/* Choose the values of this run, the last dimension varying fastest. */
void matrix_choose(struct matrix *m, size_t run);
/* Report the dimensions that no substitution has used. */
void matrix_report_unused(const struct matrix *m, struct problem_list *problems);

/*
 * Replace every %{name} of a value of the file (free). NULL when one names
 * nothing, which is reported, or something broken, which was.
 */
char *matrix_substitute(struct matrix *m, const struct value *v, struct problem_list *problems);

#endif
