#include "sender.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "flight.h"
#include "name.h"
#include "scope.h"

#define REPEAT_LEAST	(20 * NS_PER_MS)
#define REPEAT_MOST	(250 * NS_PER_MS)
#define OPEN_GIVE_UP	(10 * NS_PER_SEC)
#define SILENCE_GIVE_UP (30 * NS_PER_SEC)
#define STALL_GIVE_UP	(30 * NS_PER_SEC)
#define FIN_GIVE_UP	(300 * NS_PER_SEC) /* the receiver answers, but hashes for ever */
#define REFUSED_GIVE_UP (1 * NS_PER_SEC)   /* a receiver that is only just starting */
#define ERROR_GIVE_UP	(3 * NS_PER_SEC)   /* no route, no neighbour: longer than one ARP attempt */
#define BURST_NS	(200 * NS_PER_US)  /* of the rate that may be sent at once */

struct sender {
	enum sender_state state, end; /* end: the state after CLOSING */
	uint64_t transfer, size;
	uint32_t chunk;
	char name[PROTOCOL_NAME_MAX];
	size_t name_len;
	uint64_t rate_bps;
	uint64_t open_give_up, error_give_up; /* ns */
	size_t overhead;
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t len, struct fail *f);
	void *ctx;

	struct flight flight;
	struct digest *digest;
	bool hashed;
	uint8_t hash[DIGEST_LEN];

	uint32_t number;    /* of the last datagram sent */
	uint32_t since_ask; /* DATA since the last that asked for STATUS */
	bool again;	    /* send again_chunk a second time */
	uint32_t again_chunk;
	bool fin_sent;
	uint64_t began;	       /* this state, ns */
	uint64_t heard, moved; /* last valid datagram; last progress, ns */
	uint64_t repeat_at;    /* OPEN, PROBE or FIN, ns */
	uint64_t repeat_after; /* of OPEN, ns */
	uint64_t pace_at;      /* the rate allows the next DATA, ns */
	bool held_back;	       /* there is DATA that only the rate forbids */

	struct sender_counts counts;
	uint16_t abort_code; /* 0: CLOSE */
	char error[252];
	char trouble[100]; /* the last thing that was wrong but not fatal */
};

static uint32_t wire_time(uint64_t now)
{
	return (uint32_t)(now / NS_PER_US);
}

static uint64_t clamp(uint64_t v, uint64_t least, uint64_t most)
{
	return v < least ? least : v > most ? most : v;
}

int sender_new(const struct sender_config *config, uint64_t now, struct sender **ret_sender,
	       struct fail *f)
{
	uint64_t count = (config->size + config->chunk - 1) / config->chunk;

	if (count > UINT32_MAX)
		return fail_set(f, EFBIG, "%s", config->name);

	struct sender *s = scope_alloc(1, sizeof(*s));

	s->transfer = config->transfer;
	s->size = config->size;
	s->chunk = config->chunk;
	s->name_len = strnlen(config->name, sizeof(s->name));
	memcpy(s->name, config->name, s->name_len);
	s->rate_bps = config->rate_bps;
	s->open_give_up = config->patience_ns != 0 ? config->patience_ns : OPEN_GIVE_UP;
	s->error_give_up = config->patience_ns != 0 ? config->patience_ns : ERROR_GIVE_UP;
	s->overhead = config->overhead;
	s->read = config->read;
	s->ctx = config->ctx;
	s->began = s->heard = s->moved = s->repeat_at = now;
	s->repeat_after = REPEAT_LEAST;
	s->digest = digest_new();
	flight_init(&s->flight, (uint32_t)count, wire_time(now));
	*ret_sender = s;
	return 0;
}

void sender_free(struct sender *s)
{
	if (s == NULL)
		return;
	flight_done(&s->flight);
	digest_free(s->digest);
	free(s);
}

/* The end, told to the receiver with CLOSE (code 0) or ABORT. */
static void close_with(struct sender *s, enum sender_state end, uint16_t code, const char *text)
{
	if (s->state >= SENDER_CLOSING)
		return;
	s->state = SENDER_CLOSING;
	s->end = end;
	s->abort_code = code;
	snprintf(s->error, sizeof(s->error), "%s", text);
}

/* The end when there is nobody to tell. */
static void fail_now(struct sender *s, const char *what, const char *why)
{
	if (s->state >= SENDER_CLOSING)
		return;
	s->state = s->end = SENDER_FAILED;
	snprintf(s->error, sizeof(s->error), "%s%s%s", what, *why != '\0' ? ": " : "", why);
}

void sender_abort(struct sender *s, uint16_t code, const char *text)
{
	close_with(s, SENDER_FAILED, code, text);
}

static void enter(struct sender *s, enum sender_state state, uint64_t now)
{
	s->state = state;
	s->began = s->moved = now;
}

/* How long to wait for an answer before asking again. */
static uint64_t ask_interval(const struct sender *s)
{
	return clamp(s->flight.srtt_us * NS_PER_US / 4, REPEAT_LEAST,
		     s->state == SENDER_FINISHING ? REPEAT_MOST : UINT64_MAX);
}

/* Messages that arrive. */

static void got_open_ack(struct sender *s, const struct wire_packet *p, uint64_t now)
{
	if (s->state != SENDER_OPENING)
		return;

	uint32_t echo = wire_get32(p->payload + PROTOCOL_OPEN_ACK_ECHO);
	uint32_t delay = wire_get32(p->payload + PROTOCOL_OPEN_ACK_DELAY);
	uint32_t window = wire_get32(p->payload + PROTOCOL_OPEN_ACK_WINDOW);

	if ((int32_t)(wire_time(now) - echo - delay) >= 0)
		flight_sample(&s->flight, wire_time(now) - echo - delay);
	s->flight.window = window != 0 ? window : 1;
	s->flight.round_us = wire_time(now);
	s->repeat_at = now + ask_interval(s);
	enter(s, SENDER_SENDING, now);
}

static void got_status(struct sender *s, const struct wire_packet *p, uint64_t now)
{
	const uint8_t *at = p->payload;
	struct flight_status status = {
		.number = p->number,
		.cumulative = wire_get32(at + PROTOCOL_STATUS_CUMULATIVE),
		.highest = wire_get32(at + PROTOCOL_STATUS_HIGHEST),
		.echo_us = wire_get32(at + PROTOCOL_STATUS_ECHO),
		.delay_us = wire_get32(at + PROTOCOL_STATUS_DELAY),
		.spurious = wire_get32(at + PROTOCOL_STATUS_SPURIOUS),
		.window = wire_get32(at + PROTOCOL_STATUS_WINDOW),
		.first = wire_get32(at + PROTOCOL_STATUS_FIRST),
		.bits = wire_get32(at + PROTOCOL_STATUS_BITS),
		.bitmap = at + PROTOCOL_STATUS_BITMAP,
	};
	uint32_t missing = flight_missing(&s->flight);

	if (s->state != SENDER_SENDING || !flight_status(&s->flight, &status, wire_time(now)))
		return;
	if (flight_missing(&s->flight) < missing)
		s->moved = now;
	if (flight_is_landed(&s->flight))
		enter(s, SENDER_FINISHING, now);
}

static void got_fin_ack(struct sender *s, const struct wire_packet *p)
{
	if (!s->fin_sent)
		return;
	if (wire_get32(p->payload + PROTOCOL_FIN_ACK_VERDICT) == PROTOCOL_VERDICT_COMPLETE &&
	    memcmp(p->payload + PROTOCOL_FIN_ACK_SHA256, s->hash, sizeof(s->hash)) == 0)
		close_with(s, SENDER_DONE, 0, "");
	else
		close_with(s, SENDER_FAILED, 0,
			   "the file that the receiver wrote has another SHA-256");
}

static void got_abort(struct sender *s, const struct wire_packet *p)
{
	uint16_t code = wire_get16(p->payload + PROTOCOL_ABORT_CODE);
	char text[PROTOCOL_ABORT_TEXT_MAX + 8];

	name_printable(text, sizeof(text), (const char *)p->payload + PROTOCOL_ABORT_TEXT,
		       p->len - PROTOCOL_ABORT_TEXT);
	if (code == PROTOCOL_ABORT_BUSY && s->state == SENDER_OPENING)
		snprintf(s->trouble, sizeof(s->trouble), "the receiver is busy");
	else if (code == PROTOCOL_ABORT_UNKNOWN_TRANSFER && s->state == SENDER_OPENING)
		return; /* left over from an OPEN that was lost and a stray of ours: OPEN goes on */
	else
		fail_now(s,
			 s->state == SENDER_OPENING ? "the receiver refused it"
						    : "the receiver gave up",
			 text);
}

void sender_receive(struct sender *s, const struct wire_packet *p, uint64_t now)
{
	if (p->transfer != s->transfer || s->state >= SENDER_CLOSING)
		return;
	s->heard = now;
	switch (p->type) {
	case PROTOCOL_OPEN_ACK:
		got_open_ack(s, p, now);
		break;
	case PROTOCOL_STATUS:
		got_status(s, p, now);
		break;
	case PROTOCOL_FIN_ACK:
		got_fin_ack(s, p);
		break;
	case PROTOCOL_ABORT:
		got_abort(s, p);
		break;
	default: /* a receiver sends nothing else */
		break;
	}
}

void sender_socket_error(struct sender *s, int num, uint64_t now)
{
	uint64_t patience = num == ECONNREFUSED ? REFUSED_GIVE_UP : s->error_give_up;
	const char *text = num == ECONNREFUSED ? "port unreachable" : strerror(num);

	snprintf(s->trouble, sizeof(s->trouble), "%s", text);
	if (s->state == SENDER_OPENING && now - s->began >= patience)
		fail_now(s, "no receiver answers", text);
	else if (s->state == SENDER_SENDING && num == ECONNREFUSED)
		fail_now(s, "the receiver has gone", text);
	else if (s->state == SENDER_FINISHING && num == ECONNREFUSED)
		fail_now(s, "unconfirmed: the receiver has gone before it said FIN_ACK", text);
}

/* Messages to send: payload behind buf's header; they return the datagram's length. */

static size_t seal(struct sender *s, uint8_t *buf, uint8_t type, size_t len, uint64_t now)
{
	struct wire_packet p = {
		.type = type,
		.transfer = s->transfer,
		.number = ++s->number,
		.time_us = wire_time(now),
		.len = len,
	};

	s->counts.datagrams++;
	return wire_seal(buf, &p);
}

static size_t send_open(struct sender *s, uint8_t *buf, uint64_t now)
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
	s->repeat_after = clamp(2 * s->repeat_after, REPEAT_LEAST, REPEAT_MOST);
	return seal(s, buf, PROTOCOL_OPEN, len, now);
}

static size_t send_end(struct sender *s, uint8_t *buf, uint64_t now)
{
	s->state = s->end;
	if (s->abort_code == 0)
		return seal(s, buf, PROTOCOL_CLOSE, 0, now);
	return seal(s, buf, PROTOCOL_ABORT,
		    wire_put_abort(buf + PROTOCOL_HEADER_LENGTH, s->chunk, s->abort_code, s->error),
		    now);
}

static size_t send_fin(struct sender *s, uint8_t *buf, uint64_t now)
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
	s->repeat_at = now + ask_interval(s);
	return seal(s, buf, PROTOCOL_FIN, PROTOCOL_FIN_LENGTH, now);
}

static size_t send_probe(struct sender *s, uint8_t *buf, uint64_t now)
{
	memset(buf + PROTOCOL_HEADER_LENGTH, 0, PROTOCOL_PROBE_LENGTH);
	s->repeat_at = now + ask_interval(s);
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

static size_t send_data(struct sender *s, uint8_t *buf, uint32_t chunk, bool repair, uint64_t now)
{
	uint64_t offset = (uint64_t)chunk * s->chunk;
	uint64_t left = s->size - offset;
	size_t len = left < s->chunk ? (size_t)left : s->chunk;
	uint8_t *at = buf + PROTOCOL_HEADER_LENGTH;
	struct fail f;

	if (s->read(s->ctx, offset, at, len, &f) != 0) {
		sender_abort(s, PROTOCOL_ABORT_IO, f.msg);
		return send_end(s, buf, now);
	}
	if (!repair)
		digest_add(s->digest, at, len);
	flight_sent(&s->flight, chunk, wire_time(now));
	s->counts.datagrams++;
	s->counts.data++;
	s->counts.repairs += repair;
	s->repeat_at = now + ask_interval(s);

	struct wire_packet p = {
		.type = PROTOCOL_DATA,
		.flags = data_flags(s, chunk, repair),
		.transfer = s->transfer,
		.number = ++s->number,
		.time_us = wire_time(now),
		.offset = offset,
		.len = len,
	};
	size_t datagram = wire_seal(buf, &p);

	pace(s, datagram, now);
	return datagram;
}

/* A second copy of a repair, or the next chunk that may go. */
static bool pick(struct sender *s, uint32_t *ret_chunk, bool *ret_repair)
{
	*ret_chunk = s->again_chunk;
	*ret_repair = true;
	if (s->again && flight_is_flying(&s->flight, s->again_chunk)) {
		s->again = false;
		return true;
	}
	if (!flight_pick(&s->flight, ret_chunk, ret_repair))
		return false;
	s->again = *ret_repair && flight_pays_twice(&s->flight, *ret_chunk);
	s->again_chunk = *ret_chunk;
	return true;
}

static size_t poll_sending(struct sender *s, uint8_t *buf, uint64_t now)
{
	uint32_t chunk;
	bool repair;

	s->held_back = s->pace_at > now && flight_can_send(&s->flight);
	if (s->pace_at <= now && pick(s, &chunk, &repair))
		return send_data(s, buf, chunk, repair, now);
	if (s->flight.next == s->flight.count && !s->fin_sent)
		return send_fin(s, buf, now);
	if (now < s->repeat_at)
		return 0;
	return s->fin_sent ? send_fin(s, buf, now) : send_probe(s, buf, now);
}

/* When to give up if nothing changes, and what to say then. */
static uint64_t give_up_at(const struct sender *s, const char **ret_text)
{
	uint64_t silence = s->heard + SILENCE_GIVE_UP;

	if (s->state == SENDER_OPENING) {
		*ret_text = "no receiver answers";
		return s->began + s->open_give_up;
	}
	*ret_text = "the receiver has fallen silent";
	if (s->state == SENDER_SENDING && s->moved + STALL_GIVE_UP < silence) {
		*ret_text = "the transfer makes no progress";
		return s->moved + STALL_GIVE_UP;
	}
	if (s->state == SENDER_FINISHING) {
		*ret_text = "unconfirmed: everything was acknowledged, but no FIN_ACK came";
		return time_earlier(silence, s->began + FIN_GIVE_UP);
	}
	return silence;
}

static void check_patience(struct sender *s, uint64_t now)
{
	const char *text;

	if (now < give_up_at(s, &text))
		return;

	char full[sizeof(s->error)];

	snprintf(full, sizeof(full), "%s%s%s%s", text, s->trouble[0] != '\0' ? " (" : "",
		 s->trouble, s->trouble[0] != '\0' ? ")" : "");
	sender_abort(s, PROTOCOL_ABORT_TIMEOUT, full);
}

size_t sender_poll(struct sender *s, uint8_t *buf, uint64_t now)
{
	if (s->state < SENDER_CLOSING)
		check_patience(s, now);
	switch (s->state) {
	case SENDER_OPENING:
		return now >= s->repeat_at ? send_open(s, buf, now) : 0;
	case SENDER_SENDING:
		return poll_sending(s, buf, now);
	case SENDER_FINISHING:
		return now >= s->repeat_at || !s->fin_sent ? send_fin(s, buf, now) : 0;
	case SENDER_CLOSING:
		return send_end(s, buf, now);
	default:
		return 0;
	}
}

uint64_t sender_wake(const struct sender *s)
{
	const char *text;

	if (s->state == SENDER_CLOSING)
		return 0;
	if (sender_is_over(s))
		return UINT64_MAX;

	uint64_t at = time_earlier(s->repeat_at, give_up_at(s, &text));

	return s->state == SENDER_SENDING && s->held_back ? time_earlier(at, s->pace_at) : at;
}

enum sender_state sender_state(const struct sender *s)
{
	return s->state;
}

bool sender_is_over(const struct sender *s)
{
	return s->state == SENDER_DONE || s->state == SENDER_FAILED;
}

const char *sender_error(const struct sender *s)
{
	return s->error;
}

const struct sender_counts *sender_counts(const struct sender *s)
{
	return &s->counts;
}

const uint8_t *sender_hash(const struct sender *s)
{
	return s->hashed ? s->hash : NULL;
}
