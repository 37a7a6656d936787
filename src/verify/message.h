/*
 * message: the header of a file transfer datagram (docs/transfer-protocol.md),
 * read by code that shares only the protocol's numbers with the node programs.
 */
#ifndef HARNESS_VERIFY_MESSAGE_H
#define HARNESS_VERIFY_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/decode.h"

/* Whether the CRC of a datagram is that of its bytes. */
enum crc_state {
	CRC_GOOD,
	CRC_BAD,
	CRC_UNKNOWN, /* not all of the datagram was captured */
};

struct message {
	const struct datagram *datagram;
	uint8_t type, flags;
	uint64_t transfer;
	uint32_t packet;
	uint64_t offset;
	const uint8_t *payload;
	size_t len;	 /* of the payload, as sent */
	size_t captured; /* of the payload, as captured */
	uint32_t crc;
	enum crc_state crc_state;
};

/* False when it is no message, or its header was not captured whole. */
bool message_decode(const struct datagram *d, struct message *ret_message);
/* Whether the CRC holds if the payload goes on with these bytes behind what was captured. */
bool message_crc_holds(const struct message *m, const uint8_t *rest, size_t len);

/* Numbers of a payload, most significant byte first. */
uint16_t message_u16(const uint8_t *at);
uint32_t message_u32(const uint8_t *at);
uint64_t message_u64(const uint8_t *at);

#endif
