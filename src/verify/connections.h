/*
 * connections: TCP connections of one capture, each its bytes in order, once, whatever was sent
 * again, overtook or overlapped (RFC 9293). Segments are shown in the order of the capture; their
 * bytes have to stay where they are until connections_free(), as those of pcapng.h do.
 *
 * A connection begins with a SYN. What was captured of others is counted, and not looked at.
 */
#ifndef HARNESS_VERIFY_CONNECTIONS_H
#define HARNESS_VERIFY_CONNECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/decode.h"

enum peer {
	PEER_CLIENT, /* sent the SYN */
	PEER_SERVER,
	N_PEERS,
};

/* Where something is: a frame of the capture. */
struct place {
	uint64_t frame; /* from 1 */
	uint64_t time_ns;
};

/* Who has which end. */
struct endpoints {
	struct ip_address address[N_PEERS];
	uint16_t port[N_PEERS];
};

/*
 * What becomes of a connection. open() gives what the others get; NULL: nobody wants to know. A
 * side that has sent FIN sends no more bytes; after a reset nobody does. close() is the last.
 */
struct conversation {
	void *(*open)(void *user, const struct endpoints *ends);
	void (*data)(void *of, enum peer from, const uint8_t *bytes, size_t len, struct place at);
	void (*fin)(void *of, enum peer from, struct place at);
	void (*reset)(void *of, enum peer from, struct place at);
	/* missing: it has bytes that are not in the capture. */
	void (*close)(void *of, bool missing);
};

struct connections;

/* Without a conversation they are only counted. */
struct connections *connections_new(const struct conversation *c, void *user);
void connections_add(struct connections *s, const struct segment *segment, uint64_t frame);
/* Connections begun; a SYN that was sent again begins none. */
uint64_t connections_count(const struct connections *s);
/* Segments with bytes that belong to no connection whose beginning was seen. */
uint64_t connections_strays(const struct connections *s);
/* Nothing more comes: closes all that are open. */
void connections_finish(struct connections *s);
/* Accepts NULL. */
void connections_freep(struct connections **s);

#endif
