/*
 * intake: the receiving side of one transfer, as a state machine.
 *
 *	RECEIVING  DATA goes to the store, STATUS is due now and then;
 *		   all chunks and FIN's hash are here -> CHECKING
 *	CHECKING   what was written is hashed, some of it at a time;
 *		   equal and committed -> COMPLETE, different -> REFUSED
 *	COMPLETE   FIN_ACK says so, again whenever it is asked for; CLOSE or 10 s -> over
 *	REFUSED    FIN_ACK says that the hash differs; likewise
 *	ABORTED    over: the sender gave up, or something failed here (code and text)
 *
 * The server (server.h) owns intakes, looks datagrams up and sends what they
 * owe. Whether a datagram belongs here (id, address) is checked by the server,
 * whether it fits the file is checked here. Times are nanoseconds.
 */
#ifndef NODES_INTAKE_H
#define NODES_INTAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "digest.h"
#include "peer.h"
#include "store.h"
#include "wire.h"

#define INTAKE_SEEN	    65536 /* packet numbers remembered, to tell the network's duplicates */
#define INTAKE_PAYLOAD_ROOM (PROTOCOL_STATUS_BITMAP + PROTOCOL_STATUS_BITS_MAX / 8)

enum intake_state {
	INTAKE_RECEIVING,
	INTAKE_CHECKING,
	INTAKE_COMPLETE,
	INTAKE_REFUSED,
	INTAKE_ABORTED,
};

/* What OPEN says. */
struct intake_offer {
	uint64_t transfer, size;
	uint32_t chunk, count;
	bool has_hash;
	uint8_t hash[DIGEST_LEN];
	char name[PROTOCOL_NAME_MAX + 1];
};

struct intake {
	enum intake_state state;
	struct intake_offer offer;
	struct peer peer;
	const struct store *store;
	struct store_file *file;

	uint8_t *chunks; /* bit per chunk, first bit highest, as in STATUS */
	uint32_t cumulative, highest;
	uint8_t *seen;	    /* bit per packet number, modulo INTAKE_SEEN */
	uint32_t newest;    /* packet number */
	uint32_t newest_us; /* its time field */
	uint64_t newest_at; /* its arrival */
	bool has_fin;
	struct digest *digest;
	uint64_t hashed; /* bytes, from the start */
	uint8_t hash[DIGEST_LEN];

	uint32_t window;     /* chunks, last granted */
	uint32_t number;     /* of the last datagram sent */
	uint32_t unreported; /* DATA since the last STATUS */
	uint64_t status_at;  /* when STATUS is due; UINT64_MAX: not at all */
	bool fin_ack_due;
	bool unsynced;
	bool settled;	     /* the server has reported this end */
	bool closed;	     /* CLOSE came: no linger */
	uint64_t heard;	     /* last valid datagram */
	uint64_t closing_at; /* end of linger, of COMPLETE and REFUSED */

	uint64_t datagrams;				    /* valid ones, of every type */
	uint64_t received, duplicates, spurious, conflicts; /* DATA */
	uint16_t code;					    /* of ABORTED: enum protocol_abort */
	char error[252];
};

/* Read an OPEN's payload. 0, or an abort code and why in *ret_why. */
uint16_t intake_parse_offer(const struct wire_packet *packet, struct intake_offer *ret_offer,
			    const char **ret_why);

/* In RECEIVING, with a new file in the store, which outlives it. */
int intake_new(const struct intake_offer *offer, const struct peer *peer, const struct store *store,
	       uint64_t now, struct intake **ret_intake, struct fail *f);
void intake_free(struct intake *in);

/* A datagram of this transfer; false when it contradicts OPEN, and nothing changed. */
bool intake_receive(struct intake *in, const struct wire_packet *packet, uint64_t now);
/* After a batch of datagrams: settle writes, hash what is ripe. True when more hashing waits. */
bool intake_work(struct intake *in, uint64_t now);
/* Over, with what the sender is told (code 0: nothing). */
void intake_abort(struct intake *in, uint16_t code, const char *text);

/* The next page of STATUS; *from (a chunk, 0 at first) moves on, UINT32_MAX after the last. */
size_t intake_put_status(struct intake *in, uint8_t *payload, uint32_t *from, uint64_t now);
/* The payloads of the other two; they return their length, bytes. */
size_t intake_put_open_ack(struct intake *in, uint8_t *payload, uint64_t now);
size_t intake_put_fin_ack(const struct intake *in, uint8_t *payload);

bool intake_is_active(const struct intake *in); /* RECEIVING or CHECKING */

#endif
