#include "link/hold.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/cleanup.h"

/* Each class of sizes is four times the one before: 256 bytes to 256 KiB, struct held included. */
#define N_CLASSES   6
#define LEAST_SIZE  256
#define BLOCK_BYTES (1 << 20)
/* Children of a node of the heap: four keys, and their sequence numbers, are in one or two lines. */
#define CHILDREN 4

struct entry {
	uint64_t due_ns, sequence;
	struct held *frame;
};

struct hold {
	struct entry *heap;
	size_t n, room;
	uint64_t sequence;
	struct held *free[N_CLASSES];
	void **blocks;
	size_t n_blocks, blocks_room;
	size_t bytes, max_bytes;
};

static size_t class_size(unsigned c)
{
	return (size_t)LEAST_SIZE << 2 * c;
}

struct hold *hold_new(size_t max_bytes)
{
	struct hold *h = array_new(1, sizeof(*h));

	h->max_bytes = max_bytes;
	return h;
}

/* Cut another block into frames of this class. */
static bool add_block(struct hold *h, unsigned c)
{
	size_t size = class_size(c);

	if (h->bytes + BLOCK_BYTES > h->max_bytes)
		return false;

	char *block = calloc(1, BLOCK_BYTES);

	if (block == NULL)
		return false;
	/* Where that is allowed: a page fault later would make a frame late. */
	(void)mlock(block, BLOCK_BYTES);
	*(void **)array_add(&h->blocks, &h->n_blocks, &h->blocks_room, sizeof(void *)) = block;
	h->bytes += BLOCK_BYTES;
	for (size_t at = 0; at + size <= BLOCK_BYTES; at += size) {
		struct held *frame = (void *)(block + at);

		frame->size_class = (uint8_t)c;
		hold_free_frame(h, frame);
	}
	return true;
}

struct held *hold_alloc(struct hold *h, size_t len)
{
	unsigned c = 0;

	while (c < N_CLASSES && class_size(c) < sizeof(struct held) + len)
		c++;
	if (c == N_CLASSES || (h->free[c] == NULL && !add_block(h, c)))
		return NULL;

	struct held *frame = h->free[c];

	h->free[c] = frame->next_free;
	frame->len = (uint32_t)len;
	return frame;
}

/* The last one freed is the next one used: it is still in the processor's cache. */
void hold_free_frame(struct hold *h, struct held *frame)
{
	frame->next_free = h->free[frame->size_class];
	h->free[frame->size_class] = frame;
}

static bool before(const struct entry *a, const struct entry *b)
{
	return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->sequence < b->sequence);
}

/* A frame due after all others, as most are, stays where it is put. */
void hold_put(struct hold *h, uint64_t due_ns, struct held *frame)
{
	struct entry new = { due_ns, h->sequence++, frame };
	size_t i = h->n;

	array_add(&h->heap, &h->n, &h->room, sizeof(*h->heap));
	for (; i > 0 && before(&new, &h->heap[(i - 1) / CHILDREN]); i = (i - 1) / CHILDREN)
		h->heap[i] = h->heap[(i - 1) / CHILDREN];
	h->heap[i] = new;
}

uint64_t hold_due(const struct hold *h)
{
	return h->n > 0 ? h->heap[0].due_ns : UINT64_MAX;
}

static size_t first_child(const struct hold *h, size_t i)
{
	size_t first = i * CHILDREN + 1, best = first;

	for (size_t k = first + 1; k < first + CHILDREN && k < h->n; k++)
		if (before(&h->heap[k], &h->heap[best]))
			best = k;
	return best;
}

struct held *hold_take(struct hold *h)
{
	struct held *frame = h->heap[0].frame;
	struct entry last = h->heap[--h->n];
	size_t i = 0;

	while (i * CHILDREN + 1 < h->n) {
		size_t child = first_child(h, i);

		if (!before(&h->heap[child], &last))
			break;
		h->heap[i] = h->heap[child];
		i = child;
	}
	h->heap[i] = last;
	return frame;
}

void hold_free(struct hold *h)
{
	if (h == NULL)
		return;
	for (size_t i = 0; i < h->n_blocks; i++)
		free(h->blocks[i]);
	free(h->blocks);
	free(h->heap);
	free(h);
}

void hold_freep(struct hold **h)
{
	hold_free(*h);
}
