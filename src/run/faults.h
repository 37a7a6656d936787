/*
 * faults: what is done to programs on a clock. For supervisor.c.
 *
 * Faults of links are the link engine's business (link/wire.h); it tells when a
 * fault of a program is due by its count of datagrams.
 */
#ifndef HARNESS_RUN_FAULTS_H
#define HARNESS_RUN_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct crew;

struct faults {
	const struct topology *topology;
	struct evidence *evidence;
	uint64_t ready_ns; /* CLOCK_MONOTONIC: times count from here; 0: not yet */
	struct crew *crew; /* starts programs again */
};

/* When the next one is due, CLOCK_MONOTONIC; UINT64_MAX: none is. */
uint64_t faults_next(const struct faults *f);
/* Do what is due at this time. */
void faults_act(struct faults *f, uint64_t now_ns);
/* This one is due now, whatever its time. */
void faults_fire(struct faults *f, size_t fault);
/* The program has ended: start it again when a fault asked for that. */
void faults_ended(struct faults *f, size_t program);

#endif
