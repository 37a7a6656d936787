#include "verify/message.h"

#include "../../nodes/lib/protocol.h"
#include "verify/crc32c.h"

uint16_t message_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

uint32_t message_u32(const uint8_t *at)
{
	return (uint32_t)message_u16(at) << 16 | message_u16(at + 2);
}

uint64_t message_u64(const uint8_t *at)
{
	return (uint64_t)message_u32(at) << 32 | message_u32(at + 4);
}

bool message_crc_holds(const struct message *m, const uint8_t *rest, size_t len)
{
	static const uint8_t no_crc[4];
	uint32_t crc = crc32c(0, m->datagram->payload, PROTOCOL_AT_CRC);

	crc = crc32c(crc, no_crc, sizeof(no_crc));
	crc = crc32c(crc, m->payload, m->captured);
	return crc32c(crc, rest, len) == m->crc;
}

bool message_decode(const struct datagram *d, struct message *ret_message)
{
	const uint8_t *h = d->payload;

	if (d->captured < PROTOCOL_HEADER_LENGTH || message_u32(h) != PROTOCOL_MAGIC ||
	    h[PROTOCOL_AT_VERSION] != PROTOCOL_VERSION ||
	    h[PROTOCOL_AT_HEADER_WORDS] != PROTOCOL_HEADER_WORDS)
		return false;

	struct message m = {
		.datagram = d,
		.type = h[PROTOCOL_AT_TYPE],
		.flags = h[PROTOCOL_AT_FLAGS],
		.transfer = message_u64(h + PROTOCOL_AT_TRANSFER),
		.packet = message_u32(h + PROTOCOL_AT_PACKET),
		.offset = message_u64(h + PROTOCOL_AT_OFFSET),
		.payload = h + PROTOCOL_HEADER_LENGTH,
		.len = d->len - PROTOCOL_HEADER_LENGTH,
		.captured = d->captured - PROTOCOL_HEADER_LENGTH,
		.crc = message_u32(h + PROTOCOL_AT_CRC),
		.crc_state = CRC_UNKNOWN,
	};

	if (message_u16(h + PROTOCOL_AT_PAYLOAD_LENGTH) != m.len)
		return false;
	if (m.captured == m.len)
		m.crc_state = message_crc_holds(&m, NULL, 0) ? CRC_GOOD : CRC_BAD;
	*ret_message = m;
	return true;
}
