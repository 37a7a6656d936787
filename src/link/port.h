/*
 * port: one interface that the wire takes frames from and puts frames on, by one of three ways
 * (enum ring_kind). Frames that the wire itself sends do not come back.
 *
 * A port is of one thread. What port_receive() hands out is valid until port_release().
 */
#ifndef HARNESS_LINK_PORT_H
#define HARNESS_LINK_PORT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"

#define PORT_BATCH 64

struct port_frame {
	uint8_t *bytes;
	uint32_t len;
	uint64_t arrived_real_ns; /* CLOCK_REALTIME; 0: not known, so now */
};

struct port;

struct port_config {
	const char *device; /* in the caller's network namespace */
	size_t memory;	    /* bytes that its rings may take, more or less */
};

/* -1 also where the kernel lacks this kind of ring. */
int port_open(const struct port_config *config, enum ring_kind kind, struct port **ret_port,
	      struct err *e);
/* For poll(2): readable when there are frames. */
int port_fd(const struct port *p);
/* At most PORT_BATCH frames; 0: none has come. */
size_t port_receive(struct port *p, struct port_frame *ret_frames);
/* What was received may be overwritten now. */
void port_release(struct port *p);
/* Queues a copy for port_flush(). When the kernel does not take it, it is lost and counted. */
void port_transmit(struct port *p, const void *frame, size_t len);
/* Give the kernel what was queued. */
void port_flush(struct port *p);
/* Frames that came and were not received, since it was opened. */
uint64_t port_missed(struct port *p);
/* Frames for port_transmit() that the kernel did not take, since it was opened. */
uint64_t port_refused(struct port *p);
void port_close(struct port *p);
void port_closep(struct port **p);

/* ---- for port_*.c ---- */

struct port_ops {
	size_t size; /* of the structure that begins with struct port */
	int (*open)(struct port *p, const struct port_config *config, struct err *e);
	size_t (*receive)(struct port *p, struct port_frame *ret_frames);
	void (*release)(struct port *p);
	void (*transmit)(struct port *p, const void *frame, size_t len);
	void (*flush)(struct port *p);
	uint64_t (*missed)(struct port *p);
	void (*close)(struct port *p); /* also when open failed half-way */
};

struct port {
	const struct port_ops *ops;
	int fd;
	char device[16];
	int ifindex;
	uint32_t max_frame; /* the largest that the interface takes */
	uint64_t missed, refused;
	uint64_t errors; /* counted as dropped by the interface, too: those that were seen here */
	uint64_t dropped_before;
};

extern const struct port_ops port_packet_ops, port_xdp_ops, port_socket_ops;

#endif
