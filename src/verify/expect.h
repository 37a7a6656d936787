/*
 * expect: judges the `expect` blocks of a topology file, condition by condition.
 *
 * What is definite counts, whatever else is missing: a line that was not to come fails although
 * the rest of the output was not kept. What incomplete evidence leaves open is inconclusive.
 */
#ifndef HARNESS_VERIFY_EXPECT_H
#define HARNESS_VERIFY_EXPECT_H

#include "verify/http.h"
#include "verify/trial.h"

/* What a part of expect_*.c gets to judge: the conditions of one block. */
struct expecting {
	const struct trial *trial;
	const struct expectation *expectation;
	struct expectation_verdict *verdict;
};

/* Outcome of a condition, and what was found. */
void expect_set(struct condition_verdict *v, enum outcome o, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/*
 * Whether n is such an amount, when there may have been more (open: the evidence has gaps) than was
 * counted.
 */
enum outcome expect_amount(const struct amount *a, uint64_t n, bool open);
/* Whether an expectation says how this program exits: then nothing else judges that. */
bool expect_names_exit(const struct trial *t, const struct program_evidence *p);
/* Of a `program` block, by its index; NULL: the run has none. */
const struct program_evidence *expect_program(const struct trial *t, size_t command);
/* The time since 1970 of a CLOCK_MONOTONIC time of the run. */
uint64_t expect_real_ns(const struct trial *t, uint64_t monotonic_ns);

/* One condition of this block; its kind says which. */
void expect_judge_exit(const struct expecting *x, const struct condition *c,
		       struct condition_verdict *v);
void expect_judge_output(const struct expecting *x, const struct condition *c,
			 struct condition_verdict *v);
void expect_judge_order(const struct expecting *x, struct condition_verdict *v);
void expect_judge_file(const struct expecting *x, const struct condition *c,
		       struct condition_verdict *v);
void expect_judge_metric(const struct expecting *x, const struct condition *c,
			 struct condition_verdict *v);
/* All conditions of a block about captures, in one pass over each. */
void expect_judge_captures(const struct expecting *x);
/* Whether expect_judge_http() is for this condition. */
bool expect_is_http(const struct expectation *e, const struct condition *c);
/*
 * Those about answers, from what was found in n captures, in the files of these paths. gap: why there
 * may have been more than was seen, or NULL.
 */
void expect_judge_http(const struct expecting *x, const struct http_tally *const *tallies,
		       char *const *paths, size_t n, const char *gap);

#endif
