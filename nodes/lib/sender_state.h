/* sender_state: what a sender knows, for sender.c and the datagrams that it sends, sender_put.c. */
#ifndef NODES_SENDER_STATE_H
#define NODES_SENDER_STATE_H

#include "digest.h"
#include "flight.h"
#include "scope.h"
#include "sender.h"

/* Between two of OPEN, PROBE or FIN, ns. */
#define SENDER_REPEAT_LEAST (20 * NS_PER_MS)
#define SENDER_REPEAT_MOST  (250 * NS_PER_MS)

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

/* As datagrams carry it: microseconds that wrap around. */
static inline uint32_t sender_wire_time(uint64_t now)
{
	return (uint32_t)(now / NS_PER_US);
}

/* How long to wait for an answer before asking again, ns. */
uint64_t sender_ask_interval(const struct sender *s);

/* Each puts a datagram into buf, as sender_poll() has it, and returns its length. */
size_t sender_put_open(struct sender *s, uint8_t *buf, uint64_t now);
size_t sender_put_data(struct sender *s, uint8_t *buf, uint32_t chunk, bool repair, uint64_t now);
size_t sender_put_probe(struct sender *s, uint8_t *buf, uint64_t now);
size_t sender_put_fin(struct sender *s, uint8_t *buf, uint64_t now);
/* CLOSE or ABORT: the state is the last one from now on. */
size_t sender_put_end(struct sender *s, uint8_t *buf, uint64_t now);

#endif
