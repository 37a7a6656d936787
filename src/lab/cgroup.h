/*
 * cgroup: a folder of cgroup v2 for the programs of one run, and none left behind.
 *
 * A cgroup outlives its processes: somebody has to remove its folder. So each
 * run that needs one has
 *
 *	PLACE/harness.MADE.XXXXXX		the run's
 *	PLACE/harness.MADE.XXXXXX/NUMBER	one per program, with its limits
 *
 * and all who use the run's folder hold a shared lock on it (flock(2)). A folder
 * that nobody holds is stale: cgroup_sweep(), and everybody who makes another one
 * at that place, removes it. Locks end with processes, as pids do, but count
 * across pid namespaces.
 *
 * PLACE is the first of these that works, tried with a process: the cgroup that
 * we are in, the one above it, and so on up to the uppermost that is mounted;
 * first wherever the controllers are handed on to children already, then
 * wherever the kernel lets us have them handed on. It does where that cgroup
 * holds no process itself, or is the root ("no internal processes", the
 * kernel's cgroup-v2.rst). What was changed for us is in the name (MADE), and
 * undone by whoever removes the last folder: nothing differs afterwards.
 */
#ifndef HARNESS_LAB_CGROUP_H
#define HARNESS_LAB_CGROUP_H

#include <stdint.h>

#include "base/err.h"

/* Or-ed together. */
enum cgroup_controller {
	CGROUP_CPU = 1,
	CGROUP_MEMORY = 2,
};

struct cgroup {
	char *place;
	char *path; /* of the run's folder */
	int lock;
};

#define CGROUP_NONE ((struct cgroup){ .lock = -1 })

/* Make the run's folder, its children with these controllers, and hold it. */
int cgroup_make(unsigned controllers, struct cgroup *ret_cgroup, struct err *e);
/* Hold this folder of a run, too, as long as the descriptor is open, in children as well. */
int cgroup_hold(const char *path, struct err *e);
/* A child with limits: of processors, 0: all, and of bytes of memory, 0: all; swap is none then. */
int cgroup_add(const struct cgroup *c, const char *name, double cpus, uint64_t memory,
	       struct err *e);
/* Wait until the last process has gone, for so long, and remove the folder with its children. */
int cgroup_remove(struct cgroup *c, uint64_t deadline_ns, struct err *e);
/* How often the kernel has killed in this child (a descriptor of it) because of its limit. */
uint64_t cgroup_count_kills(int child);
/* Put the calling process there. */
int cgroup_enter(int child, struct err *e);

/* Remove what killed harnesses have left around our own cgroup. */
void cgroup_sweep(void);

#endif
