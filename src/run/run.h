/*
 * run: one run, from a planned topology to its verdict.
 *
 * The harness prepares folders and shared evidence and forks the supervisor
 * (sandbox.h); the supervisor brings the lab up and records, waits for the word
 * to go, starts and stops the programs, and reports that it is done. Then the
 * harness, outside of all namespaces, judges what is left: evidence and files.
 *
 *	run_start()	forks; the lab comes up in the background
 *	run_wait()	until RUN_READY: the lab is up and recorded; or it has failed, RUN_OVER
 *	run_go()	programs start, transfer, stop; captures are drained
 *	run_wait()	until RUN_OVER
 *	run_judge()	the verdict
 *	run_release()	the supervisor may end; the kernel takes the lab down
 *	run_free()	waits until it has ended
 *
 * A session starts the next lab while it judges the last run, and releases labs
 * together at its end: making and taking down namespaces is mostly waiting for
 * the kernel and its RTNL lock. Several runs may be waited for at once; whether
 * programs of two run at the same time is up to who says run_go().
 */
#ifndef HARNESS_RUN_RUN_H
#define HARNESS_RUN_RUN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/plan.h"
#include "verify/verdict.h"

struct run_request {
	const struct planned_run *planned;
	char *folder;  /* of the run, absolute; made by run_start(); owned by the request */
	char *comment; /* for the captures: topology, run, seed, command; likewise */
	enum link_engine engine; /* of impaired links */
	/* A lab to work in: run_begin() instead of run_perform(), and run_read() until it is over. */
	bool keep;
	int keeper; /* with keep: a descriptor that the lab's processes are not to hold, or -1 */
	/* Told of each stage as it begins; arg is passed along. */
	void (*stage_began)(void *arg, const char *stage);
	void *arg;
};

struct run;

enum run_phase {
	RUN_RISING, /* the lab comes up */
	RUN_READY,  /* it is up and recorded: run_go() */
	RUN_GOING,  /* programs run */
	RUN_OVER,   /* the evidence is all there: run_judge(), also when the run failed */
};

/*
 * Takes the request's strings, also when it fails. -1 when the run could not be tried:
 * a program is missing, the folder cannot be made, namespaces are refused.
 */
int run_start(const struct run_request *request, struct run **ret_run, struct err *e);
/*
 * Until something happens to one of these or 20 ms have passed: phases go on, stages are told,
 * signals are passed on. 0 also when a run failed or was interrupted: that is in the evidence.
 */
int run_wait(struct run *const *runs, size_t n, struct err *e);
enum run_phase run_phase(const struct run *r);
/* One that is RUN_READY begins; for one that is RUN_OVER already its time is noted. */
void run_go(struct run *r);
/* Of a single one: until it is ready or over; then until it is over. */
int run_await(struct run *r, struct err *e);
int run_perform(struct run *r, struct err *e);

/* With request.keep, instead of run_perform(): servers are started. RUN_READY again: it is up. */
int run_begin(struct run *r, struct err *e);
/* For poll(2): readable when run_read() has something to read; ppoll(2) returns for signals. */
int run_fd(const struct run *r);
/* Passes on signals that came; reads without waiting. */
int run_read(struct run *r, struct err *e);
/* Stop in good order; again: at once. */
void run_stop(struct run *r);
/* The namespaces of the node go to this socket (lab/door.h). -1 when the supervisor does not read. */
int run_let_in(const struct run *r, size_t node, int visitor);
const struct evidence *run_evidence(const struct run *r);

/* Fills what judge_run() fills, and the times. */
void run_judge(struct run *r, struct run_verdict *verdict);
void run_release(struct run *r);
/* Accepts NULL. One that was not released is ended at once. */
void run_free(struct run *r);
void run_freep(struct run **r);

/* Whether every program of the topology can be executed; before anything is made for a run. */
int run_check_programs(const struct topology *t, struct err *e);

/* From now on SIGINT and SIGTERM stop the current run in good order, and a second one at once. */
int run_catch_signals(struct err *e);
/* The signal that came, or 0. */
int run_caught_signal(void);

#endif
