/*
 * crew: spreads the jobs of a plan over workers, in the way that its mode says.
 *
 *	multi-process        a process per job, all at once, joined by wait
 *	multi-thread         a thread per job, all at once, joined
 *	multi-process-async  a pool of processes takes jobs from a queue
 *	multi-thread-async   a pool of threads takes jobs from a queue
 *	event-loop           one thread, all jobs interleaved
 *	sequential           one thread, one job after the other
 *
 * A job's result is a future: the crew is told as each becomes ready, and a
 * worker that dies, or outlives the deadline, makes the results it owed fail.
 */
#ifndef NODES_CREW_H
#define NODES_CREW_H

#include "fail.h"
#include "job.h"

extern const char *const crew_mode_names[N_MODES];

/*
 * Run all jobs. Blocks SIGTERM and SIGINT in this process, whose only thread
 * must be the caller's: they stop the crew. ret_signal: the one that did, or 0.
 */
int crew_run(const struct plan *plan, job_listener *listener, void *ctx, int *ret_signal,
	     struct fail *f);

#endif
