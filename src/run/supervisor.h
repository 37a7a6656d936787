/* supervisor: pid 1 of a run. For run.c. */
#ifndef HARNESS_RUN_SUPERVISOR_H
#define HARNESS_RUN_SUPERVISOR_H

#include "evidence/evidence.h"
#include "lab/sandbox.h"
#include "program/limits.h"
#include "program/program.h"
#include "topology/topology.h"

struct supervised {
	const struct topology *topology;
	const struct programs *programs;
	struct limits *limits; /* NULL: no program has any */
	const char *folder;    /* of the run, absolute */
	const char *comment;   /* for the captures */
	struct evidence *evidence;
};

/* Messages on the control socket. To the supervisor: */
#define SUPERVISOR_GO	"g" /* start the programs */
#define SUPERVISOR_STOP "s" /* stop now, in good order */
/* From it: */
#define SUPERVISOR_READY "r" /* the lab is up and recorded */
#define SUPERVISOR_DONE	 "d" /* the evidence is complete */

/*
 * Carries out the run in the child of sandbox_fork(); everything it finds goes
 * to the evidence. Returns when the harness has let go of the control socket.
 */
void supervisor_main(const struct supervised *job, const struct sandbox *sandbox);

#endif
