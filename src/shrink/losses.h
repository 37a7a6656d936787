/*
 * losses: which datagrams a run lost by chance, from the log of its link engine, and a topology
 * that loses some of them by name instead.
 *
 * By chance: by `loss`, `drop` or `drop-every`. What a link lost because it was down, because a
 * queue was full or a packet too large has a reason that is still there when the run is repeated.
 * Frames that are not IP (ARP, say) have no list to stand in, and are left out.
 */
#ifndef HARNESS_SHRINK_LOSSES_H
#define HARNESS_SHRINK_LOSSES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "topology/topology.h"

struct loss {
	size_t node, interface; /* of the link */
	enum direction direction;
	size_t flow; /* index into losses.flows */
	uint64_t number;
};

/* In the order in which they were lost. */
struct losses {
	struct loss *l;
	size_t n, room;
	char **flows;
	size_t n_flows, flows_room;
	size_t n_other; /* frames lost by chance that are not IP */
};

/* From the log of a run of this topology; losses_done() in any case. */
int losses_read(struct losses *losses, const char *log, const struct topology *t, struct err *e);
void losses_done(struct losses *losses);

/*
 * All links of the topology, and faults that change links, lose exactly these (indices into
 * losses.l, ascending): what they had of `loss`, `drop` and `drop-every` is gone.
 */
void losses_apply(const struct losses *losses, const size_t *chosen, size_t n, struct topology *t);

#endif
