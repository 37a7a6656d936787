/*
 * sender: the sending side of one transfer, as a state machine.
 *
 * It does no I/O of its own but read the file through a callback. Its owner
 * feeds it datagrams that arrived (sender_receive) and asks for datagrams to
 * send (sender_poll) until there is none, then sleeps until sender_wake() or
 * the next arrival. Times are nanoseconds of any clock that does not go back,
 * so a test can run hours of it in a moment.
 *
 *	OPENING    OPEN repeated; OPEN_ACK -> SENDING
 *	SENDING    DATA, repairs, FIN behind the last chunk; all acknowledged -> FINISHING
 *	FINISHING  FIN repeated; FIN_ACK with an equal hash -> CLOSING
 *	CLOSING    one CLOSE or ABORT is still to be sent -> DONE or FAILED
 *	DONE       the receiver has the file and said so
 *	FAILED     sender_error() says why
 *
 * From every state but DONE, a failure leads to CLOSING (when the receiver
 * should be told) or FAILED. docs/transfer-protocol.md is the specification.
 */
#ifndef NODES_SENDER_H
#define NODES_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"
#include "wire.h"

enum sender_state {
	SENDER_OPENING,
	SENDER_SENDING,
	SENDER_FINISHING,
	SENDER_CLOSING,
	SENDER_DONE,
	SENDER_FAILED,
};

struct sender_config {
	uint64_t transfer; /* id, random, not 0 */
	const char *name;  /* acceptable to name_check(); copied */
	uint64_t size;	   /* bytes */
	uint32_t chunk;	   /* bytes, PROTOCOL_CHUNK_MIN to PROTOCOL_CHUNK_MAX; size needs < 2^32 */
	uint64_t rate_bps; /* bits per second on the wire, 0: as fast as the window allows */
	/* For the first answer, errors of the network or not; 0: as the specification has it. */
	uint64_t patience_ns;
	size_t overhead; /* bytes of IP and UDP headers, for the rate */
	/* Read exactly len bytes of the file at offset into buf. */
	int (*read)(void *ctx, uint64_t offset, void *buf, size_t len, struct fail *f);
	void *ctx;
};

/* What a transfer has cost so far. */
struct sender_counts {
	uint64_t datagrams; /* sent, of every type */
	uint64_t data;	    /* DATA among them */
	uint64_t repairs;   /* DATA sent again, among those */
};

struct sender;

/* In OPENING from now on. config->read and ctx are used until sender_free(). */
int sender_new(const struct sender_config *config, uint64_t now, struct sender **ret_sender,
	       struct fail *f);
void sender_free(struct sender *s);

/* A datagram that wire_parse() accepted. What does not belong to this transfer is ignored. */
void sender_receive(struct sender *s, const struct wire_packet *packet, uint64_t now);

/*
 * Put the next datagram to send into buf, which has room for a header and a
 * chunk. Returns its length, 0 when there is none now. A datagram once returned
 * counts as sent.
 */
size_t sender_poll(struct sender *s, uint8_t *buf, uint64_t now);

/* When sender_poll() is worth asking again if nothing arrives; UINT64_MAX when over. */
uint64_t sender_wake(const struct sender *s);

/* The socket reported an error (errno value), such as ECONNREFUSED for "port unreachable". */
void sender_socket_error(struct sender *s, int num, uint64_t now);

/* Give up; the receiver is told with ABORT. code is an enum protocol_abort. */
void sender_abort(struct sender *s, uint16_t code, const char *text);

enum sender_state sender_state(const struct sender *s);
/* DONE or FAILED: nothing is left to send. */
bool sender_is_over(const struct sender *s);
/* Why it failed; "" before. */
const char *sender_error(const struct sender *s);
const struct sender_counts *sender_counts(const struct sender *s);
/* SHA-256 of the file, DIGEST_LEN bytes; NULL until all of it was read. */
const uint8_t *sender_hash(const struct sender *s);

#endif
