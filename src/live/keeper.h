/*
 * keeper: the process that a lab to work in lives and dies with. It has started the run
 * (run.h, with request.keep), and answers those who ask for the lab by its name.
 */
#ifndef HARNESS_LIVE_KEEPER_H
#define HARNESS_LIVE_KEEPER_H

#include "base/err.h"
#include "live/status.h"
#include "run/run.h"
#include "topology/topology.h"

struct keeper;

struct keeper_config {
	struct run *run;		 /* began, and is not over */
	const struct topology *topology; /* its own */
	/* Everything but state, nodes and programs; borrowed. */
	const struct lab_status *identity;
	int listener; /* of registry_claim(); stays the caller's */
	/* What happens, for people. */
	void (*note)(void *arg, const char *text);
	void *arg;
};

/* From now on the lab answers. */
int keeper_start(const struct keeper_config *config, struct keeper **ret_keeper, struct err *e);
/* Until the run is over, however it ended. */
int keeper_serve(struct keeper *k, struct err *e);
/* Tells those who wait for the end how it was, and hangs up. */
void keeper_free(struct keeper *k, const char *farewell);

#endif
