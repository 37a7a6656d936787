/*
 * plan: a topology file as the runs it asks for, one per combination of the
 * values of its `vary` blocks (one in all when there are none) that no `exclude`
 * block takes out, in the order of the file, the last block varying fastest.
 */
#ifndef HARNESS_TOPOLOGY_PLAN_H
#define HARNESS_TOPOLOGY_PLAN_H

#include "topology/topology.h"

struct variable {
	char *name;
	char *value;
};

struct planned_run {
	/* "mode=multi-thread" or "mode=...,loss=..." (also the run's folder, so without slashes);
	 * "run" when nothing varies. */
	char *label;
	struct variable *variables;
	size_t n_variables;
	struct topology *topology;
};

void planned_run_done(struct planned_run *r);

struct plan {
	struct planned_run *runs;
	size_t n_runs;
	char *text; /* the topology file, byte for byte, NUL-terminated */
	size_t text_len;
};

/*
 * What is wrong with a topology file: every mistake found, each as
 * "file:line: what is wrong with which value", in the order of lines.
 */
struct problems {
	char **messages;
	size_t n;
	size_t room;
};

void problems_done(struct problems *p);

/*
 * Read the file, check it, expand it. Returns 0 and a plan (plan_free), or -1
 * with at least one message in *p. *p starts as {0} and belongs to the caller.
 */
int plan_load(const char *path, struct plan **ret_plan, struct problems *p);
/* As plan_load() of text that was read already; path is for messages and relative files. */
int plan_parse(const char *path, const char *text, size_t len, struct plan **ret_plan,
	       struct problems *p);
void plan_free(struct plan *plan);
void plan_freep(struct plan **plan);

#endif
