#include "verify/under_way.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/array.h"

#define GOLDEN_RATIO UINT64_C(0x9e3779b97f4a7c15)

/* How often the key was seen at the first end minus how often at the second. */
struct slot {
	uint64_t key; /* 0: free */
	int64_t n;
};

struct under_way {
	struct slot *slots;
	size_t size, used;
};

struct under_way *under_way_new(void)
{
	struct under_way *u = array_new(1, sizeof(*u));

	u->size = 1024;
	u->slots = array_new(u->size, sizeof(*u->slots));
	return u;
}

static size_t home_of(const struct under_way *u, uint64_t key)
{
	return (size_t)(key * GOLDEN_RATIO >> 20) & (u->size - 1);
}

static size_t slot_of(const struct under_way *u, uint64_t key)
{
	size_t at = home_of(u, key);

	while (u->slots[at].key != 0 && u->slots[at].key != key)
		at = (at + 1) & (u->size - 1);
	return at;
}

static void grow(struct under_way *u)
{
	struct slot *old = u->slots;
	size_t n = u->size;

	u->size *= 2;
	u->slots = array_new(u->size, sizeof(*u->slots));
	for (size_t i = 0; i < n; i++)
		if (old[i].key != 0)
			u->slots[slot_of(u, old[i].key)] = old[i];
	free(old);
}

/* Knuth, The Art of Computer Programming, 6.4, algorithm R: no graves are left behind. */
static void free_slot(struct under_way *u, size_t at)
{
	size_t mask = u->size - 1;

	for (size_t next = (at + 1) & mask; u->slots[next].key != 0; next = (next + 1) & mask) {
		size_t home = home_of(u, u->slots[next].key);

		if (((next - home) & mask) < ((next - at) & mask))
			continue;
		u->slots[at] = u->slots[next];
		at = next;
	}
	u->slots[at] = (struct slot){ 0 };
	u->used--;
}

bool under_way_change(struct under_way *u, uint64_t key, int by)
{
	size_t at = slot_of(u, key != 0 ? key : 1);
	int64_t before = u->slots[at].n;

	if (u->slots[at].key == 0) {
		u->slots[at].key = key != 0 ? key : 1;
		u->used++;
	}
	u->slots[at].n += by;
	if (u->slots[at].n == 0)
		free_slot(u, at);
	else if (u->used * 2 > u->size)
		grow(u);
	return by > 0 ? before < 0 : before > 0;
}

bool under_way_has(const struct under_way *u, uint64_t key)
{
	return u->slots[slot_of(u, key != 0 ? key : 1)].key != 0;
}

void under_way_free(struct under_way *u)
{
	if (u == NULL)
		return;
	free(u->slots);
	free(u);
}
