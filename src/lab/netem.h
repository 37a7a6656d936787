/*
 * netem: the kernel's link engine, tc-netem(8), told over libnl.
 *
 *	node: eth0 <-veth-> near | bridge | far <-veth-> port of the network
 *
 * A bridge of two ports that learns nothing joins the two ends; a netem qdisc
 * at the root of far does what direction out wants, one of near direction in.
 * All functions work in the caller's network namespace and keep nothing open.
 *
 * What differs from our own engine: bursts are per direction and not per flow,
 * a flipped bit may be one of the Ethernet header, and frames held for their
 * delay count for the queue's limit. Fates depend on the order of frames, and
 * repeat only where the kernel takes a seed (6.6).
 */
#ifndef HARNESS_LAB_NETEM_H
#define HARNESS_LAB_NETEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/impairment.h"

/* Of one qdisc. What came to it: sent + dropped + held, less what it duplicated. */
struct netem_counters {
	uint64_t sent;	  /* packets, duplicates included */
	uint64_t dropped; /* by loss, or by a full queue: the kernel counts them together */
	uint64_t held;	  /* now */
	bool seeded;	  /* the kernel's generator takes a seed */
};

/* What leaves the interface meets this from now on. What the qdisc holds and counted stays. */
int netem_apply(const char *device, const struct impairment *i, uint64_t seed, struct err *e);
/* -1 when there is no netem qdisc at its root, too. */
int netem_read(const char *device, struct netem_counters *ret_counters, struct err *e);
/*
 * Whether netem works here, by trying it in a namespace that a lab could have; the kernel loads its
 * module then. To be called by a single-threaded process.
 */
bool netem_available(struct err *why);

#endif
