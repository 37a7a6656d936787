/*
 * udp: sockets and batches of datagrams.
 *
 * Sending: datagrams are laid end to end in an outbox; those of one length go
 * to the kernel as one UDP_SEGMENT message (udp(7)), all of them with one
 * sendmmsg(2). Receiving: recvmmsg(2) with UDP_GRO, whose joined datagrams are
 * taken apart again, so that callers only ever see single ones.
 */
#ifndef NODES_UDP_H
#define NODES_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"
#include "peer.h"

#define UDP_OUTBOX_ROOM 131072 /* bytes */
#define UDP_OUTBOX_MAX	256    /* datagrams */

struct udp_outbox {
	uint8_t *buf;
	size_t used;
	size_t n;
	uint16_t len[UDP_OUTBOX_MAX];
};

struct udp_listener {
	int fd;
	int family;	 /* AF_INET6, or AF_INET where the kernel has no IPv6 */
	uint64_t buffer; /* bytes that datagrams may take in its receive buffer */
};

struct udp_inbox;

/* Called for each datagram; the bytes are valid until the next udp_inbox_read(). */
typedef void udp_handler(void *ctx, const uint8_t *datagram, size_t len, const struct peer *from);

/*
 * A connected socket to one receiver, on this port of ours (0: the kernel
 * chooses; ret_port says which); ret_mtu is that of the path, bytes, headers included.
 */
int udp_connect(const struct peer *to, uint16_t port, int *ret_fd, unsigned *ret_mtu,
		uint16_t *ret_port, struct fail *f);
/* An unconnected socket, for raw; the port likewise. */
int udp_open(const struct peer *to, uint16_t port, bool broadcast, int *ret_fd, uint16_t *ret_port,
	     struct fail *f);
/* A receiver's socket; address NULL: all. */
int udp_listen(const char *address, uint16_t port, struct udp_listener *ret_listener,
	       struct fail *f);
/* Answer from the address that the peer wrote to. Failures count as loss on the way. */
void udp_answer(const struct udp_listener *l, const struct peer *to, const void *datagram,
		size_t len);
/* Datagrams dropped in the receive buffer, since the socket was made. */
uint32_t udp_drops(int fd);
/* The next error that the network reported to a connected socket (errno value), 0: none. */
int udp_next_error(int fd);

void udp_outbox_init(struct udp_outbox *o);
void udp_outbox_done(struct udp_outbox *o);
/* Where the next datagram goes, NULL when len bytes more do not fit. */
uint8_t *udp_outbox_slot(struct udp_outbox *o, size_t len);
void udp_outbox_add(struct udp_outbox *o, size_t len);
/*
 * Send and empty it. *gso says whether UDP_SEGMENT is tried and becomes false
 * where it does not work. Returns 0 or the last errno value that was met;
 * datagrams that could not be sent count as lost on the way.
 */
int udp_outbox_send(struct udp_outbox *o, int fd, bool *gso);

/* Room for n messages of at most size bytes; UDP_GRO joins up to 65535. */
struct udp_inbox *udp_inbox_new(unsigned n, size_t size);
void udp_inbox_free(struct udp_inbox *in);
/* What waits now, at most n messages. Returns their number, 0 for none, -1 with errno. */
int udp_inbox_read(struct udp_inbox *in, int fd, udp_handler *handler, void *ctx);

#endif
