#include "link/hold.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/array.h"
#include "base/cleanup.h"

#define LINE	    64
#define BLOCK_BYTES (1 << 20)
/*
 * Sizes with struct held included, in lines of the processor's cache: odd, so that frames of one
 * size do not all compete for the same few places in it. The third last holds a frame of an MTU of
 * 9000, the last whatever a packet socket can hand out.
 */
static const uint16_t class_lines[] = { 3, 7, 13, 19, 25, 37, 73, 145, 265, 1033, 4099 };
#define N_CLASSES (sizeof(class_lines) / sizeof(class_lines[0]))

struct hold {
	struct held **heap; /* binary */
	size_t n, room;
	uint64_t sequence;
	struct held *free[N_CLASSES];
	void **blocks;
	size_t n_blocks, blocks_room;
	size_t bytes, max_bytes;
};

static size_t class_size(size_t c)
{
	return (size_t)class_lines[c] * LINE;
}

struct hold *hold_new(size_t max_bytes)
{
	struct hold *h = array_new(1, sizeof(*h));

	h->max_bytes = max_bytes;
	return h;
}

/* Cut another block into frames of this class. */
static bool add_block(struct hold *h, size_t c)
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
	size_t c = 0;

	while (c < N_CLASSES && class_size(c) < sizeof(struct held) + len)
		c++;
	if (c == N_CLASSES || (h->free[c] == NULL && !add_block(h, c)))
		return NULL;

	struct held *frame = h->free[c];

	h->free[c] = frame->next;
	frame->len = (uint32_t)len;
	return frame;
}

/* The last one freed is the next one used: it is still in the processor's cache. */
void hold_free_frame(struct hold *h, struct held *frame)
{
	frame->next = h->free[frame->size_class];
	h->free[frame->size_class] = frame;
}

static bool before(const struct held *a, const struct held *b)
{
	return a->due_ns < b->due_ns || (a->due_ns == b->due_ns && a->sequence < b->sequence);
}

static void push(struct hold *h, struct held *frame)
{
	size_t i = h->n;

	array_add(&h->heap, &h->n, &h->room, sizeof(struct held *));
	for (; i > 0 && before(frame, h->heap[(i - 1) / 2]); i = (i - 1) / 2)
		h->heap[i] = h->heap[(i - 1) / 2];
	h->heap[i] = frame;
}

/* This frame takes the place of the first one. */
static void replace_first(struct hold *h, struct held *frame)
{
	size_t i = 0;

	for (size_t child = 1; child < h->n; child = 2 * i + 1) {
		if (child + 1 < h->n && before(h->heap[child + 1], h->heap[child]))
			child++;
		if (!before(h->heap[child], frame))
			break;
		h->heap[i] = h->heap[child];
		i = child;
	}
	h->heap[i] = frame;
}

void hold_put(struct hold *h, struct hold_list *list, uint64_t due_ns, struct held *frame)
{
	struct held *last = list->last;

	frame->due_ns = due_ns;
	frame->sequence = h->sequence++;
	frame->list = list;
	frame->next = NULL;
	if (last == NULL || due_ns < last->due_ns) {
		push(h, frame);
		if (last == NULL)
			list->last = frame;
		return;
	}
	last->next = frame;
	list->last = frame;
}

uint64_t hold_due(const struct hold *h)
{
	return h->n > 0 ? h->heap[0]->due_ns : UINT64_MAX;
}

struct held *hold_take(struct hold *h)
{
	struct held *first = h->heap[0];

	if (first->next != NULL) {
		replace_first(h, first->next);
		return first;
	}
	if (first->list->last == first)
		first->list->last = NULL;
	h->n--;
	if (h->n > 0)
		replace_first(h, h->heap[h->n]);
	return first;
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
