/*
 * rate: a line of so many bits per second, and the queue in front of it. By a virtual clock: when
 * a frame arrives, it is known when its last bit will be on the line, so nothing is ever polled.
 */
#ifndef HARNESS_LINK_RATE_H
#define HARNESS_LINK_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "topology/impairment.h"

struct rate_waiting {
	uint64_t start_ns; /* when its first bit is sent: then it waits no longer */
	uint32_t len;
};

struct rate {
	uint64_t free_ns;	    /* when the line is free */
	uint64_t remainder;	    /* of the last division by the rate: nothing is rounded away */
	struct rate_waiting *queue; /* a ring of `room` */
	size_t first, n, room;
	uint64_t bytes; /* in the queue */
};

/*
 * A frame of len bytes (Ethernet, without its check sequence) arrives. True and when its last bit
 * will have been sent; false when the queue is full. Frames come in the order of arrived_ns.
 */
bool rate_queue(struct rate *r, const struct impairment *i, size_t len, uint64_t arrived_ns,
		uint64_t *ret_sent_ns);
void rate_done(struct rate *r);

#endif
