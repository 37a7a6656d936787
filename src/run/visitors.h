/* visitors: who came into a lab to work in it, and what they started. For supervisor.c. */
#ifndef HARNESS_RUN_VISITORS_H
#define HARNESS_RUN_VISITORS_H

#include <stdint.h>
#include <sys/types.h>

struct visitors {
	/* Of the lab itself, 0: there is none. */
	pid_t recorder, engine;
	/* As crew.wait. */
	void (*wait)(void *arg, uint64_t until_ns);
	void *arg;
};

/*
 * When the lab's own programs have ended: hang up on all others, and kill those that stay. Nothing
 * may send while captures drain.
 */
void visitors_end(const struct visitors *v);

#endif
