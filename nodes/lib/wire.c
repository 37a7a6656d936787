#include "wire.h"

#include <stdbool.h>
#include <string.h>

#include "crc32c.h"

/* The checksum counts its own field as zeros, wherever the datagram is checked. */
static uint32_t checksum(const uint8_t *datagram, size_t len)
{
	static const uint8_t zeros[4];
	uint32_t crc = crc32c_extend(0, datagram, PROTOCOL_AT_CRC);

	crc = crc32c_extend(crc, zeros, sizeof(zeros));
	return crc32c_extend(crc, datagram + PROTOCOL_HEADER_LENGTH, len - PROTOCOL_HEADER_LENGTH);
}

static bool open_fits(const uint8_t *p, size_t len)
{
	if (len < PROTOCOL_OPEN_DATAGRAM_MIN - PROTOCOL_HEADER_LENGTH)
		return false;
	return PROTOCOL_OPEN_NAME + (size_t)wire_get16(p + PROTOCOL_OPEN_NAME_LENGTH) <= len;
}

static bool status_fits(const uint8_t *p, size_t len)
{
	if (len < PROTOCOL_STATUS_BITMAP)
		return false;

	uint32_t bits = wire_get32(p + PROTOCOL_STATUS_BITS);

	return bits <= PROTOCOL_STATUS_BITS_MAX && len == PROTOCOL_STATUS_BITMAP + (bits + 7) / 8;
}

static bool abort_fits(const uint8_t *p, size_t len)
{
	return len >= PROTOCOL_ABORT_TEXT &&
	       len == PROTOCOL_ABORT_TEXT + (size_t)wire_get16(p + PROTOCOL_ABORT_TEXT_LENGTH);
}

static bool payload_fits(uint8_t type, const uint8_t *p, size_t len)
{
	switch (type) {
	case PROTOCOL_OPEN:
		return open_fits(p, len);
	case PROTOCOL_OPEN_ACK:
		return len == PROTOCOL_OPEN_ACK_LENGTH;
	case PROTOCOL_DATA:
		return len > 0 && len <= PROTOCOL_CHUNK_MAX;
	case PROTOCOL_STATUS:
		return status_fits(p, len);
	case PROTOCOL_PROBE:
		return len == PROTOCOL_PROBE_LENGTH;
	case PROTOCOL_FIN:
		return len == PROTOCOL_FIN_LENGTH;
	case PROTOCOL_FIN_ACK:
		return len == PROTOCOL_FIN_ACK_LENGTH;
	case PROTOCOL_CLOSE:
		return len == 0;
	default:
		return abort_fits(p, len);
	}
}

enum wire_fault wire_parse(const void *datagram, size_t len, struct wire_packet *ret_packet)
{
	const uint8_t *d = datagram;

	if (len < PROTOCOL_HEADER_LENGTH)
		return WIRE_SHORT;
	if (wire_get32(d + PROTOCOL_AT_MAGIC) != PROTOCOL_MAGIC)
		return WIRE_MAGIC;
	if (d[PROTOCOL_AT_VERSION] != PROTOCOL_VERSION)
		return WIRE_VERSION;
	if (d[PROTOCOL_AT_HEADER_WORDS] != PROTOCOL_HEADER_WORDS)
		return WIRE_HEADER;
	if (wire_get16(d + PROTOCOL_AT_PAYLOAD_LENGTH) != len - PROTOCOL_HEADER_LENGTH)
		return WIRE_LENGTH;
	if (wire_get32(d + PROTOCOL_AT_CRC) != checksum(d, len))
		return WIRE_CRC;

	struct wire_packet p = {
		.type = d[PROTOCOL_AT_TYPE],
		.flags = d[PROTOCOL_AT_FLAGS],
		.transfer = wire_get64(d + PROTOCOL_AT_TRANSFER),
		.number = wire_get32(d + PROTOCOL_AT_PACKET),
		.time_us = wire_get32(d + PROTOCOL_AT_TIME),
		.offset = wire_get64(d + PROTOCOL_AT_OFFSET),
		.payload = d + PROTOCOL_HEADER_LENGTH,
		.len = len - PROTOCOL_HEADER_LENGTH,
	};

	if (p.type == 0 || p.type > PROTOCOL_TYPE_MAX)
		return WIRE_TYPE;
	if ((p.flags & ~PROTOCOL_FLAGS_ALL) != 0 || wire_get16(d + PROTOCOL_AT_RESERVED) != 0)
		return WIRE_FLAGS;
	if (p.transfer == 0 || p.number == 0)
		return WIRE_TRANSFER;
	if (!payload_fits(p.type, p.payload, p.len))
		return WIRE_PAYLOAD;
	*ret_packet = p;
	return WIRE_OK;
}

size_t wire_seal(uint8_t *d, const struct wire_packet *p)
{
	size_t len = PROTOCOL_HEADER_LENGTH + p->len;

	wire_put32(d + PROTOCOL_AT_MAGIC, PROTOCOL_MAGIC);
	d[PROTOCOL_AT_VERSION] = PROTOCOL_VERSION;
	d[PROTOCOL_AT_TYPE] = p->type;
	d[PROTOCOL_AT_FLAGS] = p->flags;
	d[PROTOCOL_AT_HEADER_WORDS] = PROTOCOL_HEADER_WORDS;
	wire_put64(d + PROTOCOL_AT_TRANSFER, p->transfer);
	wire_put32(d + PROTOCOL_AT_PACKET, p->number);
	wire_put32(d + PROTOCOL_AT_TIME, p->time_us);
	wire_put64(d + PROTOCOL_AT_OFFSET, p->offset);
	wire_put16(d + PROTOCOL_AT_PAYLOAD_LENGTH, (uint16_t)p->len);
	wire_put16(d + PROTOCOL_AT_RESERVED, 0);
	wire_put32(d + PROTOCOL_AT_CRC, checksum(d, len));
	return len;
}

size_t wire_put_abort(uint8_t *payload, size_t room, uint16_t code, const char *text)
{
	size_t len = strnlen(text, PROTOCOL_ABORT_TEXT_MAX);

	if (len > room - PROTOCOL_ABORT_TEXT)
		len = room - PROTOCOL_ABORT_TEXT;
	/* Cut between characters, not inside one: 10xxxxxx continues a UTF-8 sequence. */
	while (len > 0 && ((uint8_t)text[len] & 0xc0) == 0x80)
		len--;
	wire_put16(payload + PROTOCOL_ABORT_CODE, code);
	wire_put16(payload + PROTOCOL_ABORT_TEXT_LENGTH, (uint16_t)len);
	memcpy(payload + PROTOCOL_ABORT_TEXT, text, len);
	return PROTOCOL_ABORT_TEXT + len;
}
