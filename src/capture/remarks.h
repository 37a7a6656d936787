/*
 * remarks: what impaired links did to packets, as comments in the merged capture.
 *
 * The link engine's log knows which frame of many with the same bytes was lost, and what a frame
 * was before a bit of it was flipped. So copies of a packet share their number across links, too,
 * and the earliest copy says what became of the others.
 */
#ifndef HARNESS_CAPTURE_REMARKS_H
#define HARNESS_CAPTURE_REMARKS_H

#include "base/err.h"
#include "capture/copies.h"
#include "capture/pcapng.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct remarks;

/* path: of the engine's log. Topology and evidence must outlive it. */
int remarks_new(const struct topology *t, const struct evidence *ev, const char *path,
		struct remarks **ret_remarks, struct err *e);
void remarks_freep(struct remarks **r);
/* How long a copy may come after another one. */
uint64_t remarks_max_delay(const struct remarks *r);
/*
 * Sets id and comment (valid until the next call). To be called for the packets of all captures in
 * the order of time; p->interface is an index into evidence.captures.
 */
void remarks_add(struct remarks *r, struct copies *copies, struct packet *p);

#endif
