/*
 * fate: what a link does to one frame. Pure: no clock, no state but the flow's.
 *
 * The generator is counter-based: each draw is a hash of the flow's key (seed, name of the
 * link, direction, name of the flow), the frame's number in the flow and the purpose of the draw.
 * So the n-th frame of a flow meets the same fate whatever the timing, what other flows do, and
 * what else is drawn for it.
 */
#ifndef HARNESS_LINK_FATE_H
#define HARNESS_LINK_FATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "evidence/evidence.h"
#include "link/log.h"
#include "topology/impairment.h"

/*
 * The Pareto distribution's tail is cut where a frame in a million would be: at delay + 113.7
 * times the jitter.
 */
#define FATE_PARETO_TAIL 100.0

/* One flow, as far as fate goes. */
struct fate_flow {
	uint64_t key;
	uint64_t number; /* of the last frame that was decided, from 1 */
	bool ip;
	bool bad;		      /* the state of Gilbert-Elliott */
	const struct link_flow *name; /* as the log has it */
	char *text;		      /* the same, for comparing; made when it is asked for */
};

void fate_flow_init(struct fate_flow *flow, uint64_t seed, const char *link,
		    const struct link_flow *name);
void fate_flow_done(struct fate_flow *flow);

struct fate {
	enum link_cause cause; /* down to CAUSE_BURST; CAUSE_NONE: it passes */
	double draw;	       /* as in struct link_frame */
	unsigned copies;       /* 0, 1 or 2 */
	uint32_t flipped;      /* the bit to flip, counted from the frame's first; 0: none */
	bool reordered;	       /* it leaves at once; hold_ns is 0 */
	uint64_t hold_ns[2];   /* of each copy, when the rate has let it go */
};

/* Of the flow's next frame, of so many bytes, Ethernet header included. */
void fate_decide(const struct impairment *i, struct fate_flow *flow, size_t len,
		 struct fate *ret_fate);
/* Flip this bit; the first one of a byte is its highest, as it is on the wire in RFCs. */
void fate_flip(void *frame, uint32_t bit);

#endif
