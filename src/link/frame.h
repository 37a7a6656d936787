/* frame: which flow an Ethernet frame belongs to, from its headers alone. Pure. */
#ifndef HARNESS_LINK_FRAME_H
#define HARNESS_LINK_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include "link/log.h"

#define FRAME_HEADER 14 /* of Ethernet: two addresses and the type */

/*
 * Fills in all but link and direction, which it leaves alone; ports are as they are, ordinals 0.
 * Only the first fragment of an IP packet has ports; the others belong to a flow of their own,
 * with the same addresses and protocol. A frame whose headers contradict themselves has ethertype 0.
 */
void frame_flow(const void *frame, size_t len, struct link_flow *flow);
bool flow_is_ip(const struct link_flow *flow);

#endif
