/*
 * server: the receiving side of many transfers at once, as a state machine.
 *
 * Its owner feeds it every datagram of one UDP socket (server_receive), calls
 * server_work() after each batch, and again at the time that returned. Answers
 * leave through the send callback. It keeps what strangers may cost within
 * limits: transfers at once, bytes of each, answers to what nobody asked for.
 */
#ifndef NODES_SERVER_H
#define NODES_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "intake.h"
#include "peer.h"
#include "store.h"

struct server_config {
	size_t max_transfers; /* not complete ones, at once */
	uint64_t max_size;    /* bytes of one file */
	uint64_t buffer; /* bytes of the socket's receive buffer as SO_RCVBUF says: for windows */
	struct store store;
	void (*send)(void *ctx, const struct peer *to, const uint8_t *datagram, size_t len);
	/* A transfer is COMPLETE, REFUSED or ABORTED now. */
	void (*settled)(void *ctx, const struct intake *in);
	/* It is about to be forgotten: what it counted is final. Comes after settled. */
	void (*ended)(void *ctx, const struct intake *in);
	void *ctx;
};

struct server;

/* What the config points to outlives it. */
struct server *server_new(const struct server_config *config);
void server_free(struct server *srv);

/* A datagram of any kind, also of strangers. */
void server_receive(struct server *srv, const void *datagram, size_t len, const struct peer *from,
		    uint64_t now);
/* Do what is due. Returns when to call again at the latest; a time in the past: at once. */
uint64_t server_work(struct server *srv, uint64_t now);
/* End everything without another datagram: settled and ended are called for what was active. */
void server_stop(struct server *srv, const char *why);

/* Datagrams that were refused. */
uint64_t server_bad(const struct server *srv);
/* Transfers that are settled and linger, ready to answer again. */
size_t server_n_lingering(const struct server *srv);

#endif
