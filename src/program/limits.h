/*
 * limits: the processors and the memory that `program` blocks may use, at most.
 *
 * The kernel enforces them through a cgroup per program (lab/cgroup.h). These do
 * not vanish with their processes, so a process of their own makes and removes
 * them: the guard. It is outside of the lab, waits for the end of the harness
 * and of its supervisor, whatever ends them, and then removes what it made. Only
 * when the guard is killed together with the harness do empty cgroups stay,
 * until the next run on this machine. A run whose programs have no limits has no
 * guard and makes no cgroup.
 */
#ifndef HARNESS_PROGRAM_LIMITS_H
#define HARNESS_PROGRAM_LIMITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "program/program.h"

struct limits;

/*
 * Before the supervisor is forked. *ret_limits is NULL when no program asks for a limit. Where
 * limits cannot be set the evidence of each program that asks says why; that is no error.
 */
int limits_open(const struct programs *programs, struct evidence *ev, struct limits **ret_limits,
		struct err *e);
/* What program_start() puts it into (borrowed); -1: it has no limits, or they could not be set. */
int limits_cgroup(const struct limits *l, size_t program);
/* Whether the kernel has killed this program at its limit of memory since the last call. */
bool limits_were_hit(struct limits *l, size_t program);
/* When the supervisor has ended: waits until the cgroups are removed. Accepts NULL. */
void limits_close(struct limits *l);

#endif
