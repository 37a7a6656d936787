#include "topology/netem_limits.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

struct limit {
	int line;
	size_t number;
	const char *why;
};

struct limits {
	struct limit *items;
	size_t n, room;
};

static void limits_done(struct limits *l)
{
	free(l->items);
}

static void limit_add(struct limits *l, int line, const char *why)
{
	struct limit *new;

	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].line == line && strcmp(l->items[i].why, why) == 0)
			return;
	new = array_add(&l->items, &l->n, &l->room, sizeof(*new));
	*new = (struct limit){ line, l->n, why };
}

/* net/sched/sch_netem.c, netem_enqueue(): with a rate each frame waits for the one before it. */
static void check_jitter(const struct impairment *i, struct limits *l)
{
	const int *lines = i->lines;

	if (i->jitter_ns == 0)
		return;
	if (i->rate_bps != 0 && i->jitter_reorders)
		limit_add(l, lines[IMPAIRMENT_JITTER_REORDERS],
			  "jitter-reorders: netem keeps frames in order where there is a rate");
	if (i->jitter_shape == JITTER_PARETO && i->jitter_ns > NETEM_PARETO_MAX_NS)
		limit_add(l, lines[IMPAIRMENT_JITTER],
			  "jitter: netem has 300ms at most where its shape is pareto");
	else if (i->jitter_ns > NETEM_JITTER_MAX_NS)
		limit_add(l, lines[IMPAIRMENT_JITTER], "jitter: netem has 2s at most");
}

static void check_impairment(const struct impairment *i, struct limits *l)
{
	const int *lines = i->lines;

	if (i->n_drops != 0)
		limit_add(l, lines[IMPAIRMENT_DROP], "drop: netem cannot lose chosen datagrams");
	if (i->drop_every != 0)
		limit_add(l, lines[IMPAIRMENT_DROP_EVERY],
			  "drop-every: netem cannot lose every n-th datagram of a flow");
	if (i->mtu != 0)
		limit_add(l, lines[IMPAIRMENT_MTU],
			  "mtu: netem lets frames of any size through; give the interface an mtu");
	if (i->queue_bytes != 0)
		limit_add(l, lines[IMPAIRMENT_QUEUE],
			  "queue: netem counts packets, not bytes, as in queue = 100p");
	check_jitter(i, l);
}

static void check_fault(const struct fault *f, struct limits *l)
{
	if (f->after != 0)
		limit_add(l, f->after_line,
			  "after: netem does not count datagrams; give the fault "
			  "a time, as in at = 2s");
	for (int d = 0; f->action == FAULT_CHANGE && d < N_DIRECTIONS; d++)
		if (f->direction[d])
			check_impairment(&f->to[d], l);
}

static int compare(const void *a, const void *b)
{
	const struct limit *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void give(struct problems *p, const char *path, const struct limit *limit)
{
	cleanup_free char *message = text_format("%s:%d: %s", path, limit->line, limit->why);

	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->messages[i], message) == 0)
			return;
	*(char **)array_add(&p->messages, &p->n, &p->room, sizeof(message)) = take_ptr(message);
}

int topology_check_netem(const struct topology *t, struct problems *p)
{
	cleanup_by(limits_done) struct limits l = { 0 };

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
			for (int d = 0; d < N_DIRECTIONS; d++)
				check_impairment(&t->nodes[i].interfaces[k].impairments[d], &l);
	for (size_t i = 0; i < t->n_faults; i++)
		check_fault(&t->faults[i], &l);
	if (l.n != 0)
		qsort(l.items, l.n, sizeof(*l.items), compare);
	for (size_t i = 0; i < l.n; i++)
		give(p, t->path, &l.items[i]);
	return l.n == 0 ? 0 : -1;
}
