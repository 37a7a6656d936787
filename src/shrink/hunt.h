/*
 * hunt: the search for a smallest set of lost datagrams that makes a run fail. Each probe is a run
 * of the topology, in a folder of its own that goes when it is judged.
 */
#ifndef HARNESS_SHRINK_HUNT_H
#define HARNESS_SHRINK_HUNT_H

#include <stdio.h>

#include "shrink/ddmin.h"
#include "shrink/losses.h"

struct hunt {
	struct topology *topology; /* as the run had it; losses_apply() changes it */
	struct losses losses;
	const char *folder; /* for probes, absolute */
	size_t max_probes;
	size_t n_probes;
	FILE *progress;	   /* a line for each probe; NULL: quiet */
	char *last_reason; /* why the last probe that failed did */
};

enum hunt_result {
	HUNT_FOUND,
	HUNT_PASSES,	   /* with all the losses of the run it does not fail again */
	HUNT_FAILS_ANYWAY, /* it fails without any of them, too */
};

/* *ret_found only with HUNT_FOUND. -1 also when a signal came. */
int hunt_losses(struct hunt *h, enum hunt_result *ret_result, struct ddmin_result *ret_found,
		struct err *e);
/* Run the topology as it is: 1 it fails, 0 it does not or it cannot be told. what: for progress. */
int hunt_probe(struct hunt *h, struct topology *t, const char *what, struct err *e);
void hunt_done(struct hunt *h);

#endif
