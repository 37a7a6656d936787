/*
 * document: the blocks, keys and values of a topology file as they stand in it,
 * each with its place, before anything is known of their meaning.
 *
 * libconfuse parses; it lives in document.c only. What it gets is not the file
 * but what sweep.c makes of it.
 */
#ifndef HARNESS_TOPOLOGY_DOCUMENT_H
#define HARNESS_TOPOLOGY_DOCUMENT_H

#include <stddef.h>

#include "base/text.h"
#include "topology/grammar.h"
#include "topology/problems.h"

struct value {
	char *text;
	size_t at; /* offset in the file, as every `at` */
};

struct entry {
	const struct key *key;
	struct value *values;
	size_t n;
};

struct section {
	const struct section_kind *kind;
	size_t parent; /* index into document.sections */
	size_t at;
	char *title; /* "" when the kind has none */
	struct entry *entries;
	size_t n_entries;
};

/* Blocks in the order of the file; the first one is the file itself. */
struct document {
	struct section *sections;
	size_t n, room;
};

/*
 * Parse. Returns 0 when the whole file was understood as blocks and keys (then
 * *d says what it holds, even when unknown keys were reported and left out), or
 * -1 after a syntax error was added to *problems. document_done() in any case.
 */
int document_parse(struct document *d, struct problem_list *problems);
void document_done(struct document *d);
/* The entry of this key, or NULL. */
const struct entry *section_entry(const struct section *s, const char *key);

/*
 * sweep.c: make text for libconfuse from the file, and list the blocks in *d.
 * *ret_passed_at is where it met syntax it does not understand, SIZE_MAX when
 * nowhere. Returns -1 when there is nothing to parse, after adding to *problems
 * why.
 */
int sweep(struct document *d, struct problem_list *problems, struct text *ret_text,
	  size_t *ret_passed_at);

#endif
