/*
 * copies: which captured packets are one and the same, seen at several places.
 *
 * Copies are told by the bytes of the frame. When the same bytes are sent again,
 * the n-th appearance at one interface is a copy of the n-th at another. Only
 * the last packets are remembered, in memory of a fixed size.
 */
#ifndef HARNESS_CAPTURE_COPIES_H
#define HARNESS_CAPTURE_COPIES_H

#include <stddef.h>
#include <stdint.h>

#include "capture/pcapng.h"

struct copies;

struct copies *copies_new(size_t n_interfaces);
/*
 * A number for the packet, from 1 on, that its copies at other interfaces have too. To be
 * called for the packets of all interfaces (p->interface < n_interfaces) in the order of time.
 */
uint64_t copies_id(struct copies *c, const struct packet *p);
void copies_freep(struct copies **c);

#endif
