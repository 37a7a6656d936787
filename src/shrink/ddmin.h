/*
 * ddmin: from a set of circumstances under which something fails to a smallest part of it that
 * still makes it fail: delta debugging, A. Zeller and R. Hildebrandt, "Simplifying and isolating
 * failure-inducing input", IEEE Transactions on Software Engineering 28 (2002), figure 4.
 *
 * "Smallest" is 1-minimal: taking away any single one of what is left makes the failure go away.
 * Beyond the paper, these last answers are asked for twice, as one that it passes may be luck.
 * Pure: what a circumstance is, and how to find out, is the caller's business.
 */
#ifndef HARNESS_SHRINK_DDMIN_H
#define HARNESS_SHRINK_DDMIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * Whether it fails with exactly these n of all circumstances, which are numbered from 0 and come
 * in ascending order: 1 yes, 0 no or not to be told, -1 with *e filled to give up.
 */
typedef int ddmin_test(void *arg, const size_t *circumstances, size_t n, struct err *e);

struct ddmin_result {
	size_t *left; /* ascending (free) */
	size_t n_left;
	size_t n_tests; /* answers asked for */
	bool minimal;	/* 1-minimal; false when max_tests did not do to ask everything twice */
};

/*
 * All n together must fail, and none at all must not: that is for the caller to have found out.
 * On -1 nothing was written.
 */
int ddmin(size_t n, size_t max_tests, ddmin_test *fails, void *arg, struct ddmin_result *ret_result,
	  struct err *e);

#endif
