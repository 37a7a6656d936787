/*
 * matrix: the `vary` blocks of a document, and one combination of their values
 * after the other, but for those that `exclude` blocks take out.
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

/* A variable and those of its values that an exclude block names. */
struct match {
	size_t dimension;
	bool *named; /* by index of the value */
};

struct exclusion {
	size_t at;
	struct match *matches; /* all of them must hold */
	size_t n;
	bool broken;   /* something of it was refused: it excludes nothing, and is not judged */
	size_t n_runs; /* that it has excluded, and none before it */
};

struct matrix {
	const char *here;  /* what %{here} stands for: the folder of the topology file, absolute */
	const char *nodes; /* and %{nodes}: that of our own programs */
	struct dimension *dimensions;
	size_t n;
	struct exclusion *exclusions;
	size_t n_exclusions;
	size_t n_runs; /* combinations, with those that are excluded */
	bool complete; /* all combinations are looked at, none of them for a value left out */
};

/*
 * Reads the vary blocks; what is wrong with them is added to *problems. here and nodes are kept.
 */
void matrix_init(struct matrix *m, const struct document *d, const char *here, const char *nodes,
		 struct problem_list *problems);
void matrix_done(struct matrix *m);
/* Choose the values of this run, the last dimension varying fastest. */
void matrix_choose(struct matrix *m, size_t run);
/* Whether the chosen run is one that the file does not want. */
bool matrix_excludes(struct matrix *m);
/* Report the dimensions that no substitution has used. */
void matrix_report_unused(const struct matrix *m, struct problem_list *problems);

/*
 * Replace every %{name} of a value of the file (free). NULL when one names
 * nothing, which is reported, or something broken, which was.
 */
char *matrix_substitute(struct matrix *m, const struct value *v, struct problem_list *problems);

/* exclude.c, for matrix.c: read the exclude blocks, and free them. */
void matrix_read_exclusions(struct matrix *m, const struct document *d,
			    struct problem_list *problems);
void matrix_free_exclusions(struct matrix *m);
/* When each run was asked about: exclusions without effect, and that nothing is left to run. */
void matrix_report_exclusions(const struct matrix *m, struct problem_list *problems);

#endif
