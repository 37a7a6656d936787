/* argv: command lines, put together; and where programs are found. */
#ifndef HARNESS_PROGRAM_ARGV_H
#define HARNESS_PROGRAM_ARGV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct argv {
	char **v;
	size_t n, room;
};

/* Takes the string. */
void argv_add(struct argv *a, char *arg);
/* A copy of the option, and its value, which it takes. */
void argv_add2(struct argv *a, const char *option, char *value);
/* NULL-terminated; the caller's from now on. */
char **argv_end(struct argv *a);
/*
 * The given command with its own arguments, its program looked up as execvp(3) does: in the PATH of
 * env, a list of NAME=VALUE that may be NULL, or that of the harness.
 */
int argv_begin(struct argv *a, char *const *command, char *const *env, struct err *e);
/* Whether that would find it. */
bool argv_is_there(char *const *command, char *const *env);
/* One of our own programs, of nodes/. */
int argv_begin_own(struct argv *a, const char *name, struct err *e);

#endif
