#include "sender.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "name.h"
#include "scope.h"
#include "sender_state.h"

#define OPEN_GIVE_UP	(10 * NS_PER_SEC)
#define SILENCE_GIVE_UP (30 * NS_PER_SEC)
#define STALL_GIVE_UP	(30 * NS_PER_SEC)
#define FIN_GIVE_UP	(300 * NS_PER_SEC) /* the receiver answers, but hashes for ever */
#define REFUSED_GIVE_UP (1 * NS_PER_SEC)   /* a receiver that is only just starting */
#define ERROR_GIVE_UP	(3 * NS_PER_SEC)   /* no route, no neighbour: longer than one ARP attempt */

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
	s->repeat_after = SENDER_REPEAT_LEAST;
	s->digest = digest_new();
	flight_init(&s->flight, (uint32_t)count, sender_wire_time(now));
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

/* Messages that arrive. */

static void got_open_ack(struct sender *s, const struct wire_packet *p, uint64_t now)
{
	if (s->state != SENDER_OPENING)
		return;

	uint32_t echo = wire_get32(p->payload + PROTOCOL_OPEN_ACK_ECHO);
	uint32_t delay = wire_get32(p->payload + PROTOCOL_OPEN_ACK_DELAY);
	uint32_t window = wire_get32(p->payload + PROTOCOL_OPEN_ACK_WINDOW);

	if ((int32_t)(sender_wire_time(now) - echo - delay) >= 0)
		flight_sample(&s->flight, sender_wire_time(now) - echo - delay);
	s->flight.window = window != 0 ? window : 1;
	s->flight.round_us = sender_wire_time(now);
	s->repeat_at = now + sender_ask_interval(s);
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

	if (s->state != SENDER_SENDING ||
	    !flight_status(&s->flight, &status, sender_wire_time(now)))
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
		return sender_put_data(s, buf, chunk, repair, now);
	if (s->flight.next == s->flight.count && !s->fin_sent)
		return sender_put_fin(s, buf, now);
	if (now < s->repeat_at)
		return 0;
	return s->fin_sent ? sender_put_fin(s, buf, now) : sender_put_probe(s, buf, now);
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
		return now >= s->repeat_at ? sender_put_open(s, buf, now) : 0;
	case SENDER_SENDING:
		return poll_sending(s, buf, now);
	case SENDER_FINISHING:
		return now >= s->repeat_at || !s->fin_sent ? sender_put_fin(s, buf, now) : 0;
	case SENDER_CLOSING:
		return sender_put_end(s, buf, now);
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
