/* supervisor: pid 1 of a run. For run.c. */
#ifndef HARNESS_RUN_SUPERVISOR_H
#define HARNESS_RUN_SUPERVISOR_H

#include "evidence/evidence.h"
#include "lab/sandbox.h"
#include "program/program.h"
#include "topology/topology.h"

struct supervised {
	const struct topology *topology;
	const struct programs *programs;
	const char *folder;  /* of the run, absolute */
	const char *comment; /* for the captures */
	struct evidence *evidence;
};

/*
 * Carries out the run in the child of sandbox_fork(); everything it finds goes
 * to the evidence. Any message on the control socket means: stop now, in good order.
 */
void supervisor_main(const struct supervised *job, const struct sandbox *sandbox);

#endif
