#include "capture/copies.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* What memory is spent on at most, and how many packets are enough for any lab. */
#define MAX_MEMORY   ((size_t)32 << 20)
#define MAX_ENTRIES  ((size_t)1 << 17)
#define MIN_ENTRIES  ((size_t)1 << 10)
#define GOLDEN_RATIO 0x9e3779b97f4a7c15ULL

/* Entries are referred to by number: one more than the index, 0 is none. */
struct entry {
	uint64_t key;
	uint64_t id;
	uint64_t used_ns; /* last */
	uint32_t next;	  /* in the bucket, an older one */
	uint32_t seen[];  /* by each interface: how often */
};

struct copies {
	size_t entry_size;
	size_t n_entries; /* a power of two, and also the number of buckets */
	uint64_t n_made;
	uint64_t max_delay_ns;
	uint32_t *buckets;
	char *entries; /* overwritten in turn: number n_made goes to index n_made % n_entries */
};

struct copies *copies_new(size_t n_interfaces, uint64_t max_delay_ns)
{
	struct copies *c = array_new(1, sizeof(*c));

	c->entry_size = (sizeof(struct entry) + n_interfaces * sizeof(uint32_t) + 7) & ~(size_t)7;
	c->max_delay_ns = max_delay_ns;
	c->n_entries = MAX_ENTRIES;
	while (c->n_entries > MIN_ENTRIES && c->n_entries * c->entry_size > MAX_MEMORY)
		c->n_entries /= 2;
	c->buckets = array_new(c->n_entries, sizeof(*c->buckets));
	c->entries = array_new(c->n_entries, c->entry_size);
	return c;
}

static struct entry *entry_at(const struct copies *c, size_t index)
{
	return (void *)(c->entries + index * c->entry_size);
}

static uint32_t *bucket_of(const struct copies *c, uint64_t key)
{
	return &c->buckets[(key * GOLDEN_RATIO) >> 32 & (c->n_entries - 1)];
}

static void forget(struct copies *c, uint32_t number)
{
	struct entry *old = entry_at(c, number - 1);
	uint32_t *at = bucket_of(c, old->key);

	while (*at != number)
		at = &entry_at(c, *at - 1)->next;
	*at = old->next;
}

static struct entry *make(struct copies *c, uint64_t key)
{
	size_t index = c->n_made & (c->n_entries - 1);
	struct entry *made = entry_at(c, index);
	uint32_t *bucket = bucket_of(c, key);

	if (c->n_made >= c->n_entries)
		forget(c, (uint32_t)index + 1);
	memset(made, 0, c->entry_size);
	made->key = key;
	made->id = ++c->n_made;
	made->next = *bucket;
	*bucket = (uint32_t)index + 1;
	return made;
}

/* The newest entry of this key, made when there is none or it was not used for too long. */
static struct entry *find(struct copies *c, uint64_t key, uint64_t now_ns)
{
	uint32_t number = *bucket_of(c, key);

	while (number != 0 && entry_at(c, number - 1)->key != key)
		number = entry_at(c, number - 1)->next;

	struct entry *found = number != 0 ? entry_at(c, number - 1) : NULL;

	if (found == NULL || now_ns - found->used_ns > c->max_delay_ns)
		found = make(c, key);
	found->used_ns = now_ns;
	return found;
}

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * GOLDEN_RATIO;
	return h ^ h >> 29;
}

uint64_t copies_key(const struct packet *p)
{
	uint64_t h = mix(p->original_len, p->captured_len);
	uint32_t at = 0;
	uint64_t word;

	for (; p->captured_len - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, p->data + at, sizeof(word));
		h = mix(h, word);
	}
	word = 0;
	memcpy(&word, p->data + at, p->captured_len - at);
	return mix(h, word);
}

/* What was seen before has an entry of its own for each time, for its number. */
uint64_t copies_id(struct copies *c, const struct packet *p, uint64_t key, bool *ret_first)
{
	uint64_t n_made = c->n_made;
	struct entry *frame = find(c, key, p->time_ns);
	uint64_t id = frame->id;
	uint32_t before = frame->seen[p->interface]++;

	if (before != 0)
		id = find(c, mix(mix(0, id), before), p->time_ns)->id;
	*ret_first = id > n_made;
	return id;
}

uint64_t copies_lone_id(struct copies *c)
{
	return make(c, mix(mix(1, c->n_made), c->max_delay_ns))->id;
}

void copies_skip(struct copies *c, uint32_t interface, uint64_t key, uint64_t now_ns)
{
	find(c, key, now_ns)->seen[interface]++;
}

void copies_freep(struct copies **c)
{
	if (*c == NULL)
		return;
	free((*c)->buckets);
	free((*c)->entries);
	free(*c);
	*c = NULL;
}
