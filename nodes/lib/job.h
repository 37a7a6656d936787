/*
 * job: one file to one receiver, the plan that holds all of them, and what
 * became of each.
 *
 * Results live in memory that worker processes share, so that what a worker
 * had written is there even when it was killed. A job belongs to the worker
 * that set it JOB_RUNNING; the result may be read once it is DONE or FAILED.
 */
#ifndef NODES_JOB_H
#define NODES_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "digest.h"
#include "fail.h"
#include "peer.h"
#include "protocol.h"

enum job_state {
	JOB_WAITING,
	JOB_RUNNING,
	JOB_DONE,   /* reliable: confirmed by the receiver; raw: all was sent */
	JOB_FAILED, /* error says why */
};

struct job_result {
	_Atomic int state; /* enum job_state */
	pid_t worker;	   /* of a process, while RUNNING and after */
	uint16_t source_port;
	bool has_hash;
	uint8_t hash[DIGEST_LEN];
	uint64_t size;				 /* bytes */
	uint64_t started_real_ns, ended_real_ns; /* since 1970 */
	uint64_t elapsed_ns;
	uint64_t datagrams, repairs;
	char error[252];
};

struct job {
	const char *path;
	const char *name; /* the path's last component: what the receiver calls it */
	struct peer to;
	uint16_t source_port; /* 0: one that the kernel chooses */
	struct job_result *result;
};

enum job_mode {
	MODE_MULTI_PROCESS,
	MODE_MULTI_THREAD,
	MODE_MULTI_PROCESS_ASYNC,
	MODE_MULTI_THREAD_ASYNC,
	MODE_EVENT_LOOP,
	MODE_SEQUENTIAL,
	N_MODES,
};

struct plan {
	enum job_mode mode;
	bool raw, broadcast;
	unsigned workers;     /* of the pooled modes */
	uint64_t rate_bps;    /* of all jobs that run at once together; 0: no limit */
	uint64_t patience_ns; /* with a receiver that does not answer yet; 0: the protocol's */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; UINT64_MAX: none */
	int shared_fd;	      /* raw: the socket of all jobs, or -1 */
	uint16_t shared_port; /* its port */
	struct job *jobs;
	size_t n_jobs;
};

/* Told in the process that started the plan, once per job, when it is DONE or FAILED. */
typedef void job_listener(void *ctx, size_t job);

/* RUNNING from now on, by the calling process. */
void job_begin(struct job *j);
/* error NULL: DONE. */
void job_end(struct job *j, const char *error);
enum job_state job_state(const struct job *j);
/* How many jobs the limit of open files allows at once: a file and a socket each. */
size_t job_most_at_once(void);

/*
 * Run these jobs (indices into the plan) at once in this thread, until all have
 * ended, stop_fd becomes readable or the deadline passes. notify is called as
 * each ends. One function per format.
 */
typedef void job_runner(const struct plan *plan, const size_t *jobs, size_t n, int stop_fd,
			job_listener *notify, void *ctx);
job_runner reliable_run;
job_runner raw_run;

#endif
