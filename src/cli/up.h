/* up: `harness up`, in parts: its command line, what it prints, the lab itself. For cli/up*.c. */
#ifndef HARNESS_CLI_UP_H
#define HARNESS_CLI_UP_H

#include <stdbool.h>

#include "base/err.h"
#include "cli/run_options.h"
#include "live/status.h"
#include "topology/plan.h"
#include "verify/verdict.h"

struct up_options {
	struct run_options run; /* topology, captures, only, engine */
	const char *name;	/* NULL: the topology's */
	bool detach;
};

/* A lab from its topology to its end. */
struct up {
	const struct up_options *options;
	const struct plan *plan;
	const struct planned_run *planned; /* the combination, as the file has it */
	size_t n_combinations;		   /* of the file */
	struct topology topology;	   /* the part of it that is up: live.h */
	struct planned_run live;	   /* as planned, with that part */
	struct session session;
	struct lab_status identity;
	int listener;
};

/* up_print.c: what is up and what to type next, on standard output. */
int up_print(const struct up *u, struct err *e);

/*
 * up_lab.c: the lab, until its end. `ready` is told when it is up (err NULL), after which nothing
 * that fails is an error of its start. Returns the exit status, or -1.
 */
int up_lab(struct up *u, int (*ready)(void *arg, struct err *e), void *arg, struct err *e);
/* The same in a process of its own, without a terminal; returns when it is up or has failed. */
int up_detached(struct up *u, struct err *e);

#endif
