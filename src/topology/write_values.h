/* write_values: values and keys as a topology file has them. For write.c and its parts. */
#ifndef HARNESS_TOPOLOGY_WRITE_VALUES_H
#define HARNESS_TOPOLOGY_WRITE_VALUES_H

#include "base/text.h"
#include "topology/topology.h"

/* The string as a value in quotes. */
void write_quoted(struct text *t, const char *s);
/* A line of a block. */
void write_key(struct text *t, const char *key, const char *value);
/* A command line, NULL-terminated; nothing when it is NULL. */
void write_words(struct text *out, const char *key, char *const *argv);
/*
 * So that it leads there from anywhere (free). Symbolic links are not followed: a program looks at
 * the name it is called by, and a file is called by the name it has here.
 */
char *write_absolute(const char *path);

/* write_program.c */
void write_program(struct text *out, const struct topology *t, const struct command *c);

#endif
