#include "link/flows.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "link/mix.h"

#define CHUNK	    1024
#define FIRST_SLOTS 1024

/* Flows that are alike but for ports that kernels chose. */
struct likes {
	struct link_flow key; /* those ports are 0 and their ordinals 1 */
	size_t n;
};

struct slot {
	uint32_t hash;
	uint32_t entry; /* its index plus one, 0: none */
};

/* Open addressing; entries stand in chunks, so that they never move. */
struct table {
	size_t entry_size; /* each begins with its struct link_flow */
	struct slot *slots;
	size_t n_slots; /* a power of two */
	char **chunks;
	size_t n_chunks, chunks_room;
	size_t n;
};

struct flows {
	struct table flows, likes;
	size_t max;
};

_Static_assert(sizeof(struct link_flow) == 46, "no holes: compared and hashed as bytes");

static void table_init(struct table *t, size_t entry_size)
{
	*t = (struct table){ .entry_size = entry_size, .n_slots = FIRST_SLOTS };
	t->slots = array_new(t->n_slots, sizeof(t->slots[0]));
}

static void *entry(const struct table *t, size_t i)
{
	return t->chunks[i / CHUNK] + i % CHUNK * t->entry_size;
}

static void grow(struct table *t)
{
	struct slot *old = t->slots;
	size_t n_old = t->n_slots;

	t->n_slots *= 2;
	t->slots = array_new(t->n_slots, sizeof(t->slots[0]));
	for (size_t i = 0; i < n_old; i++) {
		size_t at = old[i].hash & (t->n_slots - 1);

		if (old[i].entry == 0)
			continue;
		while (t->slots[at].entry != 0)
			at = (at + 1) & (t->n_slots - 1);
		t->slots[at] = old[i];
	}
	free(old);
}

static void *append(struct table *t)
{
	if (t->n == t->n_chunks * CHUNK) {
		char **chunk = array_add(&t->chunks, &t->n_chunks, &t->chunks_room,
					 sizeof(*t->chunks));

		*chunk = array_new(CHUNK, t->entry_size);
	}
	return entry(t, t->n++);
}

/* The entry with this key; or a new one, unless there are max already. */
static void *table_get(struct table *t, const struct link_flow *key, size_t max, bool *ret_is_new)
{
	uint32_t hash = (uint32_t)mix_bytes(0, key, sizeof(*key));
	size_t at = hash & (t->n_slots - 1);

	for (; t->slots[at].entry != 0; at = (at + 1) & (t->n_slots - 1)) {
		void *found = entry(t, t->slots[at].entry - 1);

		*ret_is_new = false;
		if (t->slots[at].hash == hash && memcmp(found, key, sizeof(*key)) == 0)
			return found;
	}
	if (t->n >= max)
		return NULL;

	void *new = append(t);

	memcpy(new, key, sizeof(*key));
	t->slots[at] = (struct slot){ .hash = hash, .entry = (uint32_t)t->n };
	if (t->n > t->n_slots / 2)
		grow(t);
	*ret_is_new = true;
	return new;
}

static void table_done(struct table *t)
{
	for (size_t i = 0; i < t->n_chunks; i++)
		free(t->chunks[i]);
	free(t->chunks);
	free(t->slots);
}

struct flows *flows_new(size_t max)
{
	struct flows *f = array_new(1, sizeof(*f));

	f->max = max;
	table_init(&f->flows, sizeof(struct flow));
	table_init(&f->likes, sizeof(struct likes));
	return f;
}

static bool is_local(uint16_t port)
{
	return port >= FLOWS_FIRST_LOCAL_PORT && port <= FLOWS_LAST_LOCAL_PORT;
}

static void name_port(uint16_t *port, uint16_t *ordinal, size_t n)
{
	if (!is_local(*port))
		return;
	*port = 0;
	*ordinal = (uint16_t)n;
}

/* Ordinals have 16 bits: those beyond keep their ports, and luck. */
static void name_flow(struct flows *f, struct flow *flow)
{
	struct link_flow alike = flow->seen;
	struct likes *likes;
	bool is_new;

	flow->name = flow->seen;
	if (!is_local(alike.from_port) && !is_local(alike.to_port))
		return;
	name_port(&alike.from_port, &alike.from_ordinal, 1);
	name_port(&alike.to_port, &alike.to_ordinal, 1);
	/* Never more of these than there are flows. */
	likes = table_get(&f->likes, &alike, SIZE_MAX, &is_new);
	if (likes->n >= UINT16_MAX)
		return;
	likes->n++;
	name_port(&flow->name.from_port, &flow->name.from_ordinal, likes->n);
	name_port(&flow->name.to_port, &flow->name.to_ordinal, likes->n);
}

struct flow *flows_get(struct flows *f, const struct link_flow *seen, bool *ret_is_new)
{
	struct flow *flow = table_get(&f->flows, seen, f->max, ret_is_new);

	if (flow != NULL && *ret_is_new)
		name_flow(f, flow);
	return flow;
}

void flows_free(struct flows *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->flows.n; i++) {
		struct flow *flow = entry(&f->flows, i);

		fate_flow_done(&flow->fate);
		free(flow->counts);
	}
	table_done(&f->flows);
	table_done(&f->likes);
	free(f);
}

void flows_freep(struct flows **f)
{
	flows_free(*f);
}
