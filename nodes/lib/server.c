#include "server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scope.h"

#define SILENCE_GIVE_UP	 (60 * NS_PER_SEC) /* longer than a sender waits for us */
#define N_GRAVES	 1024		   /* transfers remembered after their end */
#define LINGERING_MAX	 4096
#define STRAYS_PER_SEC	 20   /* answers to datagrams of transfers that nobody knows */
#define REFUSALS_PER_SEC 1000 /* answers to OPEN: there may be honest hundreds at once */

/* A transfer that is over: its late datagrams must neither revive it nor look like a stranger's. */
struct grave {
	uint64_t transfer; /* 0: free */
	uint32_t number;   /* of the last datagram sent */
	uint16_t code;	   /* what to repeat, 0: nothing */
	char text[60];
};

struct allowance {
	uint64_t second;
	unsigned used;
};

struct server {
	struct server_config config;
	struct intake **intakes;
	size_t n, room;
	size_t last; /* where the last datagram went: the next one most often goes there, too */
	uint64_t bad;
	struct grave graves[N_GRAVES];
	size_t next_grave;
	struct allowance strays, refusals;
};

struct server *server_new(const struct server_config *config)
{
	struct server *srv = scope_alloc(1, sizeof(*srv));

	srv->config = *config;
	return srv;
}

void server_free(struct server *srv)
{
	if (srv == NULL)
		return;
	for (size_t i = 0; i < srv->n; i++)
		intake_free(srv->intakes[i]);
	free(srv->intakes);
	free(srv);
}

uint64_t server_bad(const struct server *srv)
{
	return srv->bad;
}

/* Seal and send a payload that lies behind buf's header. */
static void send_packet(struct server *srv, const struct peer *to, uint8_t *buf, uint8_t type,
			uint64_t transfer, uint32_t number, size_t len, uint64_t now)
{
	struct wire_packet p = {
		.type = type,
		.transfer = transfer,
		.number = number,
		.time_us = (uint32_t)(now / NS_PER_US),
		.len = len,
	};

	srv->config.send(srv->config.ctx, to, buf, wire_seal(buf, &p));
}

static bool allow(struct allowance *a, unsigned per_second, uint64_t now)
{
	if (a->second != now / NS_PER_SEC)
		*a = (struct allowance){ .second = now / NS_PER_SEC };
	return a->used++ < per_second;
}

/*
 * The answer to a datagram of no transfer of ours, never larger than that
 * datagram was. It takes its number from there: nobody has one to count on.
 */
static void answer_abort(struct server *srv, const struct wire_packet *p, const struct peer *to,
			 uint16_t code, const char *text, uint64_t now)
{
	uint8_t buf[PROTOCOL_HEADER_LENGTH + PROTOCOL_ABORT_TEXT + PROTOCOL_ABORT_TEXT_MAX];
	bool is_open = p->type == PROTOCOL_OPEN;

	if (p->len < PROTOCOL_ABORT_TEXT)
		return;
	if (is_open ? !allow(&srv->refusals, REFUSALS_PER_SEC, now)
		    : !allow(&srv->strays, STRAYS_PER_SEC, now))
		return;
	send_packet(srv, to, buf, PROTOCOL_ABORT, p->transfer, p->number,
		    wire_put_abort(buf + PROTOCOL_HEADER_LENGTH, p->len, code, text), now);
}

static struct intake *find(struct server *srv, uint64_t transfer)
{
	if (srv->last < srv->n && srv->intakes[srv->last]->offer.transfer == transfer)
		return srv->intakes[srv->last];
	for (size_t i = 0; i < srv->n; i++) {
		if (srv->intakes[i]->offer.transfer != transfer)
			continue;
		srv->last = i;
		return srv->intakes[i];
	}
	return NULL;
}

static struct grave *find_grave(struct server *srv, uint64_t transfer)
{
	for (size_t i = 0; i < N_GRAVES; i++)
		if (srv->graves[i].transfer == transfer)
			return &srv->graves[i];
	return NULL;
}

static void bury(struct server *srv, const struct intake *in)
{
	struct grave *g = &srv->graves[srv->next_grave++ % N_GRAVES];

	*g = (struct grave){
		.transfer = in->offer.transfer,
		.number = in->number,
		.code = in->code,
	};
	snprintf(g->text, sizeof(g->text), "%.59s", in->error);
}

static size_t n_active(const struct server *srv)
{
	size_t n = 0;

	for (size_t i = 0; i < srv->n; i++)
		n += intake_is_active(srv->intakes[i]);
	return n;
}

size_t server_n_lingering(const struct server *srv)
{
	return srv->n - n_active(srv);
}

/* What a datagram takes from the receive buffer: the kernel counts its own overhead, too. */
static uint64_t cost(const struct intake_offer *o)
{
	uint64_t datagram = o->chunk + PROTOCOL_HEADER_LENGTH;

	return datagram + datagram / 2 + 2048;
}

/*
 * A window so that all windows together fit the receive buffer. Each transfer
 * may have an equal share, but not more than it still misses; one that opens
 * gets half of what is not promised to others at most, until they have heard
 * of their smaller shares.
 */
static void grant(struct server *srv, struct intake *in, size_t active)
{
	uint64_t each = srv->config.buffer / (active != 0 ? active : 1) / cost(&in->offer);
	uint64_t missing = in->offer.count - in->cumulative;
	uint64_t promised = 0;

	for (size_t i = 0; in->window == 0 && i < srv->n; i++)
		if (intake_is_active(srv->intakes[i]))
			promised += srv->intakes[i]->window * cost(&srv->intakes[i]->offer);
	if (in->window == 0) {
		uint64_t left = promised < srv->config.buffer ? srv->config.buffer - promised : 0;

		each = time_earlier(each, left / 2 / cost(&in->offer));
	}
	each = time_earlier(each, missing);
	in->window = each >= 2 ? (uint32_t)time_earlier(each, UINT32_MAX) : 2;
}

static void send_open_ack(struct server *srv, struct intake *in, uint64_t now)
{
	uint8_t buf[PROTOCOL_HEADER_LENGTH + PROTOCOL_OPEN_ACK_LENGTH];

	send_packet(srv, &in->peer, buf, PROTOCOL_OPEN_ACK, in->offer.transfer, ++in->number,
		    intake_put_open_ack(in, buf + PROTOCOL_HEADER_LENGTH, now), now);
}

static void send_status(struct server *srv, struct intake *in, uint64_t now)
{
	uint8_t buf[PROTOCOL_HEADER_LENGTH + INTAKE_PAYLOAD_ROOM];
	uint32_t from = 0;

	grant(srv, in, n_active(srv));
	do {
		size_t len = intake_put_status(in, buf + PROTOCOL_HEADER_LENGTH, &from, now);

		send_packet(srv, &in->peer, buf, PROTOCOL_STATUS, in->offer.transfer, ++in->number,
			    len, now);
	} while (from != UINT32_MAX);
}

static void send_fin_ack(struct server *srv, struct intake *in, uint64_t now)
{
	uint8_t buf[PROTOCOL_HEADER_LENGTH + PROTOCOL_FIN_ACK_LENGTH];

	in->fin_ack_due = false;
	send_packet(srv, &in->peer, buf, PROTOCOL_FIN_ACK, in->offer.transfer, ++in->number,
		    intake_put_fin_ack(in, buf + PROTOCOL_HEADER_LENGTH), now);
}

static void send_abort(struct server *srv, struct intake *in, uint64_t now)
{
	uint8_t buf[PROTOCOL_HEADER_LENGTH + PROTOCOL_ABORT_TEXT + PROTOCOL_ABORT_TEXT_MAX];
	size_t len = wire_put_abort(buf + PROTOCOL_HEADER_LENGTH,
				    PROTOCOL_ABORT_TEXT + PROTOCOL_ABORT_TEXT_MAX, in->code,
				    in->error);

	send_packet(srv, &in->peer, buf, PROTOCOL_ABORT, in->offer.transfer, ++in->number, len,
		    now);
}

static void add(struct server *srv, struct intake *in)
{
	if (srv->n == srv->room) {
		srv->room = srv->room != 0 ? 2 * srv->room : 16;
		srv->intakes = reallocarray(srv->intakes, srv->room, sizeof(*srv->intakes));
		if (srv->intakes == NULL)
			abort();
	}
	srv->last = srv->n;
	srv->intakes[srv->n++] = in;
}

/* 0, or an abort code and why. */
static uint16_t admit(struct server *srv, const struct wire_packet *p, const struct peer *from,
		      uint64_t now, struct fail *ret_why)
{
	struct intake_offer offer;
	struct intake *in;
	const char *why;
	uint16_t code = intake_parse_offer(p, &offer, &why);

	if (code != 0) {
		fail_set(ret_why, 0, "%s", why);
		return code;
	}
	if (offer.size > srv->config.max_size) {
		fail_set(ret_why, 0, "larger than %llu bytes",
			 (unsigned long long)srv->config.max_size);
		return PROTOCOL_ABORT_TOO_LARGE;
	}
	if (n_active(srv) >= srv->config.max_transfers || srv->n >= LINGERING_MAX) {
		fail_set(ret_why, 0, "too many transfers at once");
		return PROTOCOL_ABORT_BUSY;
	}
	if (intake_new(&offer, from, &srv->config.store, now, &in, ret_why) != 0)
		return ret_why->num == EEXIST	? PROTOCOL_ABORT_EXISTS
		       : ret_why->num == ENOSPC ? PROTOCOL_ABORT_NO_SPACE
						: PROTOCOL_ABORT_IO;
	add(srv, in);
	return 0;
}

static void got_known(struct server *srv, struct intake *in, const struct wire_packet *p,
		      const struct peer *from, uint64_t now)
{
	struct intake_offer again;
	const char *why;

	if (!peer_equal(&in->peer, from)) {
		srv->bad++;
		return;
	}
	if (p->type == PROTOCOL_OPEN &&
	    (intake_parse_offer(p, &again, &why) != 0 || strcmp(again.name, in->offer.name) != 0 ||
	     again.size != in->offer.size || again.chunk != in->offer.chunk)) {
		srv->bad++;
		return;
	}
	if (!intake_receive(in, p, now)) {
		srv->bad++;
		return;
	}
	if (p->type != PROTOCOL_OPEN || !intake_is_active(in))
		return;
	grant(srv, in, n_active(srv));
	send_open_ack(srv, in, now);
}

/* The same ABORT again: the first may have been lost. */
static void got_buried(struct server *srv, struct grave *g, struct wire_packet p,
		       const struct peer *from, uint64_t now)
{
	if (g->code == 0)
		return;
	p.number = ++g->number;
	answer_abort(srv, &p, from, g->code, g->text, now);
}

static void got_unknown(struct server *srv, const struct wire_packet *p, const struct peer *from,
			uint64_t now)
{
	struct grave *g = find_grave(srv, p->transfer);
	struct fail why;

	if (p->type == PROTOCOL_CLOSE || p->type == PROTOCOL_ABORT)
		return;
	if (g != NULL) {
		got_buried(srv, g, *p, from, now);
		return;
	}
	if (p->type != PROTOCOL_OPEN) {
		answer_abort(srv, p, from, PROTOCOL_ABORT_UNKNOWN_TRANSFER, "unknown transfer",
			     now);
		return;
	}

	uint16_t code = admit(srv, p, from, now, &why);

	if (code != 0)
		answer_abort(srv, p, from, code, why.msg, now);
	else
		got_known(srv, srv->intakes[srv->last], p, from, now);
}

void server_receive(struct server *srv, const void *datagram, size_t len, const struct peer *from,
		    uint64_t now)
{
	struct wire_packet p;

	if (wire_parse(datagram, len, &p) != WIRE_OK || p.type == PROTOCOL_OPEN_ACK ||
	    p.type == PROTOCOL_STATUS || p.type == PROTOCOL_FIN_ACK) {
		srv->bad++;
		return;
	}

	struct intake *in = find(srv, p.transfer);

	if (in != NULL)
		got_known(srv, in, &p, from, now);
	else
		got_unknown(srv, &p, from, now);
}

/* Say what became of it, once. */
static void settle(struct server *srv, struct intake *in, uint64_t now)
{
	if (intake_is_active(in) || in->settled)
		return;
	in->settled = true;
	srv->config.settled(srv->config.ctx, in);
	if (in->state == INTAKE_ABORTED && in->code != 0)
		send_abort(srv, in, now);
}

static bool is_over(const struct intake *in, uint64_t now)
{
	if (in->state == INTAKE_ABORTED)
		return true;
	return !intake_is_active(in) && (in->closed || now >= in->closing_at);
}

/* What one transfer owes now. Returns when it wants to be looked at again. */
static uint64_t work_one(struct server *srv, struct intake *in, uint64_t now)
{
	bool more = intake_work(in, now);

	if (intake_is_active(in) && now >= in->heard + SILENCE_GIVE_UP)
		intake_abort(in, PROTOCOL_ABORT_TIMEOUT, "the sender has fallen silent");
	settle(srv, in, now);
	if (in->fin_ack_due && !intake_is_active(in) && in->state != INTAKE_ABORTED)
		send_fin_ack(srv, in, now);
	if (intake_is_active(in) && in->status_at <= now)
		send_status(srv, in, now);
	if (more)
		return 0;
	if (!intake_is_active(in))
		return in->closing_at;
	return time_earlier(in->status_at, in->heard + SILENCE_GIVE_UP);
}

static void end(struct server *srv, size_t i)
{
	struct intake *in = srv->intakes[i];

	srv->config.ended(srv->config.ctx, in);
	bury(srv, in);
	intake_free(in);
	srv->intakes[i] = srv->intakes[--srv->n];
}

uint64_t server_work(struct server *srv, uint64_t now)
{
	uint64_t wake = UINT64_MAX;

	for (size_t i = 0; i < srv->n;) {
		wake = time_earlier(wake, work_one(srv, srv->intakes[i], now));
		if (is_over(srv->intakes[i], now))
			end(srv, i);
		else
			i++;
	}
	return wake;
}

void server_stop(struct server *srv, const char *why)
{
	for (size_t i = 0; i < srv->n; i++) {
		struct intake *in = srv->intakes[i];

		if (intake_is_active(in))
			intake_abort(in, 0, why);
		settle(srv, in, 0);
	}
	while (srv->n > 0)
		end(srv, srv->n - 1);
}
