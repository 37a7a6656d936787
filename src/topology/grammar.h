/*
 * grammar: which blocks and keys a topology file has, as tables.
 *
 * A block kind stands in the file that fills its struct (node.c, transfer.c, command.c,
 * fault.c, impaired.c, metric.c, expect.c, session.c), beside the functions that its keys call. A new key
 * is a row there; a new block is a table of its own and a row in its parent's
 * children.
 */
#ifndef HARNESS_TOPOLOGY_GRAMMAR_H
#define HARNESS_TOPOLOGY_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

#include "topology/impairment.h"

struct builder;
struct section;
struct value;

struct key {
	const char *name;
	bool list; /* takes several values: x = { a, b }, or one: x = a */
	bool required;
	/* Put the values into the object of the block; with list == false, n is 1. */
	void (*set)(struct builder *b, void *object, const struct value *values, size_t n);
};

/* Blocks are built in this order, those of one phase in the order of the file. */
enum phase {
	PHASE_NETWORKS,
	PHASE_NODES,	    /* their interfaces name networks */
	PHASE_REST,	    /* names nodes */
	PHASE_FAULTS,	    /* names transfers too, as metrics do programs */
	PHASE_EXPECTATIONS, /* names all of them */
	N_PHASES,
};

struct section_kind {
	const char *name;
	bool named;	/* node NAME { }, not capture { } */
	bool keys_last; /* they are set when the blocks inside are done: they name them */
	enum phase phase;
	const struct key *keys;
	size_t n_keys;
	/* Behind them, those that several kinds share. */
	const struct key *shared_keys;
	size_t n_shared_keys;
	const struct section_kind *const *children;
	size_t n_children;
	/* Not NULL: names of keys are up to the file, and each becomes a block of this kind that has
	 * the name and, as its only key, the values. It has no other keys and no children. */
	const struct section_kind *any;
	/* The object that the keys fill, in `parent`, which is that of the block around; NULL: skip. */
	void *(*begin)(struct builder *b, void *parent, const struct section *s);
	/* All keys and blocks inside are done: what only the whole block can tell. May be NULL. */
	void (*end)(struct builder *b, void *object, const struct section *s);
};

/* All keys, the shared ones last. */
static inline size_t section_kind_n_keys(const struct section_kind *k)
{
	return k->n_keys + k->n_shared_keys;
}

static inline const struct key *section_kind_key(const struct section_kind *k, size_t i)
{
	return i < k->n_keys ? &k->keys[i] : &k->shared_keys[i - k->n_keys];
}

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

/* The whole file. */
extern const struct section_kind grammar_top;

extern const struct section_kind grammar_hub, grammar_switch;
extern const struct section_kind grammar_node, grammar_interface;
extern const struct section_kind grammar_vary, grammar_exclude, grammar_match;
extern const struct section_kind grammar_transfer, grammar_program;
extern const struct section_kind grammar_fault;
extern const struct section_kind grammar_metric, grammar_expect;
extern const struct section_kind grammar_capture;

/* routing.c, translation.c: what a node does beside having interfaces. */
#define N_ROUTING_KEYS 6
extern const struct key routing_keys[N_ROUTING_KEYS];

/* impaired.c: the keys of enum impairment_key, and out { } and in { }, which have all of them. */
extern const struct key impaired_keys[N_IMPAIRMENT_KEYS];
/* What interfaces and faults have of them: all but the last, for `mtu` there is another one. */
#define N_IMPAIRED_KEYS	    IMPAIRMENT_MTU
#define N_IMPAIRED_CHILDREN 2
extern const struct section_kind *const impaired_children[N_IMPAIRED_CHILDREN];

#endif
