/*
 * engine: what impairs the links of a lab: the wire (link/wire.h), or netem
 * (lab/netem.h) under the same roof. For supervisor.c. Functions accept NULL, which is
 * a lab of clean links.
 */
#ifndef HARNESS_RUN_ENGINE_H
#define HARNESS_RUN_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct engine_config {
	const struct topology *topology;
	struct evidence *evidence;
	const char *folder; /* of the run */
};

struct engine;

/* In the network namespace of the networks. Returns when links are what they are to be. */
int engine_start(const struct engine_config *config, struct engine **ret_engine, struct err *e);
/* Programs are ready: faults that have a time count from now on (CLOCK_MONOTONIC, ns). */
void engine_begin(struct engine *g, uint64_t ready_ns);
/* When it has to act next, CLOCK_MONOTONIC; UINT64_MAX: it does not. */
uint64_t engine_next(const struct engine *g);
void engine_act(struct engine *g, uint64_t now_ns);
/* For poll(2), -1: there is nothing to wait for. */
int engine_fd(const struct engine *g);
/* 1 and a fault on a program that is due by its count of datagrams; 0: there is none. */
int engine_read_fault(const struct engine *g, size_t *ret_fault);
/* Whether waitpid(2) gave the status of its process: then it is over. */
bool engine_ended(struct engine *g, pid_t pid, int status);
/* Of the process that it is, 0: it is none. */
pid_t engine_pid(const struct engine *g);
/* Frames that links hold now. */
uint64_t engine_held(struct engine *g);
/* No program is left. What is held may leave until deadline_ns from now; counters are final. */
int engine_stop(struct engine *g, uint64_t deadline_ns, struct err *e);

#endif
