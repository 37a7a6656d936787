/*
 * program_faults: what is done to programs on a clock. For supervisor.c.
 *
 * Faults of links are the link engine's business (link/wire.h); it tells when a
 * fault of a program is due by its count of datagrams.
 */
#ifndef HARNESS_RUN_PROGRAM_FAULTS_H
#define HARNESS_RUN_PROGRAM_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"
#include "topology/topology.h"

struct crew;

struct program_faults {
	const struct topology *topology;
	struct evidence *evidence;
	uint64_t ready_ns; /* CLOCK_MONOTONIC: times count from here; 0: not yet */
	struct crew *crew; /* starts programs again */
};

/* When the next one is due, CLOCK_MONOTONIC; UINT64_MAX: none is. */
uint64_t program_faults_next(const struct program_faults *f);
/* Do what is due at this time. */
void program_faults_act(struct program_faults *f, uint64_t now_ns);
/* This one is due now, whatever its time. */
void program_faults_fire(struct program_faults *f, size_t fault);
/* The program has ended: start it again when a fault asked for that. */
void program_faults_ended(struct program_faults *f, size_t program);

#endif
