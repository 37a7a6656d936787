/*
 * crew: the programs of a run: started, waited for, stopped. For supervisor.c,
 * which is pid 1, waits for events and reaps.
 */
#ifndef HARNESS_RUN_CREW_H
#define HARNESS_RUN_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "lab/lab.h"
#include "program/program.h"
#include "run/program_faults.h"

struct crew {
	const struct programs *programs;
	struct evidence *evidence;
	const char *folder; /* of the run */
	struct lab *lab;    /* set when it is up */
	struct program_faults faults;
	/* Wait for something to happen, until that time (CLOCK_MONOTONIC) at most. */
	void (*wait)(void *arg, uint64_t until_ns);
	/* Whether the run should go no further. */
	bool (*must_stop)(void *arg);
	/* How many frames links hold. */
	uint64_t (*held)(void *arg);
	void *arg;
};

/* All of a role, or one by its number. */
int crew_start(struct crew *c, enum program_role role, struct err *e);
int crew_start_one(struct crew *c, size_t program, struct err *e);
size_t crew_count_running(const struct crew *c, enum program_role role);
/* waitpid(2) gave this status. False: that is no program of the crew. */
bool crew_ended(struct crew *c, pid_t pid, int status);
/* Until every receiver has its port or has ended; not ready when it takes too long. */
int crew_wait_ready(struct crew *c, bool *ret_ready, struct err *e);
/*
 * Receivers may still be reading what the senders left, and links may hold frames: wait until the
 * counters stand still. Leaves the receivers' sockets in the evidence.
 */
int crew_wait_quiet(struct crew *c, struct err *e);
/* SIGTERM, and SIGKILL to those that ignore it. */
void crew_stop(struct crew *c, enum program_role role);
/* Those that were told to stop may have left something; nothing may send while captures drain. */
void crew_kill_leftovers(struct crew *c);

#endif
