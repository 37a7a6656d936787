#include "intake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "scope.h"

#define STATUS_EVERY 256U /* DATA */
#define STATUS_AFTER (5 * NS_PER_MS)
#define LINGER	     (10 * NS_PER_SEC)
#define STEPS	     8		/* of hashing between two looks at the socket */
#define CHUNKS_MAX   (1U << 30) /* a bitmap of 128 MiB */

uint16_t intake_parse_offer(const struct wire_packet *packet, struct intake_offer *ret_offer,
			    const char **ret_why)
{
	static const uint8_t unknown[DIGEST_LEN];
	const uint8_t *at = packet->payload;
	size_t name_len = wire_get16(at + PROTOCOL_OPEN_NAME_LENGTH);
	struct intake_offer o = {
		.transfer = packet->transfer,
		.size = wire_get64(at + PROTOCOL_OPEN_SIZE),
		.chunk = wire_get32(at + PROTOCOL_OPEN_CHUNK),
		.count = wire_get32(at + PROTOCOL_OPEN_COUNT),
		.has_hash = memcmp(at + PROTOCOL_OPEN_SHA256, unknown, sizeof(unknown)) != 0,
	};

	*ret_why = name_check((const char *)at + PROTOCOL_OPEN_NAME, name_len);
	if (*ret_why != NULL)
		return PROTOCOL_ABORT_NAME;
	memcpy(o.name, at + PROTOCOL_OPEN_NAME, name_len);
	memcpy(o.hash, at + PROTOCOL_OPEN_SHA256, sizeof(o.hash));
	*ret_why = "the chunk size is out of range";
	if (o.chunk < PROTOCOL_CHUNK_MIN || o.chunk > PROTOCOL_CHUNK_MAX)
		return PROTOCOL_ABORT_PROTOCOL;
	*ret_why = "the number of chunks is not what size and chunk size give";
	if (o.size / o.chunk + (o.size % o.chunk != 0) != o.count)
		return PROTOCOL_ABORT_PROTOCOL;
	*ret_why = "the file has too many chunks";
	if (o.count > CHUNKS_MAX)
		return PROTOCOL_ABORT_TOO_LARGE;
	*ret_offer = o;
	return 0;
}

int intake_new(const struct intake_offer *offer, const struct peer *peer, const struct store *store,
	       uint64_t now, struct intake **ret_intake, struct fail *f)
{
	struct store_file *file;

	if (store->create(store->ctx, offer->name, offer->transfer, offer->size, &file, f) != 0)
		return -1;

	struct intake *in = scope_alloc(1, sizeof(*in));

	in->offer = *offer;
	in->peer = *peer;
	in->store = store;
	in->file = file;
	in->chunks = scope_alloc(((size_t)offer->count + 7) / 8, 1);
	in->seen = scope_alloc(INTAKE_SEEN / 8, 1);
	in->digest = digest_new();
	in->status_at = UINT64_MAX;
	in->heard = now;
	*ret_intake = in;
	return 0;
}

void intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	digest_free(in->digest); /* it may still use the file's memory */
	in->store->release(in->file);
	free(in->chunks);
	free(in->seen);
	free(in);
}

void intake_abort(struct intake *in, uint16_t code, const char *text)
{
	in->state = INTAKE_ABORTED;
	in->code = code;
	snprintf(in->error, sizeof(in->error), "%s", text);
}

static void abort_on(struct intake *in, const struct fail *f)
{
	uint16_t code = PROTOCOL_ABORT_IO;

	if (f->num == ENOSPC || f->num == EDQUOT || f->num == EFBIG)
		code = PROTOCOL_ABORT_NO_SPACE;
	else if (f->num == EEXIST)
		code = PROTOCOL_ABORT_EXISTS;
	intake_abort(in, code, f->msg);
}

bool intake_is_active(const struct intake *in)
{
	return in->state == INTAKE_RECEIVING || in->state == INTAKE_CHECKING;
}

static bool bit_get(const uint8_t *bits, uint32_t i)
{
	return (bits[i / 8] & 0x80 >> i % 8) != 0;
}

static void bit_set(uint8_t *bits, uint32_t i)
{
	bits[i / 8] |= (uint8_t)(0x80 >> i % 8);
}

static void bit_clear(uint8_t *bits, uint32_t i)
{
	bits[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
}

/*
 * Whether this packet number came before: a duplicate made by the network, as
 * against a chunk that the sender sent again. A sliding window as in IPsec
 * (RFC 4303, section 3.4.3); what is older than it counts as seen.
 */
static bool seen_before(struct intake *in, const struct wire_packet *p, uint64_t now)
{
	int32_t ahead = (int32_t)(p->number - in->newest);

	if (ahead <= -INTAKE_SEEN)
		return true;
	if (ahead > INTAKE_SEEN)
		memset(in->seen, 0, INTAKE_SEEN / 8);
	else
		for (uint32_t n = in->newest + 1; ahead > 0 && n != p->number + 1; n++)
			bit_clear(in->seen, n % INTAKE_SEEN);
	if (ahead > 0) {
		in->newest = p->number;
		in->newest_us = p->time_us;
		in->newest_at = now;
	}

	bool seen = bit_get(in->seen, p->number % INTAKE_SEEN);

	bit_set(in->seen, p->number % INTAKE_SEEN);
	return seen;
}

static size_t chunk_len(const struct intake_offer *o, uint32_t chunk)
{
	uint64_t left = o->size - (uint64_t)chunk * o->chunk;

	return left < o->chunk ? (size_t)left : o->chunk;
}

static bool data_fits(const struct intake_offer *o, const struct wire_packet *p)
{
	uint64_t chunk = p->offset / o->chunk;

	return p->offset % o->chunk == 0 && chunk < o->count &&
	       p->len == chunk_len(o, (uint32_t)chunk);
}

/* The first bytes of a chunk stay; others are evidence of damage that no checksum showed. */
static void compare(struct intake *in, const struct wire_packet *p)
{
	uint8_t *buf = scope_alloc(p->len, 1);
	struct fail f;

	if (in->store->sync(in->file, &f) != 0 ||
	    in->store->read(in->file, p->offset, buf, p->len, &f) != 0)
		abort_on(in, &f);
	else if (memcmp(buf, p->payload, p->len) != 0)
		in->conflicts++;
	free(buf);
}

static void got_data(struct intake *in, const struct wire_packet *p, bool seen, uint64_t now)
{
	uint32_t chunk = (uint32_t)(p->offset / in->offer.chunk);

	in->received++;
	if (bit_get(in->chunks, chunk)) {
		in->duplicates++;
		in->spurious += !seen;
		compare(in, p);
	} else {
		bit_set(in->chunks, chunk);
		in->store->write(in->file, p->offset, p->payload, p->len);
		in->unsynced = true;
		if (chunk >= in->highest)
			in->highest = chunk + 1;
		while (in->cumulative < in->highest && bit_get(in->chunks, in->cumulative))
			in->cumulative++;
	}
	if (!intake_is_active(in)) {
		in->fin_ack_due |= (p->flags & PROTOCOL_FLAG_ACK_NOW) != 0;
		return;
	}

	bool at_once = (p->flags & PROTOCOL_FLAG_ACK_NOW) != 0 || ++in->unreported >= STATUS_EVERY;

	in->status_at = time_earlier(in->status_at, at_once ? now : now + STATUS_AFTER);
}

static bool got_fin(struct intake *in, const struct wire_packet *p, uint64_t now)
{
	const uint8_t *hash = p->payload + PROTOCOL_FIN_SHA256;

	if ((in->has_fin || in->offer.has_hash) && memcmp(hash, in->offer.hash, DIGEST_LEN) != 0)
		return false;
	memcpy(in->offer.hash, hash, DIGEST_LEN);
	in->offer.has_hash = in->has_fin = true;
	if (intake_is_active(in))
		in->status_at = now;
	else
		in->fin_ack_due = true;
	return true;
}

static void got_probe(struct intake *in, uint64_t now)
{
	if (intake_is_active(in))
		in->status_at = now;
	else
		in->fin_ack_due = true;
}

static void got_abort(struct intake *in, const struct wire_packet *p)
{
	char text[PROTOCOL_ABORT_TEXT_MAX / 2], full[PROTOCOL_ABORT_TEXT_MAX + 1];

	if (!intake_is_active(in))
		return;
	name_printable(text, sizeof(text), (const char *)p->payload + PROTOCOL_ABORT_TEXT,
		       p->len - PROTOCOL_ABORT_TEXT);
	snprintf(full, sizeof(full), "the sender gave up: %s", text);
	intake_abort(in, 0, full);
}

static bool dispatch(struct intake *in, const struct wire_packet *p, bool seen, uint64_t now)
{
	switch (p->type) {
	case PROTOCOL_DATA:
		got_data(in, p, seen, now);
		return true;
	case PROTOCOL_PROBE:
		got_probe(in, now);
		return true;
	case PROTOCOL_FIN:
		return got_fin(in, p, now);
	case PROTOCOL_CLOSE:
		if (intake_is_active(in))
			return false;
		in->closed = true;
		return true;
	case PROTOCOL_ABORT:
		got_abort(in, p);
		return true;
	default: /* a repeated OPEN: the server answers */
		return p->type == PROTOCOL_OPEN;
	}
}

bool intake_receive(struct intake *in, const struct wire_packet *p, uint64_t now)
{
	if (in->state == INTAKE_ABORTED)
		return true;
	if (p->type == PROTOCOL_DATA && !data_fits(&in->offer, p))
		return false;
	if (!dispatch(in, p, seen_before(in, p, now), now))
		return false;
	in->datagrams++;
	in->heard = now;
	/* Who still asks has not got the answer. */
	if (!intake_is_active(in) && in->state != INTAKE_ABORTED)
		in->closing_at = now + LINGER;
	return true;
}

/* Hash the next of what lies there without a gap. False when there is nothing to hash yet. */
static bool hash_more(struct intake *in)
{
	uint64_t ready = in->cumulative == in->offer.count
				 ? in->offer.size
				 : (uint64_t)in->cumulative * in->offer.chunk;
	size_t len = in->store->hash(in->file, in->hashed, ready, in->digest);

	in->hashed += len;
	return len > 0;
}

static void finish(struct intake *in, uint64_t now)
{
	struct fail f;
	int num = digest_end(in->digest, in->hash);

	if (num != 0) {
		fail_set(&f, num, "read back '%s'", in->offer.name);
		abort_on(in, &f);
		return;
	}
	if (memcmp(in->hash, in->offer.hash, DIGEST_LEN) != 0) {
		in->state = INTAKE_REFUSED;
		snprintf(in->error, sizeof(in->error), "what was written has another SHA-256");
	} else if (in->store->commit(in->file, &f) != 0) {
		abort_on(in, &f);
		return;
	} else {
		in->state = INTAKE_COMPLETE;
	}
	in->status_at = UINT64_MAX;
	in->fin_ack_due = true;
	in->closing_at = now + LINGER;
}

bool intake_work(struct intake *in, uint64_t now)
{
	struct fail f;
	int steps = STEPS;

	if (in->unsynced && in->state != INTAKE_ABORTED && in->store->sync(in->file, &f) != 0)
		abort_on(in, &f);
	in->unsynced = false;
	if (in->state == INTAKE_RECEIVING && in->has_fin && in->cumulative == in->offer.count)
		in->state = INTAKE_CHECKING;
	while (intake_is_active(in) && steps > 0 && hash_more(in))
		steps--;
	if (in->state == INTAKE_CHECKING && in->hashed == in->offer.size)
		finish(in, now);
	return intake_is_active(in) && steps == 0;
}

static uint32_t since_us(uint64_t then, uint64_t now)
{
	return (uint32_t)((now - then) / NS_PER_US);
}

size_t intake_put_status(struct intake *in, uint8_t *at, uint32_t *from, uint64_t now)
{
	uint32_t room = (in->offer.chunk - PROTOCOL_STATUS_BITMAP) * 8;
	/* Pages begin at whole bytes of the bitmap, so they are copied and not shifted. */
	uint32_t first = (*from > in->cumulative ? *from : in->cumulative) & ~7U;
	uint32_t bits = in->cumulative == in->highest ? 0 : in->highest - first;

	if (room > PROTOCOL_STATUS_BITS_MAX)
		room = PROTOCOL_STATUS_BITS_MAX;
	if (bits > room)
		bits = room & ~7U;
	wire_put32(at + PROTOCOL_STATUS_CUMULATIVE, in->cumulative);
	wire_put32(at + PROTOCOL_STATUS_HIGHEST, in->highest);
	wire_put32(at + PROTOCOL_STATUS_ECHO, in->newest_us);
	wire_put32(at + PROTOCOL_STATUS_DELAY, since_us(in->newest_at, now));
	wire_put32(at + PROTOCOL_STATUS_RECEIVED, (uint32_t)in->received);
	wire_put32(at + PROTOCOL_STATUS_SPURIOUS, (uint32_t)in->spurious);
	wire_put32(at + PROTOCOL_STATUS_WINDOW, in->window);
	wire_put32(at + PROTOCOL_STATUS_FIRST, first);
	wire_put32(at + PROTOCOL_STATUS_BITS, bits);
	memcpy(at + PROTOCOL_STATUS_BITMAP, in->chunks + first / 8, (bits + 7) / 8);
	*from = bits == 0 || first + bits >= in->highest ? UINT32_MAX : first + bits;
	in->unreported = 0;
	in->status_at = UINT64_MAX;
	return PROTOCOL_STATUS_BITMAP + (bits + 7) / 8;
}

size_t intake_put_open_ack(struct intake *in, uint8_t *at, uint64_t now)
{
	wire_put32(at + PROTOCOL_OPEN_ACK_ECHO, in->newest_us);
	wire_put32(at + PROTOCOL_OPEN_ACK_DELAY, since_us(in->newest_at, now));
	wire_put32(at + PROTOCOL_OPEN_ACK_WINDOW, in->window);
	return PROTOCOL_OPEN_ACK_LENGTH;
}

size_t intake_put_fin_ack(const struct intake *in, uint8_t *at)
{
	bool complete = in->state == INTAKE_COMPLETE;

	wire_put32(at + PROTOCOL_FIN_ACK_VERDICT,
		   complete ? PROTOCOL_VERDICT_COMPLETE : PROTOCOL_VERDICT_MISMATCH);
	memcpy(at + PROTOCOL_FIN_ACK_SHA256, in->hash, DIGEST_LEN);
	wire_put32(at + PROTOCOL_FIN_ACK_RECEIVED, (uint32_t)in->received);
	wire_put32(at + PROTOCOL_FIN_ACK_DUPLICATES, (uint32_t)in->duplicates);
	wire_put32(at + PROTOCOL_FIN_ACK_CONFLICTS, (uint32_t)in->conflicts);
	return PROTOCOL_FIN_ACK_LENGTH;
}
