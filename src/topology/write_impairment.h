/* write_impairment: what a link does, as keys of a block. For topology_write(). */
#ifndef HARNESS_TOPOLOGY_WRITE_IMPAIRMENT_H
#define HARNESS_TOPOLOGY_WRITE_IMPAIRMENT_H

#include "base/text.h"
#include "topology/impairment.h"

/*
 * The keys of both directions when they are the same, else blocks out { } and in { }; NULL: of
 * this direction nothing. Keys that a file has said, or that say something, are written.
 */
void write_impairments(struct text *out, const struct impairment *to, const struct impairment *from,
		       const char *indent);

#endif
