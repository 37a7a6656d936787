/* vlan: the tag that the kernel takes out of frames and keeps beside them. */
#ifndef HARNESS_LINK_VLAN_H
#define HARNESS_LINK_VLAN_H

#include <stdint.h>
#include <string.h>

#define VLAN_TAG       4
#define VLAN_ADDRESSES 12 /* of a frame, ahead of its tag */

/* Puts it back, IEEE 802.1Q. There must be room ahead of the frame, whose new begin is returned. */
static inline uint8_t *vlan_insert(uint8_t *frame, uint16_t tpid, uint16_t tci)
{
	uint8_t *begin = frame - VLAN_TAG;
	uint8_t tag[VLAN_TAG] = { (uint8_t)(tpid >> 8), (uint8_t)tpid, (uint8_t)(tci >> 8),
				  (uint8_t)tci };

	memmove(begin, frame, VLAN_ADDRESSES);
	memcpy(begin + VLAN_ADDRESSES, tag, sizeof(tag));
	return begin;
}

#endif
