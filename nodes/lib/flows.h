/*
 * flows: the receiving side of raw. Every source (address and port) is a flow,
 * and its datagrams are appended to a file of its own in order of arrival.
 * Nothing says that a flow has ended but silence, or that the program does.
 */
#ifndef NODES_FLOWS_H
#define NODES_FLOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"
#include "folder.h"
#include "peer.h"

struct flow {
	struct peer peer;
	char name[PEER_TEXT_LEN + 16]; /* of its file: ADDRESS-PORT.bin */
	struct store_file *file;
	uint64_t size, datagrams;
	uint64_t heard; /* last datagram, ns */
	struct digest *digest;
	bool has_hash;
	uint8_t hash[DIGEST_LEN]; /* of a flow that has ended well */
	bool has_failed;
	struct fail failed;
};

struct flows_config {
	struct folder *folder;
	size_t max_flows;
	uint64_t max_size; /* bytes of one flow */
	uint64_t idle_ns;  /* of silence that end a flow; 0: it goes on */
	void (*ended)(void *ctx, const struct flow *flow);
	void *ctx;
};

struct flows;

/* The folder outlives it. flows_free() ends all flows first. */
struct flows *flows_new(const struct flows_config *config);
void flows_free(struct flows *fl);
/* Append a datagram to the file of its source. */
void flows_receive(struct flows *fl, const void *datagram, size_t len, const struct peer *from,
		   uint64_t now);
/* After each batch: write it out, end what is silent. Returns when to call again at the latest. */
uint64_t flows_work(struct flows *fl, uint64_t now);
/* All flows end. */
void flows_stop(struct flows *fl);
/* Datagrams of flows beyond max_flows. */
uint64_t flows_bad(const struct flows *fl);

#endif
