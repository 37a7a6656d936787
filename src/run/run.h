/*
 * run: one run, from a planned topology to its verdict.
 *
 * The harness prepares folders and shared evidence and forks the supervisor
 * (sandbox.h); the supervisor brings the lab up, records, starts and stops the
 * programs, and ends. Then the harness, outside of all namespaces, judges what
 * is left: evidence and files.
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
	const char *folder;  /* of the run, absolute; made by run_once() */
	const char *comment; /* for the captures: topology, run, seed, command */
	/* Told of each stage as it begins; arg is passed along. */
	void (*stage_began)(void *arg, const char *stage);
	void *arg;
};

/*
 * Carry it out and fill what judge_run() fills, and the times. 0 also when the
 * run failed or was interrupted: that is in the verdict. -1 when it could not be
 * tried: a program is missing, the folder cannot be made, namespaces are refused.
 */
int run_once(const struct run_request *request, struct run_verdict *verdict, struct err *e);

/* Whether every program of the topology can be executed; before anything is made for a run. */
int run_check_programs(const struct topology *t, struct err *e);

/* From now on SIGINT and SIGTERM stop the current run in good order, and a second one at once. */
int run_catch_signals(struct err *e);
/* The signal that came, or 0. */
int run_caught_signal(void);

/* "lab", "recorder", "receivers", "transfer", "stopping", "draining", ... */
const char *run_stage_name(enum run_stage stage);

#endif
