/*
 * nodes_channel: senders and one receiver joined by a network that exists only
 * in memory and in virtual time, for tests of the transfer protocol.
 *
 * The state machines of nodes/lib do no I/O, so a test can lose, duplicate,
 * damage, delay and reorder their datagrams as it likes, repeat any run by its
 * seed, and let hours pass in a moment.
 */
#ifndef TESTS_NODES_CHANNEL_H
#define TESTS_NODES_CHANNEL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scope.h"
#include "sender.h"
#include "server.h"

#define CHANNEL_SENDERS	 64
#define CHANNEL_FILES	 128
#define CHANNEL_DATAGRAM 1500

/* What one direction does to a datagram: chances from 0 to 1, times in ns. */
struct channel_path {
	double loss, duplicate, corrupt;
	uint64_t delay, jitter;
};

struct channel_datagram {
	uint64_t at; /* of arrival */
	uint64_t order;
	size_t sender;
	bool to_receiver;
	size_t len;
	uint8_t bytes[CHANNEL_DATAGRAM];
};

/* A file in the receiver's memory; store_file is only ever a pointer to one of these. */
struct channel_file {
	struct channel *channel;
	char name[PROTOCOL_NAME_MAX + 1];
	uint8_t *bytes;
	size_t size;
	bool committed, failed;
};

struct channel_sender {
	struct sender *sender;
	uint8_t *file;
	size_t size;
	struct peer peer;
};

struct channel {
	uint64_t now, random, order;
	struct channel_path there, back;
	struct channel_sender senders[CHANNEL_SENDERS];
	size_t n_senders;
	struct server *server;
	struct server_config config;
	struct channel_datagram **heap; /* by time of arrival */
	size_t n_heap, room_heap;
	struct channel_file files[CHANNEL_FILES];
	size_t n_files;
	uint64_t disk;		      /* bytes that still fit */
	uint64_t n_there, n_back;     /* datagrams sent */
	size_t last_there, last_back; /* length of the newest in each direction */
	uint8_t last_back_type;
	unsigned n_settled, n_ended, n_complete;
	uint64_t duplicates, conflicts;
};

/* splitmix64: any seed will do. */
static inline uint64_t channel_random(struct channel *c)
{
	uint64_t z = c->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static inline bool channel_chance(struct channel *c, double p)
{
	return (double)(channel_random(c) >> 11) * 0x1p-53 < p;
}

/* The store in memory. */

static inline struct channel_file *channel_file_of(struct store_file *f)
{
	return (struct channel_file *)(void *)f;
}

static inline int channel_create(void *ctx, const char *name, uint64_t transfer, uint64_t size,
				 struct store_file **ret_file, struct fail *f)
{
	struct channel *c = ctx;

	(void)transfer;
	(void)size;
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].committed && strcmp(c->files[i].name, name) == 0)
			return fail_set(f, EEXIST, "create '%s'", name);
	if (c->n_files == CHANNEL_FILES)
		abort();

	struct channel_file *file = &c->files[c->n_files++];

	file->channel = c;
	snprintf(file->name, sizeof(file->name), "%s", name);
	*ret_file = (struct store_file *)(void *)file;
	return 0;
}

static inline void channel_write(struct store_file *sf, uint64_t offset, const void *bytes,
				 size_t len)
{
	struct channel_file *file = channel_file_of(sf);

	if (len > file->channel->disk) {
		file->failed = true;
		return;
	}
	file->channel->disk -= len;
	if (offset + len > file->size) {
		file->bytes = realloc(file->bytes, offset + len);
		if (file->bytes == NULL)
			abort();
		memset(file->bytes + file->size, 0, offset + len - file->size);
		file->size = offset + len;
	}
	memcpy(file->bytes + offset, bytes, len);
}

static inline int channel_sync(struct store_file *sf, struct fail *f)
{
	return channel_file_of(sf)->failed ? fail_set(f, ENOSPC, "write") : 0;
}

static inline int channel_read(struct store_file *sf, uint64_t offset, void *buf, size_t len,
			       struct fail *f)
{
	struct channel_file *file = channel_file_of(sf);

	if (offset + len > file->size)
		return fail_set(f, EIO, "read");
	memcpy(buf, file->bytes + offset, len);
	return 0;
}

/* In steps, as a real one does. */
static inline size_t channel_hash(struct store_file *sf, uint64_t from, uint64_t upto,
				  struct digest *digest)
{
	size_t len = upto - from < 65536 ? (size_t)(upto - from) : 65536;

	digest_add(digest, channel_file_of(sf)->bytes + from, len);
	return len;
}

static inline int channel_commit(struct store_file *sf, struct fail *f)
{
	struct channel_file *file = channel_file_of(sf);
	struct channel *c = file->channel;

	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].committed && strcmp(c->files[i].name, file->name) == 0)
			return fail_set(f, EEXIST, "name '%s'", file->name);
	file->committed = true;
	return 0;
}

static inline void channel_release(struct store_file *sf)
{
	struct channel_file *file = channel_file_of(sf);

	if (file->committed)
		return;
	free(file->bytes);
	file->bytes = NULL;
	file->size = 0;
}

/* The network. */

static inline bool channel_earlier(const struct channel_datagram *a,
				   const struct channel_datagram *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static inline void channel_swap(struct channel *c, size_t i, size_t j)
{
	struct channel_datagram *d = c->heap[i];

	c->heap[i] = c->heap[j];
	c->heap[j] = d;
}

static inline void channel_push(struct channel *c, struct channel_datagram *d)
{
	if (c->n_heap == c->room_heap) {
		c->room_heap = c->room_heap != 0 ? 2 * c->room_heap : 1024;
		c->heap = reallocarray(c->heap, c->room_heap, sizeof(*c->heap));
		if (c->heap == NULL)
			abort();
	}

	size_t i = c->n_heap++;

	c->heap[i] = d;
	for (; i > 0 && channel_earlier(c->heap[i], c->heap[(i - 1) / 2]); i = (i - 1) / 2)
		channel_swap(c, i, (i - 1) / 2);
}

static inline struct channel_datagram *channel_pop(struct channel *c)
{
	struct channel_datagram *first = c->heap[0];

	c->heap[0] = c->heap[--c->n_heap];
	for (size_t i = 0, child; (child = 2 * i + 1) < c->n_heap; i = child) {
		if (child + 1 < c->n_heap && channel_earlier(c->heap[child + 1], c->heap[child]))
			child++;
		if (!channel_earlier(c->heap[child], c->heap[i]))
			break;
		channel_swap(c, i, child);
	}
	return first;
}

static inline void channel_copy(struct channel *c, size_t sender, bool to_receiver,
				const uint8_t *bytes, size_t len)
{
	const struct channel_path *path = to_receiver ? &c->there : &c->back;
	struct channel_datagram *d = scope_alloc(1, sizeof(*d));

	d->at = c->now + path->delay;
	if (path->jitter != 0)
		d->at += channel_random(c) % path->jitter;
	d->order = c->order++;
	d->sender = sender;
	d->to_receiver = to_receiver;
	d->len = len;
	memcpy(d->bytes, bytes, len);
	if (channel_chance(c, path->corrupt))
		d->bytes[channel_random(c) % len] ^= (uint8_t)(1 << channel_random(c) % 8);
	channel_push(c, d);
}

static inline void channel_transmit(struct channel *c, size_t sender, bool to_receiver,
				    const uint8_t *bytes, size_t len)
{
	const struct channel_path *path = to_receiver ? &c->there : &c->back;

	*(to_receiver ? &c->n_there : &c->n_back) += 1;
	*(to_receiver ? &c->last_there : &c->last_back) = len;
	if (!to_receiver)
		c->last_back_type = bytes[PROTOCOL_AT_TYPE];
	if (channel_chance(c, path->loss))
		return;
	channel_copy(c, sender, to_receiver, bytes, len);
	if (channel_chance(c, path->duplicate))
		channel_copy(c, sender, to_receiver, bytes, len);
}

/* The server's callbacks. A sender's port is its number + 1. */

static inline void channel_answer(void *ctx, const struct peer *to, const uint8_t *bytes,
				  size_t len)
{
	channel_transmit(ctx, (size_t)to->port - 1, false, bytes, len);
}

static inline void channel_settled(void *ctx, const struct intake *in)
{
	struct channel *c = ctx;

	c->n_settled++;
	c->n_complete += in->state == INTAKE_COMPLETE;
}

static inline void channel_ended(void *ctx, const struct intake *in)
{
	struct channel *c = ctx;

	c->n_ended++;
	c->duplicates += in->duplicates;
	c->conflicts += in->conflicts;
}

static inline struct channel *channel_new(uint64_t seed)
{
	struct channel *c = scope_alloc(1, sizeof(*c));

	c->random = seed;
	c->now = NS_PER_SEC;
	c->disk = UINT64_MAX;
	c->config = (struct server_config){
		.max_transfers = CHANNEL_SENDERS,
		.max_size = 1 << 30,
		.buffer = 64 << 20,
		.store = { .create = channel_create,
			   .write = channel_write,
			   .sync = channel_sync,
			   .read = channel_read,
			   .hash = channel_hash,
			   .commit = channel_commit,
			   .release = channel_release,
			   .ctx = c },
		.send = channel_answer,
		.settled = channel_settled,
		.ended = channel_ended,
		.ctx = c,
	};
	c->server = server_new(&c->config);
	return c;
}

/* As if the receiving program had been killed and started again. */
static inline void channel_restart(struct channel *c)
{
	server_free(c->server);
	c->server = server_new(&c->config);
}

static inline void channel_free(struct channel *c)
{
	server_free(c->server);
	for (size_t i = 0; i < c->n_senders; i++) {
		sender_free(c->senders[i].sender);
		free(c->senders[i].file);
	}
	while (c->n_heap > 0)
		free(channel_pop(c));
	for (size_t i = 0; i < c->n_files; i++)
		free(c->files[i].bytes);
	free(c->heap);
	free(c);
}

static inline int channel_read_source(void *ctx, uint64_t offset, void *buf, size_t len,
				      struct fail *f)
{
	struct channel_sender *s = ctx;

	if (offset + len > s->size)
		return fail_set(f, 0, "beyond the end of the file");
	memcpy(buf, s->file + offset, len);
	return 0;
}

/* A sender of a file of random bytes. */
static inline struct channel_sender *channel_add(struct channel *c, const char *name, size_t size,
						 uint32_t chunk, uint64_t rate_bps)
{
	struct channel_sender *s = &c->senders[c->n_senders++];
	struct fail f;

	s->size = size;
	s->file = scope_alloc(size, 1);
	for (size_t i = 0; i < size; i++)
		s->file[i] = (uint8_t)channel_random(c);
	s->peer = (struct peer){ .port = (uint16_t)c->n_senders };
	s->peer.address.s6_addr[15] = 1;

	struct sender_config config = {
		.transfer = channel_random(c) | 1,
		.name = name,
		.size = size,
		.chunk = chunk,
		.rate_bps = rate_bps,
		.overhead = 28,
		.read = channel_read_source,
		.ctx = s,
	};

	if (sender_new(&config, c->now, &s->sender, &f) != 0)
		abort();
	return s;
}

static inline void channel_deliver(struct channel *c, struct channel_datagram *d)
{
	struct channel_sender *s = &c->senders[d->sender];
	struct wire_packet p;

	if (d->to_receiver)
		server_receive(c->server, d->bytes, d->len, &s->peer, c->now);
	else if (wire_parse(d->bytes, d->len, &p) == WIRE_OK)
		sender_receive(s->sender, &p, c->now);
	free(d);
}

/* Let everyone act now. Returns when anyone wants to act again, or a datagram arrives. */
static inline uint64_t channel_step(struct channel *c)
{
	uint8_t buf[CHANNEL_DATAGRAM];
	uint64_t wake;

	while (c->n_heap > 0 && c->heap[0]->at <= c->now)
		channel_deliver(c, channel_pop(c));
	wake = server_work(c->server, c->now);
	for (size_t i = 0; i < c->n_senders; i++) {
		size_t len;

		while ((len = sender_poll(c->senders[i].sender, buf, c->now)) > 0)
			channel_transmit(c, i, true, buf, len);
		wake = time_earlier(wake, sender_wake(c->senders[i].sender));
	}
	if (c->n_heap > 0)
		wake = time_earlier(wake, c->heap[0]->at);
	return wake;
}

static inline bool channel_is_over(const struct channel *c)
{
	for (size_t i = 0; i < c->n_senders; i++)
		if (!sender_is_over(c->senders[i].sender))
			return false;
	return true;
}

/* Until all senders are over, or this time. At least 1 us passes between two steps. */
static inline void channel_run(struct channel *c, uint64_t until)
{
	while (c->now < until) {
		uint64_t wake = channel_step(c);

		if (channel_is_over(c))
			break;
		c->now = wake > c->now + NS_PER_US ? wake : c->now + NS_PER_US;
	}
}

/* Until nothing is on its way and the receiver has forgotten everything. */
static inline void channel_settle(struct channel *c)
{
	uint64_t wake;

	while ((wake = channel_step(c)) != UINT64_MAX)
		c->now = wake > c->now + NS_PER_US ? wake : c->now + NS_PER_US;
}

/* The committed file of this name, or NULL. */
static inline const struct channel_file *channel_find(const struct channel *c, const char *name)
{
	for (size_t i = 0; i < c->n_files; i++)
		if (c->files[i].committed && strcmp(c->files[i].name, name) == 0)
			return &c->files[i];
	return NULL;
}

static inline bool channel_arrived(const struct channel *c, const char *name,
				   const struct channel_sender *s)
{
	const struct channel_file *f = channel_find(c, name);

	return f != NULL && f->size == s->size &&
	       (s->size == 0 || memcmp(f->bytes, s->file, s->size) == 0);
}

#endif
