#include "job.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scope.h"

#define SPARE_FILES 64 /* descriptors left for everything else */

void job_begin(struct job *j)
{
	struct job_result *r = j->result;

	r->worker = getpid();
	r->started_real_ns = time_real();
	r->elapsed_ns = time_now();
	atomic_store(&r->state, JOB_RUNNING);
}

void job_end(struct job *j, const char *error)
{
	struct job_result *r = j->result;

	/* One that ends before it began (no worker, no file) took no time. */
	r->elapsed_ns = r->started_real_ns != 0 ? time_now() - r->elapsed_ns : 0;
	r->ended_real_ns = time_real();
	if (r->started_real_ns == 0)
		r->started_real_ns = r->ended_real_ns;
	if (error != NULL)
		snprintf(r->error, sizeof(r->error), "%s", error);
	atomic_store(&r->state, error == NULL ? JOB_DONE : JOB_FAILED);
}

enum job_state job_state(const struct job *j)
{
	return atomic_load(&j->result->state);
}

size_t job_most_at_once(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur < 2 * SPARE_FILES)
		return SPARE_FILES / 2;
	return (size_t)(r.rlim_cur - SPARE_FILES) / 2;
}
