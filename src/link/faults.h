/*
 * faults: what changes on links in the middle of a run, by time or by a count of datagrams. Those
 * that are in force form a list in the order in which they came; what a link does is its
 * topology's impairment with all of them applied in turn, so that undoing one leaves the others.
 */
#ifndef HARNESS_LINK_FAULTS_H
#define HARNESS_LINK_FAULTS_H

#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"
#include "link/flows.h"
#include "topology/topology.h"

struct fault_state {
	uint64_t counted; /* datagrams so far */
	uint64_t next_ns; /* CLOCK_MONOTONIC, when it fires or is undone; UINT64_MAX: not by time */
};

struct faults {
	const struct topology *topology;
	struct evidence *evidence;
	/* This direction of this link does that from now on; *now is the caller's for the call. */
	void (*set)(void *arg, size_t link, enum direction d, const struct impairment *now);
	struct fault_state *states; /* as topology.faults */
	size_t *in_force;	    /* their numbers, in the order in which they fired */
	size_t n_in_force;
	uint64_t next_ns; /* the earliest one's */
	/* A fault on a program is due by its count. */
	void (*due)(void *arg, size_t fault);
	void *arg;
};

/* Every direction of every link is set then, as the topology has it. */
void faults_init(struct faults *f);
/* Note on a new flow which faults count it. */
void faults_watch(const struct faults *f, struct flow *flow);
/* A datagram of this flow has come, and nothing was decided about it yet. */
void faults_count(struct faults *f, const struct flow *flow, uint64_t now_ns);
/* Times count from here. */
void faults_begin(struct faults *f, uint64_t ready_ns);
/* Do what is due by time. */
void faults_run(struct faults *f, uint64_t now_ns);

#endif
