/*
 * flows: every flow that the wire has seen, found by what stands in a frame. Memory is bounded: a
 * flow that is one too many is not kept.
 */
#ifndef HARNESS_LINK_FLOWS_H
#define HARNESS_LINK_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/fate.h"
#include "link/log.h"

/* 32768-60999: ip_local_port_range of ip-sysctl.rst, which nothing in a lab changes. */
#define FLOWS_FIRST_LOCAL_PORT 32768
#define FLOWS_LAST_LOCAL_PORT  60999

struct flow {
	struct link_flow seen; /* ports as they are in frames */
	struct link_flow name; /* ... or ordinals in their place */
	struct fate_flow fate;
	uint32_t number;   /* in the log */
	uint32_t n_counts; /* faults that count its datagrams */
	size_t *counts;	   /* indices into topology.faults */
};

struct flows;

/* For at most so many flows. */
struct flows *flows_new(size_t max);
/* Made when there is none yet; then all but seen and name is zero. NULL: that would be too many. */
struct flow *flows_get(struct flows *f, const struct link_flow *seen, bool *ret_is_new);
void flows_free(struct flows *f);
void flows_freep(struct flows **f);

#endif
