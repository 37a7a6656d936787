/*
 * comparisons: expectations of metrics. Those that compare a run with another one wait until both
 * are judged, whichever comes first.
 */
#ifndef HARNESS_VERIFY_COMPARISONS_H
#define HARNESS_VERIFY_COMPARISONS_H

#include <stdbool.h>

#include "topology/plan.h"
#include "verify/verdict.h"

/* Whether something in this run waits for a run that is planned and not judged yet. */
bool comparisons_pending(const struct session *s, const struct plan *plan,
			 const struct run_verdict *r);
/*
 * Judge what waits in this run, and by it the outcomes of the run and of the session. What it is
 * compared with is the run with the same seed, or, without --repeat, any, that has the variables
 * that are named and else the same ones. When that is not in the plan (--only, exclude) the
 * expectation is a skip; when it is and was not judged, it is inconclusive. What was judged before
 * stays as it is.
 */
void comparisons_judge(struct session *s, const struct plan *plan, struct run_verdict *r);

#endif
