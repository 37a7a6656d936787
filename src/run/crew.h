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
#include "program/limits.h"
#include "program/output.h"
#include "program/program.h"
#include "run/program_faults.h"

struct crew_member {
	bool skipped;	      /* a server that it comes after never came */
	uint64_t restart_ns;  /* when it is started again by its own policy, 0: it is not */
	uint64_t kill_ns;     /* when it has had its time to stop, 0: it was not told to */
	unsigned ready_lines; /* in the evidence when it was started */
};

struct crew {
	const struct topology *topology;
	const struct programs *programs;
	struct evidence *evidence;
	struct output *output; /* set when it is there */
	struct limits *limits; /* NULL: no program has any */
	struct crew_member *members;
	bool begun;	    /* set when the first servers are ready: all else may start */
	bool stopping;	    /* nobody is started again */
	bool gave_up;	    /* on a server that all else waits for */
	uint64_t pause_ns;  /* between two looks at who is ready */
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

/* Of a crew whose first fields are set. */
void crew_init(struct crew *c);

/*
 * Look at who is ready, start whose turn it is, stop what is past its deadline. To be called again
 * after every event, and at the time that crew_next() gives.
 */
int crew_act(struct crew *c, struct err *e);
/* CLOCK_MONOTONIC; UINT64_MAX: only an event makes something due. */
uint64_t crew_next(struct crew *c);
/* Whether every server has become ready or has ended, but for those that come after others. */
bool crew_is_ready(const struct crew *c);
/* Whether all that is to end by itself has: what is no server, and servers that say so. */
bool crew_is_done(const struct crew *c);
/* Whether this one is to end by itself. */
bool crew_waits_for(const struct crew *c, size_t program);

/* Start this program now, whatever it comes after; what goes wrong is in its evidence, too. */
int crew_start_one(struct crew *c, size_t program, struct err *e);
/* How many of this role run. */
size_t crew_count_running(const struct crew *c, enum program_role role);
/* waitpid(2) gave this status. False: that is no program of the crew. */
bool crew_ended(struct crew *c, pid_t pid, int status);
/*
 * Receivers may still be reading what the senders left, and links may hold frames: wait until the
 * counters stand still. Leaves the receivers' sockets in the evidence.
 */
int crew_wait_quiet(struct crew *c, struct err *e);
/*
 * Servers may still be taking what came by TCP, and it may still be on its way: wait for as long as
 * what is left becomes less. Leaves in the evidence what servers had not taken.
 */
int crew_wait_streams(struct crew *c, struct err *e);
/* Its stop signal, SIGTERM if it has none of its own, and SIGKILL when it ignores that. */
void crew_stop(struct crew *c, enum program_role role);
void crew_stop_one(struct crew *c, size_t program);
/* SIGKILL to those that had their time; when there is more to do, CLOCK_MONOTONIC. */
uint64_t crew_kill_late(struct crew *c);
/* Those that were told to stop may have left something; nothing may send while captures drain. */
void crew_kill_leftovers(struct crew *c);

#endif
