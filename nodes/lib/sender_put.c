/* sender: the datagrams that it sends. The payload is put behind the header's place in buf. */
#include <string.h>

#include "sender_state.h"

#define BURST_NS (200 * NS_PER_US) /* of the rate that may be sent at once */

static uint64_t clamp(uint64_t v, uint64_t least, uint64_t most)
{
	return v < least ? least : v > most ? most : v;
}

uint64_t sender_ask_interval(const struct sender *s)
{
	return clamp(s->flight.srtt_us * NS_PER_US / 4, SENDER_REPEAT_LEAST,
		     s->state == SENDER_FINISHING ? SENDER_REPEAT_MOST : UINT64_MAX);
}

static size_t seal(struct sender *s, uint8_t *buf, uint8_t type, size_t len, uint64_t now)
{
	struct wire_packet p = {
		.type = type,
		.transfer = s->transfer,
		.number = ++s->number,
		.time_us = sender_wire_time(now),
		.len = len,
	};

	s->counts.datagrams++;
	return wire_seal(buf, &p);
}

size_t sender_put_open(struct sender *s, uint8_t *buf, uint64_t now)
{
	uint8_t *at = buf + PROTOCOL_HEADER_LENGTH;
	size_t len = PROTOCOL_OPEN_NAME + s->name_len;

	if (len < PROTOCOL_OPEN_DATAGRAM_MIN - PROTOCOL_HEADER_LENGTH)
		len = PROTOCOL_OPEN_DATAGRAM_MIN - PROTOCOL_HEADER_LENGTH;
	memset(at, 0, len);
	wire_put64(at + PROTOCOL_OPEN_SIZE, s->size);
	wire_put32(at + PROTOCOL_OPEN_CHUNK, s->chunk);
	wire_put32(at + PROTOCOL_OPEN_COUNT, s->flight.count);
	wire_put16(at + PROTOCOL_OPEN_NAME_LENGTH, (uint16_t)s->name_len);
	memcpy(at + PROTOCOL_OPEN_NAME, s->name, s->name_len);
	s->repeat_at = now + s->repeat_after;
	s->repeat_after = clamp(2 * s->repeat_after, SENDER_REPEAT_LEAST, SENDER_REPEAT_MOST);
	return seal(s, buf, PROTOCOL_OPEN, len, now);
}

size_t sender_put_end(struct sender *s, uint8_t *buf, uint64_t now)
{
	s->state = s->end;
	if (s->abort_code == 0)
		return seal(s, buf, PROTOCOL_CLOSE, 0, now);
	return seal(s, buf, PROTOCOL_ABORT,
		    wire_put_abort(buf + PROTOCOL_HEADER_LENGTH, s->chunk, s->abort_code, s->error),
		    now);
}

size_t sender_put_fin(struct sender *s, uint8_t *buf, uint64_t now)
{
	uint8_t *at = buf + PROTOCOL_HEADER_LENGTH;

	/* Everything was read in order by now, so the hash of what was sent is that of the file. */
	if (!s->hashed)
		(void)digest_end(s->digest, s->hash); /* fails only for files */
	s->hashed = true;
	memset(at, 0, PROTOCOL_FIN_LENGTH);
	memcpy(at + PROTOCOL_FIN_SHA256, s->hash, sizeof(s->hash));
	wire_put32(at + PROTOCOL_FIN_PACKETS, (uint32_t)s->counts.data);
	s->fin_sent = true;
	s->repeat_at = now + sender_ask_interval(s);
	return seal(s, buf, PROTOCOL_FIN, PROTOCOL_FIN_LENGTH, now);
}

size_t sender_put_probe(struct sender *s, uint8_t *buf, uint64_t now)
{
	memset(buf + PROTOCOL_HEADER_LENGTH, 0, PROTOCOL_PROBE_LENGTH);
	s->repeat_at = now + sender_ask_interval(s);
	return seal(s, buf, PROTOCOL_PROBE, PROTOCOL_PROBE_LENGTH, now);
}

static uint8_t data_flags(struct sender *s, uint32_t chunk, bool repair)
{
	uint32_t limit = flight_limit(&s->flight);
	uint8_t flags = repair ? PROTOCOL_FLAG_RETX : 0;

	if (chunk == s->flight.count - 1)
		flags |= PROTOCOL_FLAG_LAST | PROTOCOL_FLAG_ACK_NOW;
	if (s->flight.n_flying >= limit || ++s->since_ask > limit / 4)
		flags |= PROTOCOL_FLAG_ACK_NOW;
	if (repair && s->flight.n_lost == 0 && s->flight.next == s->flight.count)
		flags |= PROTOCOL_FLAG_ACK_NOW;
	if (flags & PROTOCOL_FLAG_ACK_NOW)
		s->since_ask = 0;
	return flags;
}

/* The rate allows a short burst, so that a sleep that is too long is made up for. */
static void pace(struct sender *s, size_t datagram, uint64_t now)
{
	if (s->rate_bps == 0)
		return;
	if (s->pace_at + BURST_NS < now)
		s->pace_at = now - BURST_NS;
	s->pace_at += (uint64_t)((double)(datagram + s->overhead) * 8e9 / (double)s->rate_bps);
}

size_t sender_put_data(struct sender *s, uint8_t *buf, uint32_t chunk, bool repair, uint64_t now)
{
	uint64_t offset = (uint64_t)chunk * s->chunk;
	uint64_t left = s->size - offset;
	size_t len = left < s->chunk ? (size_t)left : s->chunk;
	uint8_t *at = buf + PROTOCOL_HEADER_LENGTH;
	struct fail f;

	if (s->read(s->ctx, offset, at, len, &f) != 0) {
		sender_abort(s, PROTOCOL_ABORT_IO, f.msg);
		return sender_put_end(s, buf, now);
	}
	if (!repair)
		digest_add(s->digest, at, len);
	flight_sent(&s->flight, chunk, sender_wire_time(now));
	s->counts.datagrams++;
	s->counts.data++;
	s->counts.repairs += repair;
	s->repeat_at = now + sender_ask_interval(s);

	struct wire_packet p = {
		.type = PROTOCOL_DATA,
		.flags = data_flags(s, chunk, repair),
		.transfer = s->transfer,
		.number = ++s->number,
		.time_us = sender_wire_time(now),
		.offset = offset,
		.len = len,
	};
	size_t datagram = wire_seal(buf, &p);

	pace(s, datagram, now);
	return datagram;
}
