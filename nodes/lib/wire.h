/*
 * wire: datagrams as bytes and as fields. protocol.h has the layout.
 *
 * wire_parse() looks at one datagram alone: form, checksum, and the shape of
 * the payload of its type. What a datagram means, and whether it fits its
 * transfer, is for sender.c and server.c.
 */
#ifndef NODES_WIRE_H
#define NODES_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol.h"

struct wire_packet {
	uint8_t type;  /* enum protocol_type */
	uint8_t flags; /* enum protocol_flag */
	uint64_t transfer;
	uint32_t number;
	uint32_t time_us;
	uint64_t offset;
	const uint8_t *payload; /* inside the datagram */
	size_t len;		/* of the payload, bytes */
};

/* Why a datagram is refused, in the order in which it is checked. */
enum wire_fault {
	WIRE_OK,
	WIRE_SHORT,    /* shorter than a header */
	WIRE_MAGIC,    /* not ours */
	WIRE_VERSION,  /* not version 1 */
	WIRE_HEADER,   /* header length is not 10 words */
	WIRE_LENGTH,   /* payload length is not what follows the header */
	WIRE_CRC,      /* damaged */
	WIRE_TYPE,     /* no such type */
	WIRE_FLAGS,    /* flags that nobody knows, or the reserved field set */
	WIRE_TRANSFER, /* transfer id 0 or packet number 0 */
	WIRE_PAYLOAD,  /* not the payload of its type */
};

static inline uint16_t wire_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t wire_get64(const uint8_t *p)
{
	return (uint64_t)wire_get32(p) << 32 | wire_get32(p + 4);
}

static inline void wire_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void wire_put32(uint8_t *p, uint32_t v)
{
	wire_put16(p, (uint16_t)(v >> 16));
	wire_put16(p + 2, (uint16_t)v);
}

static inline void wire_put64(uint8_t *p, uint64_t v)
{
	wire_put32(p, (uint32_t)(v >> 32));
	wire_put32(p + 4, (uint32_t)v);
}

/* Read a whole datagram; the payload stays where it is. Nothing is written unless it is WIRE_OK. */
enum wire_fault wire_parse(const void *datagram, size_t len, struct wire_packet *ret_packet);

/*
 * Complete a datagram whose payload (packet->len bytes) is already at
 * datagram + PROTOCOL_HEADER_LENGTH: header and checksum are written in front
 * of it. packet->payload is not looked at. Returns the datagram's length.
 */
size_t wire_seal(uint8_t *datagram, const struct wire_packet *packet);

/* Write ABORT's payload, text cut to fit into room (4 or more bytes). Returns its length. */
size_t wire_put_abort(uint8_t *payload, size_t room, uint16_t code, const char *text);

#endif
