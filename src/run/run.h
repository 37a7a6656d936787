/*
 * run: one run, from a planned topology to its verdict.
 *
 * The harness prepares folders and shared evidence and forks the supervisor
 * (sandbox.h); the supervisor brings the lab up and records, waits for the word
 * to go, starts and stops the programs, and reports that it is done. Then the
 * harness, outside of all namespaces, judges what is left: evidence and files.
 *
 *	run_start()	forks; the lab comes up in the background
 *	run_await()	the lab is up and recorded, or the run has failed
 *	run_perform()	programs start, transfer, stop; captures are drained
 *	run_judge()	the verdict
 *	run_release()	the supervisor may end; the kernel takes the lab down
 *	run_free()	waits until it has ended
 *
 * A session starts the next lab while it judges the last run, and releases labs
 * together at its end: making and taking down namespaces is mostly waiting for
 * the kernel and its RTNL lock. Programs of two runs never run at the same time.
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

/*
 * Takes the request's strings, also when it fails. -1 when the run could not be tried:
 * a program is missing, the folder cannot be made, namespaces are refused.
 */
int run_start(const struct run_request *request, struct run **ret_run, struct err *e);
int run_await(struct run *r, struct err *e);
/* 0 also when the run failed or was interrupted: that is in the evidence. */
int run_perform(struct run *r, struct err *e);

/* With request.keep: servers are started. The lab is up, or the run is over already. */
int run_begin(struct run *r, struct err *e);
/* For poll(2): readable when run_read() has something to read; ppoll(2) returns for signals. */
int run_fd(const struct run *r);
/* Passes on signals that came; reads without waiting. */
int run_read(struct run *r, struct err *e);
/* Whether its evidence is complete, or its supervisor dead. */
bool run_is_over(const struct run *r);
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
