/*
 * output: what programs write, kept with the time of every line.
 *
 * One process reads a pipe per program of a `program` block and writes its log
 * and the times of its lines (evidence.h says where and how), whatever the
 * programs do: one that writes without end fills neither memory nor disk. It
 * counts the lines that match a program's ready-output while they come.
 */
#ifndef HARNESS_PROGRAM_OUTPUT_H
#define HARNESS_PROGRAM_OUTPUT_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "program/program.h"

/* Kept of each program: the first bytes, and the last. */
#define OUTPUT_HEAD ((uint64_t)64 << 20)
#define OUTPUT_TAIL ((uint64_t)64 << 10)

struct output;

/*
 * Start it, when there are programs for it. folder is that of the run. *ret_output is NULL when
 * there are none.
 */
int output_start(const struct programs *programs, struct evidence *ev, const char *folder,
		 struct output **ret_output, struct err *e);
/* What this program writes to (borrowed); -1 when its output is kept in no such way. */
int output_fd(const struct output *o, size_t program);
/* waitpid(2) gave this status. False: that is not its process. */
bool output_ended(struct output *o, pid_t pid, int status);
/* No program is left: keep what is still in the pipes, and end. Accepts NULL. */
int output_stop(struct output *o, struct err *e);
/* Accepts NULL. */
void output_free(struct output *o);

#endif
