/*
 * copies: which captured packets are one and the same, seen at several places.
 *
 * Copies are told by the bytes of the frame. When the same bytes are sent again,
 * the n-th appearance at one interface is a copy of the n-th at another. Only
 * the last packets are remembered, in memory of a fixed size.
 */
#ifndef HARNESS_CAPTURE_COPIES_H
#define HARNESS_CAPTURE_COPIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "capture/pcapng.h"

/* Nothing but an impaired link delays a copy for longer. */
#define COPIES_MAX_DELAY_NS (2 * NS_PER_SEC)

struct copies;

/* Bytes that come again later than max_delay_ns are another packet. */
struct copies *copies_new(size_t n_interfaces, uint64_t max_delay_ns);
/* What tells the bytes of a packet from others. */
uint64_t copies_key(const struct packet *p);
/*
 * A number for the packet, from 1 on, that its copies at other interfaces have too; copies have the
 * same key. To be called for the packets of all interfaces (p->interface < n_interfaces) in the
 * order of time. *ret_first: no copy was seen before.
 */
uint64_t copies_id(struct copies *c, const struct packet *p, uint64_t key, bool *ret_first);
/* For a packet of which there are no copies. */
uint64_t copies_lone_id(struct copies *c);
/* One packet with this key, that was seen elsewhere, never comes to this interface. */
void copies_skip(struct copies *c, uint32_t interface, uint64_t key, uint64_t now_ns);
void copies_freep(struct copies **c);

#endif
