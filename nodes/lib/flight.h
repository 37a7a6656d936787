/*
 * flight: which chunks of one transfer are on their way, as its sender knows.
 *
 * Loss is a matter of time, as in RACK (RFC 8985): a chunk is lost when a
 * datagram that was sent `reo` round trips after it has arrived and it has not.
 * reo begins at 1/4 and grows when repairs prove spurious, that is, when the
 * network reorders more than that. Counting later packets instead, as TCP's
 * three duplicate ACKs do, takes jitter for loss.
 *
 * What may be on its way is limited by the receiver's window, so that its
 * buffer never overflows, and by a congestion limit that doubles every round
 * trip and falls back to what came through when more than 40% of 64 or more
 * chunks were lost: no random loss this protocol is made for looks like that,
 * a bottleneck does.
 */
#ifndef NODES_FLIGHT_H
#define NODES_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

struct flight_slot {
	uint32_t sent_us; /* when last sent, wire time */
	uint8_t state;	  /* of flight.c */
	bool repaired;	  /* sent more than once */
};

struct flight {
	uint32_t count;			       /* chunks of the file */
	uint32_t base;			       /* all before were received */
	uint32_t next;			       /* the first never sent */
	uint32_t n_flying, n_lost, n_received; /* of the chunks from base to next */
	struct flight_slot *slots;	       /* ring of chunks base to next */
	uint32_t mask;
	uint32_t scan; /* where the search for lost chunks goes on */

	uint32_t window;	/* chunks, the receiver's word */
	uint32_t limit;		/* chunks, congestion */
	uint32_t threshold;	/* chunks; the limit grows slower above it */
	uint32_t window_number; /* packet number of the STATUS that window is from */
	uint32_t srtt_us;	/* 0: not measured */
	uint32_t reo_eighths;	/* of a round trip */
	uint32_t spurious;	/* the receiver's count, last seen */
	bool doubled;		/* repairs were sent twice: spurious ones prove nothing any more */
	bool round_spurious;	/* in this round trip */
	uint32_t round_us;	/* when it began, wire time */
	uint32_t round_sent, round_lost;
};

/* What one STATUS says, in host order. */
struct flight_status {
	uint32_t number; /* of the packet it came in */
	uint32_t cumulative, highest, echo_us, delay_us, spurious, window, first, bits;
	const uint8_t *bitmap;
};

void flight_init(struct flight *f, uint32_t count, uint32_t now_us);
void flight_done(struct flight *f);

/* A round trip was measured. */
void flight_sample(struct flight *f, uint32_t rtt_us);
/* False, and nothing changed, when it contradicts what was sent. */
bool flight_status(struct flight *f, const struct flight_status *s, uint32_t now_us);
/* Whether a chunk may be sent now. */
bool flight_can_send(const struct flight *f);
/* The next chunk to send, if any may be sent now: lost ones first. */
bool flight_pick(struct flight *f, uint32_t *ret_chunk, bool *ret_repair);
/* The chunk was sent: one that flight_pick() gave, or one that is flying a second time. */
void flight_sent(struct flight *f, uint32_t chunk, uint32_t now_us);

/* The chunk was sent and is neither acknowledged nor lost. */
bool flight_is_flying(const struct flight *f, uint32_t chunk);
/* Chunks not known to be received. */
uint32_t flight_missing(const struct flight *f);
/* How many may be on their way. */
uint32_t flight_limit(const struct flight *f);
/*
 * Whether it pays to send this repair twice: few chunks are missing, none is new, and another one
 * of this chunk was lost already.
 */
bool flight_pays_twice(const struct flight *f, uint32_t chunk);
bool flight_is_landed(const struct flight *f);

#endif
