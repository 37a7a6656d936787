/* supervisor: pid 1 of a run. For run.c. */
#ifndef HARNESS_RUN_SUPERVISOR_H
#define HARNESS_RUN_SUPERVISOR_H

#include <stdbool.h>
#include <stddef.h>

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
	/* A lab to work in: servers are started and stay until it is told to stop; whoever comes
	 * through the door may do what they like meanwhile. */
	bool keep;
	int keeper; /* a descriptor that is the parent's alone, or -1 */
};

/* Messages on the control socket. To the supervisor: */
#define SUPERVISOR_GO	"g" /* start the programs */
#define SUPERVISOR_STOP "s" /* stop now, in good order */
/* With a socket, which gets the namespaces of this node (lab/door.h): */
struct supervisor_visit {
	char kind; /* SUPERVISOR_VISIT */
	size_t node;
};
#define SUPERVISOR_VISIT "v"
/* From it: */
#define SUPERVISOR_READY "r" /* the lab is up and recorded; once more when servers are ready */
#define SUPERVISOR_DONE	 "d" /* the evidence is complete */

/*
 * Carries out the run in the child of sandbox_fork(); everything it finds goes
 * to the evidence. Returns when the harness has let go of the control socket.
 */
void supervisor_main(const struct supervised *job, const struct sandbox *sandbox);

#endif
