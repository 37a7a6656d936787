/*
 * hold: frames that wait for their time, earliest first; among those due at one time, in the order
 * in which they were put there. Their memory is bounded, and reused while it is warm.
 */
#ifndef HARNESS_LINK_HOLD_H
#define HARNESS_LINK_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held {
	void *owner;	/* the caller's */
	uint64_t place; /* in the log */
	uint32_t len;
	bool again; /* a duplicate */
	uint8_t size_class;
	struct held *next_free;
	uint8_t bytes[];
};

struct hold;

/* For frames that need at most this much memory. */
struct hold *hold_new(size_t max_bytes);
/* A frame of this length, to be put or freed. NULL when there is no memory for it. */
struct held *hold_alloc(struct hold *h, size_t len);
void hold_free_frame(struct hold *h, struct held *frame);
void hold_put(struct hold *h, uint64_t due_ns, struct held *frame);
/* When the first one is due; UINT64_MAX: there is none. */
uint64_t hold_due(const struct hold *h);
/* Takes out the first one; there must be one. */
struct held *hold_take(struct hold *h);
void hold_free(struct hold *h);
void hold_freep(struct hold **h);

#endif
