/*
 * program: a command in a node: what to start, starting it, and what it left.
 *
 * A list of programs is made from the topology before the run; the supervisor
 * starts them by number, reaps them with waitpid(2) itself, and asks here what
 * a program left running.
 */
#ifndef HARNESS_PROGRAM_PROGRAM_H
#define HARNESS_PROGRAM_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "lab/lab.h"
#include "topology/topology.h"

struct program {
	char *name; /* "alpine-2/udp-recv" */
	size_t node;
	size_t transfer; /* or NO_TRANSFER */
	enum program_role role;
	const struct command *command; /* of a `program` block, or NULL */
	struct listening *listens;     /* receivers: ready when all are bound */
	size_t n_listens;
	char **argv;  /* NULL-terminated; argv[0] is a path */
	char *home;   /* of `program` blocks: where it runs, relative to the run's folder */
	char *log;    /* likewise */
	char *report; /* likewise */
};

struct programs {
	struct program *p;
	size_t n;
	/* In their environment: tells their processes from those of a harness around this one. */
	uint64_t id;
};

/*
 * The receivers and senders of every transfer, in this order, and every command. folder is the
 * absolute path of the run's folder. rate_bps is shared by the transfers that have no rate of
 * their own, 0: unlimited. Checks that each can be executed.
 */
int programs_of_topology(const struct topology *t, const char *folder, uint64_t rate_bps,
			 struct programs *ret_programs, struct err *e);
void programs_done(struct programs *programs);
/* The folders that the programs write to. */
int programs_make_folders(const struct topology *t, const char *folder, struct err *e);
/* Put names, nodes, paths into the evidence, one to one. */
void programs_describe(const struct programs *programs, struct evidence *ev);

/* What a program is started with, beside what it is. */
struct program_place {
	const struct lab *lab;
	const char *folder; /* of the run */
	int output;	    /* what it writes to; -1: its log itself */
	int cgroup;	    /* with its limits (limits.h); -1: none */
};

/* Start number i in its node; -1 also when it cannot be executed. */
int program_start(const struct programs *programs, size_t i, const struct program_place *place,
		  pid_t *ret_pid, struct err *e);

/* The variable of the environment that tells whose process one is. */
#define PROGRAM_MARK "HARNESS_PROGRAM"

/* Called for every process that program number `program` left. */
typedef void leftover_fn(void *arg, size_t program, pid_t pid, const char *name);
/* Find the processes that programs left when they ended. */
int programs_leftovers(const struct programs *programs, const struct evidence *ev,
		       const struct lab *lab, leftover_fn *found, void *arg, struct err *e);

#endif
