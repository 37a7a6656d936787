/*
 * hold: frames that wait for their time, earliest first; among those due at one time, in the order
 * in which they were put there. Their memory is bounded, and reused while it is warm.
 *
 * Most frames are due after all that were put before them by the same owner. They stand in a list
 * per owner, and only its first one is in the heap: putting and taking a frame costs the same
 * whether ten are held or a hundred thousand.
 */
#ifndef HARNESS_LINK_HOLD_H
#define HARNESS_LINK_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held {
	uint64_t due_ns, sequence;
	struct held *next; /* of its list: that of an owner, or that of free ones */
	uint32_t len;
	bool again; /* a duplicate, for the caller */
	uint8_t size_class;
	uint64_t place; /* in the log, for the caller */
	struct hold_list *list;
	uint8_t bytes[];
};

/* Frames of one owner, as they are due; all zero: none. */
struct hold_list {
	void *owner;
	struct held *last; /* NULL: it is empty */
};

struct hold;

/* For frames that need at most this much memory. */
struct hold *hold_new(size_t max_bytes);
/* A frame of this length, to be put or freed. NULL when there is no memory for it. */
struct held *hold_alloc(struct hold *h, size_t len);
void hold_free_frame(struct hold *h, struct held *frame);
void hold_put(struct hold *h, struct hold_list *list, uint64_t due_ns, struct held *frame);
/* When the first one is due; UINT64_MAX: there is none. */
uint64_t hold_due(const struct hold *h);
/* Takes out the first one; there must be one. */
struct held *hold_take(struct hold *h);
void hold_free(struct hold *h);
void hold_freep(struct hold **h);

#endif
