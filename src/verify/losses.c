#include "verify/losses.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

/* Runs of chunk numbers in one list. */
#define MAX_RANGES 6

/* Chunks that one rule of one link lost; with CAUSE_NONE, that it corrupted. */
struct loss {
	struct fate_way way;
	enum link_cause cause;
	struct ranges chunks;
};

struct losses {
	struct loss *items;
	size_t n, room;
};

/* The way of the delivery's datagrams over the link of one side; false: nothing impairs that. */
static bool way_of(const struct trial *t, const struct delivery *d, enum side side,
		   struct fate_way *ret_way)
{
	const struct evidence *ev = t->evidence;
	size_t node = trial_side_node(t, d, side);
	size_t peer = trial_side_node(t, d, side == AT_SENDER ? AT_RECEIVER : AT_SENDER);
	const struct interface *i = topology_interface(t->topology, node, peer);

	for (size_t k = 0; i != NULL && k < ev->n_links; k++) {
		const struct link_evidence *l = &ev->links[k];

		if (l->node != node || &t->topology->nodes[node].interfaces[l->interface] != i)
			continue;
		*ret_way = (struct fate_way){ (uint16_t)k, side == AT_SENDER ? LINK_OUT : LINK_IN };
		return true;
	}
	return false;
}

static void add(struct losses *l, struct fate_way way, enum link_cause cause, uint64_t chunk)
{
	struct loss *found = NULL;

	for (size_t i = 0; i < l->n && found == NULL; i++)
		if (l->items[i].way.link == way.link &&
		    l->items[i].way.direction == way.direction && l->items[i].cause == cause)
			found = &l->items[i];
	if (found == NULL) {
		found = array_add(&l->items, &l->n, &l->room, sizeof(*found));
		found->way = way;
		found->cause = cause;
	}
	ranges_add(&found->chunks, chunk, chunk);
}

/* Over the sender's link, then over the receiver's. */
static void follow(const struct trial *t, const struct delivery *d, const struct fates *fates,
		   uint64_t hash, uint64_t chunk, struct losses *l)
{
	static const enum side sides[] = { AT_SENDER, AT_RECEIVER };

	for (size_t i = 0; i < 2; i++) {
		struct fate_way way;

		if (!way_of(t, d, sides[i], &way))
			continue;

		const struct fate *loss = fates_loss(fates, way, hash);
		uint64_t behind = fates_hash_behind(fates, way, hash);

		if (loss != NULL || behind != hash) {
			add(l, way, loss != NULL ? (enum link_cause)loss->cause : CAUSE_NONE,
			    chunk);
			return;
		}
	}
}

static void describe(const struct trial *t, const struct loss *l, struct text *s)
{
	const struct link_evidence *link = &t->evidence->links[l->way.link];
	enum direction d = (enum direction)l->way.direction;
	cleanup_free char *chunks = ranges_format(&l->chunks, MAX_RANGES);
	cleanup_free char *rule = fate_rule(t->topology, link, d, l->cause);
	bool one = ranges_total(&l->chunks) == 1;

	text_add(s, "chunk%s %s %s on %s %s", one ? "" : "s", chunks,
		 l->cause != CAUSE_NONE ? "lost" : "corrupted", link->name, direction_name(d));
	if (l->cause != CAUSE_NONE)
		text_add(s, ": %s", rule);
}

void losses_add(const struct trial *t, const struct delivery *d, const struct fates *fates,
		const struct ranges *missing, const uint64_t *frames, struct text *s)
{
	struct losses l = { 0 };

	for (size_t i = 0; i < missing->n; i++)
		for (uint64_t c = missing->r[i].first; c <= missing->r[i].last; c++)
			if (frames[c] != 0)
				follow(t, d, fates, frames[c], c, &l);
	for (size_t i = 0; i < l.n; i++) {
		text_add(s, "%s", i == 0 ? ": " : ", ");
		describe(t, &l.items[i], s);
		ranges_done(&l.items[i].chunks);
	}
	free(l.items);
}
