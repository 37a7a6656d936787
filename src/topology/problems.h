/*
 * problems: mistakes found in one topology file, while it is being read.
 *
 * A mistake is tied to a place, an offset in bytes. They may be added in any
 * order and more than once (each run of the matrix finds them again);
 * problem_list_give() puts them in the order of the file.
 */
#ifndef HARNESS_TOPOLOGY_PROBLEMS_H
#define HARNESS_TOPOLOGY_PROBLEMS_H

#include <stddef.h>

#include "topology/plan.h"

struct problem {
	size_t at; /* offset in the file */
	size_t number;
	char *text;
};

struct problem_list {
	const char *path; /* both borrowed */
	const char *text;
	size_t len;
	size_t *lines; /* offsets at which lines begin */
	size_t n_lines, lines_room;
	struct problem *items;
	size_t n, room;
};

void problem_list_init(struct problem_list *l, const char *path, const char *text, size_t len);
void problem_list_done(struct problem_list *l);
void problem_add(struct problem_list *l, size_t at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The number of the line that this offset is in, from 1. */
int problem_line(const struct problem_list *l, size_t at);
/* Where a line begins; lines behind the last give the last. */
size_t problem_line_start(const struct problem_list *l, int line);
/* Append "path:line: text" of each to *p. */
void problem_list_give(struct problem_list *l, struct problems *p);
/* "path: message", for what has no line. */
void problems_add_whole(struct problems *p, const char *path, const char *message);

/* "; did you mean 'x'?" for a name that is nowhere, from the names that are there. */
struct nearest {
	const char *word;
	const char *best; /* NULL: none is close */
	size_t distance;
	char hint[96];
};

void nearest_consider(struct nearest *n, const char *candidate);
/*
 * The index of the one of n objects whose `name` is the word. SIZE_MAX: there is none, and all of
 * them were considered.
 */
#define nearest_find(near, objects, n)                                                             \
	nearest_find_name((near), (objects), (n), sizeof(*(objects)),                              \
			  offsetof(__typeof__(*(objects)), name))
size_t nearest_find_name(struct nearest *near, const void *objects, size_t n, size_t size,
			 size_t name_offset);
/* The suffix of a message, "" when none is close; in n->hint. */
const char *nearest_hint(struct nearest *n);

#endif
