/*
 * lane: one direction of one link: what happens to a frame from its arrival at one port until it
 * leaves by the other, and that it is logged and counted.
 */
#ifndef HARNESS_LINK_LANE_H
#define HARNESS_LINK_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"
#include "link/flows.h"
#include "link/hold.h"
#include "link/log.h"
#include "link/port.h"
#include "link/rate.h"
#include "topology/impairment.h"

struct lane {
	const char *link; /* its name */
	uint16_t number;  /* of the link */
	enum direction direction;
	struct impairment now; /* what it points to belongs to the topology */
	struct direction_evidence *counts;
	struct port *from, *to;
	struct rate rate;
	struct hold_list held;
	uint64_t last_due_ns;
	struct flow *last;    /* the flow of the last frame, which is often the next one's, too */
	struct flow too_many; /* for the frames of all flows that there is no memory for */
	struct lane *next_unflushed;
	bool unflushed; /* frames wait for port_flush() */
};

/* All lanes, and what they share. */
struct lanes {
	struct lane *lanes; /* those of link n are 2n + enum direction */
	size_t n;
	struct lane *unflushed;
	struct flows *flows;
	struct hold *hold;
	struct log_writer *log;
	uint64_t seed;
	size_t snaplen;	     /* bytes of a frame that are hashed */
	uint64_t to_real_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
};

/* The flow of a frame; a new one is in the log then, but has no counts yet. */
struct flow *lane_flow(struct lanes *s, struct lane *l, const struct port_frame *frame,
		       bool *ret_is_new);
/* Decides what becomes of the next frame of the flow, and does it. Corrupts it in place. */
void lane_take(struct lanes *s, struct lane *l, struct flow *flow, const struct port_frame *frame,
	       uint64_t now_ns);
/* Let go what is due, `max` frames at most. Returns how many. */
size_t lanes_release(struct lanes *s, uint64_t now_ns, size_t max);
/* Have the kernel send what was let go. */
void lanes_flush(struct lanes *s);
/* Give up all that is still held. */
void lanes_give_up(struct lanes *s);

#endif
