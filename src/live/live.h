/*
 * live: which part of a topology is up in a lab to work in.
 *
 * Networks, nodes, links and their impairments, and the servers among its `program` blocks. What
 * runs to an end (transfers, other programs) is left to whoever works there, and so is everything
 * that has its time in a run: of faults there are those of links that count datagrams.
 */
#ifndef HARNESS_LIVE_LIVE_H
#define HARNESS_LIVE_LIVE_H

#include "topology/topology.h"

/* Shares all but a few arrays with t, which must outlive it (live_topology_done). */
void live_topology_init(struct topology *ret_live, const struct topology *t);
void live_topology_done(struct topology *live);

#endif
