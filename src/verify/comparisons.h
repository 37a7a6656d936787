/*
 * comparisons: expectations of metrics. Those that compare a run with another one wait until both
 * are judged, whichever comes first.
 */
#ifndef HARNESS_VERIFY_COMPARISONS_H
#define HARNESS_VERIFY_COMPARISONS_H

#include "verify/verdict.h"

/*
 * When all runs of a session are judged: judge what waits, and by it the outcomes of runs and of
 * the session. What it is compared with is the run with the same seed, or, without --repeat, any,
 * that has the variables that are named and else the same ones. When it was left out (--only) the
 * expectation is a skip; when the session was interrupted it is inconclusive.
 */
void comparisons_judge(struct session *s);

#endif
