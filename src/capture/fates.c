#include "capture/fates.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

#define GOLDEN_RATIO 0x9e3779b97f4a7c15ULL

/* Frames with one hash on one way. Numbers are 1 + an index, 0: none. */
struct group {
	uint64_t hash;
	struct fate_way way;
	uint32_t same_hash;   /* another group */
	uint32_t first, last; /* fates */
	/* Of the readers, and of the one that numbers fates. */
	uint32_t seen[N_FATES_READERS + 1];
	uint32_t next[N_FATES_READERS + 1];
};

/* Open addressing: 1 + index of what has this hash, 0: free. */
struct table {
	uint32_t *slots;
	size_t size, used;
};

struct fates {
	struct fate *fates;
	size_t n, room;
	struct group *groups;
	size_t n_groups, groups_room;
	struct table by_hash; /* the newest group */
	struct table by_out;  /* fates that changed the hash */
	uint64_t longest_hold_ns;
};

#define NUMBERING N_FATES_READERS

/* ---- tables ---- */

typedef uint64_t hash_of(const struct fates *f, uint32_t number);

static uint64_t group_hash(const struct fates *f, uint32_t number)
{
	return f->groups[number - 1].hash;
}

static uint64_t out_hash(const struct fates *f, uint32_t number)
{
	return f->fates[number - 1].hash_out;
}

static uint32_t *slot_of(const struct fates *f, const struct table *t, hash_of *hash_at,
			 uint64_t hash)
{
	size_t at = (size_t)(hash * GOLDEN_RATIO >> 20) & (t->size - 1);

	while (t->slots[at] != 0 && hash_at(f, t->slots[at]) != hash)
		at = (at + 1) & (t->size - 1);
	return &t->slots[at];
}

static void grow(const struct fates *f, struct table *t, hash_of *hash_at)
{
	struct table old = *t;

	t->size = old.size != 0 ? old.size * 2 : 1024;
	t->slots = array_new(t->size, sizeof(*t->slots));
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i] != 0)
			*slot_of(f, t, hash_at, hash_at(f, old.slots[i])) = old.slots[i];
	free(old.slots);
}

/* The slot for this hash, which will be filled when it is free. */
static uint32_t *claim(const struct fates *f, struct table *t, hash_of *hash_at, uint64_t hash)
{
	if ((t->used + 1) * 2 > t->size)
		grow(f, t, hash_at);

	uint32_t *slot = slot_of(f, t, hash_at, hash);

	t->used += *slot == 0;
	return slot;
}

/* ---- groups ---- */

static uint32_t first_group(const struct fates *f, uint64_t hash)
{
	return f->by_hash.size != 0 ? *slot_of(f, &f->by_hash, group_hash, hash) : 0;
}

static struct group *find(const struct fates *f, struct fate_way way, uint64_t hash)
{
	for (uint32_t at = first_group(f, hash); at != 0; at = f->groups[at - 1].same_hash) {
		struct group *g = &f->groups[at - 1];

		if (g->way.link == way.link && g->way.direction == way.direction)
			return g;
	}
	return NULL;
}

static struct group *find_or_add(struct fates *f, struct fate_way way, uint64_t hash)
{
	struct group *g = find(f, way, hash);

	if (g != NULL)
		return g;

	uint32_t *slot = claim(f, &f->by_hash, group_hash, hash);

	g = array_add(&f->groups, &f->n_groups, &f->groups_room, sizeof(*g));
	g->hash = hash;
	g->way = way;
	g->same_hash = *slot;
	*slot = (uint32_t)f->n_groups;
	return g;
}

/* Count one more frame of the group; its fate, or NULL. */
static struct fate *step(const struct fates *f, struct group *g, size_t reader)
{
	struct fate *fate = g->next[reader] != 0 ? &f->fates[g->next[reader] - 1] : NULL;

	g->seen[reader]++;
	if (fate == NULL || fate->number != g->seen[reader])
		return NULL;
	g->next[reader] = fate->next;
	return fate;
}

/* ---- reading the log ---- */

int fates_next(struct log_reader *r, size_t n_links, struct link_frame *ret_frame,
	       struct fate_way *ret_way, struct err *e)
{
	int more = log_read(r, ret_frame, e);

	if (more != 1)
		return more;

	const struct link_flow *flow = log_flow(r, ret_frame->flow);

	if (flow->link >= n_links || flow->direction >= N_DIRECTIONS ||
	    ret_frame->cause >= N_CAUSES)
		return err_set(e, 0, "the link engine's log is damaged: a record of no link");
	*ret_way = (struct fate_way){ flow->link, flow->direction };
	return 1;
}

static bool has_fate(const struct link_frame *frame)
{
	return frame->cause != CAUSE_NONE || frame->due_again_ns != 0 || frame->flipped != 0;
}

static void add(struct fates *f, struct fate_way way, const struct link_frame *frame)
{
	uint64_t left_ns = frame->due_again_ns > frame->due_ns ? frame->due_again_ns
							       : frame->due_ns;

	if (left_ns > frame->arrived_ns && left_ns - frame->arrived_ns > f->longest_hold_ns)
		f->longest_hold_ns = left_ns - frame->arrived_ns;
	if (!has_fate(frame))
		return;

	struct group *g = find_or_add(f, way, frame->hash_in);
	struct fate *fate = array_add(&f->fates, &f->n, &f->room, sizeof(*fate));
	uint32_t number = (uint32_t)f->n;

	*fate = (struct fate){
		.way = way,
		.cause = frame->cause,
		.duplicated = frame->due_again_ns != 0,
		.flipped = frame->flipped,
		.draw = frame->draw,
		.hash_in = frame->hash_in,
		.hash_out = frame->hash_out,
	};
	if (g->last != 0)
		f->fates[g->last - 1].next = number;
	else
		g->first = number;
	g->last = number;
	if (frame->hash_out != frame->hash_in && frame->cause == CAUSE_NONE) {
		uint32_t *slot = claim(f, &f->by_out, out_hash, frame->hash_out);

		*slot = number;
	}
}

/* Which of the frames with these bytes it was that had a fate. */
static void count(struct fates *f, struct fate_way way, const struct link_frame *frame)
{
	struct group *g = find(f, way, frame->hash_in);

	if (g == NULL)
		return;
	g->seen[NUMBERING]++;
	if (!has_fate(frame) || g->next[NUMBERING] == 0)
		return;

	struct fate *fate = &f->fates[g->next[NUMBERING] - 1];

	fate->number = g->seen[NUMBERING];
	g->next[NUMBERING] = fate->next;
}

typedef void taker(struct fates *f, struct fate_way way, const struct link_frame *frame);

static int pass(struct fates *f, const char *path, size_t n_links, taker *take, struct err *e)
{
	cleanup_by(log_reader_freep) struct log_reader *r = NULL;
	struct link_frame frame;
	struct fate_way way;
	int more;

	if (log_reader_open(path, &r, e) != 0)
		return -1;
	while ((more = fates_next(r, n_links, &frame, &way, e)) == 1)
		take(f, way, &frame);
	return more;
}

int fates_read(const char *path, size_t n_links, struct fates **ret_fates, struct err *e)
{
	cleanup_by(fates_freep) struct fates *f = array_new(1, sizeof(*f));

	if (pass(f, path, n_links, add, e) != 0)
		return -1;
	for (size_t i = 0; i < f->n_groups; i++)
		for (size_t k = 0; k <= NUMBERING; k++)
			f->groups[i].next[k] = f->groups[i].first;
	if (pass(f, path, n_links, count, e) != 0)
		return -1;
	*ret_fates = take_ptr(f);
	return 0;
}

void fates_freep(struct fates **f)
{
	if (*f == NULL)
		return;
	free((*f)->fates);
	free((*f)->groups);
	free((*f)->by_hash.slots);
	free((*f)->by_out.slots);
	free(*f);
	*f = NULL;
}

/* ---- asking ---- */

const struct fate *fates_loss(const struct fates *f, struct fate_way way, uint64_t hash)
{
	const struct group *g = find(f, way, hash);

	for (uint32_t at = g != NULL ? g->first : 0; at != 0; at = f->fates[at - 1].next)
		if (f->fates[at - 1].cause != CAUSE_NONE)
			return &f->fates[at - 1];
	return NULL;
}

uint64_t fates_hash_behind(const struct fates *f, struct fate_way way, uint64_t hash)
{
	const struct group *g = find(f, way, hash);

	for (uint32_t at = g != NULL ? g->first : 0; at != 0; at = f->fates[at - 1].next)
		if (f->fates[at - 1].cause == CAUSE_NONE)
			return f->fates[at - 1].hash_out;
	return hash;
}

uint64_t fates_origin(const struct fates *f, uint64_t hash)
{
	/* Out of one node and into another one: twice at most. */
	for (size_t i = 0; i < 2 && f->by_out.size != 0; i++) {
		uint32_t number = *slot_of(f, &f->by_out, out_hash, hash);

		if (number == 0)
			break;
		hash = f->fates[number - 1].hash_in;
	}
	return hash;
}

uint64_t fates_longest_hold(const struct fates *f)
{
	return f->longest_hold_ns;
}

const struct fate *fates_take(struct fates *f, enum fates_reader reader, struct fate_way way,
			      uint64_t hash)
{
	struct group *g = find(f, way, hash);

	return g != NULL ? step(f, g, reader) : NULL;
}

size_t fates_take_in(struct fates *f, uint64_t hash, const struct fate **ret_fates, size_t max)
{
	size_t n = 0;

	for (uint32_t at = first_group(f, hash); at != 0; at = f->groups[at - 1].same_hash) {
		const struct fate *fate = NULL;

		if (f->groups[at - 1].way.direction == LINK_IN)
			fate = step(f, &f->groups[at - 1], FATES_AHEAD);
		if (fate != NULL && n < max)
			ret_fates[n] = fate;
		n += fate != NULL;
	}
	return n;
}

/* ---- words ---- */

/* Whether a fault gives this direction other impairments in the middle of the run. */
static bool changes(const struct topology *t, const struct link_evidence *l, enum direction d)
{
	for (size_t i = 0; i < t->n_faults; i++) {
		const struct fault *f = &t->faults[i];

		if (f->action == FAULT_CHANGE && f->node == l->node &&
		    f->interface == l->interface && f->direction[d])
			return true;
	}
	return false;
}

char *fate_rule(const struct topology *t, const struct link_evidence *l, enum direction d,
		enum link_cause cause)
{
	const struct impairment *i = &t->nodes[l->node].interfaces[l->interface].impairments[d];
	const char *name = link_cause_name(cause);

	if (cause == CAUSE_QUEUE)
		return text_format("%s full", name);
	if (cause == CAUSE_STOPPED)
		return text_format("%s: still held when the run was over", name);
	if (changes(t, l, d))
		return text_dup(name);
	if (cause == CAUSE_LOSS && i->loss > 0)
		return text_format("%s %.4g%%", name, i->loss * 100);
	if (cause == CAUSE_EVERY && i->drop_every != 0)
		return text_format("%s %" PRIu64, name, i->drop_every);
	if (cause == CAUSE_MTU && i->mtu != 0)
		return text_format("%s %u", name, i->mtu);
	return text_dup(name);
}

char *fate_describe(const struct topology *t, const struct evidence *ev, const struct fate *fate)
{
	const struct link_evidence *l = &ev->links[fate->way.link];
	const char *way = fate->way.direction == LINK_OUT ? "out" : "in";
	struct text s = { 0 };

	if (fate->cause != CAUSE_NONE) {
		cleanup_free char *rule = fate_rule(t, l, (enum direction)fate->way.direction,
						    (enum link_cause)fate->cause);

		text_add(&s, "lost on %s %s: %s", l->name, way, rule);
		if (fate->draw >= 0)
			text_add(&s, ", drawn %.6g", fate->draw);
		return text_take(&s);
	}
	text_add(&s, "%s%s%s on %s %s", fate->duplicated ? "duplicated" : "",
		 fate->duplicated && fate->flipped != 0 ? " and " : "",
		 fate->flipped != 0 ? "corrupted" : "", l->name, way);
	if (fate->flipped != 0)
		text_add(&s, ": a bit of byte %u flipped", fate->flipped / 8);
	return text_take(&s);
}
