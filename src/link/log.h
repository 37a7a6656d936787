/*
 * log: every decision of the link engine, as a file of fixed records.
 *
 * The wire (wire.h) writes it while frames pass; verify/ and the recorder's
 * merge read it when the run is over. Records stand in the order of the
 * decisions. A flow is described by a record of its own before the first frame
 * of it. Numbers are those of the machine that wrote it: nobody moves this
 * file elsewhere; links.tsv, which verify/ makes from it, is for that.
 */
#ifndef HARNESS_LINK_LOG_H
#define HARNESS_LINK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"

/*
 * Frames with the same addresses, protocol and ports, on one direction of one link. A port of the
 * range that kernels choose from (ip_local_port_range) differs from run to run: the flow's name
 * has "*1", "*2" ... instead, by order of appearance among flows that are otherwise alike.
 */
struct link_flow {
	uint16_t link;			   /* index into evidence.links */
	uint8_t direction;		   /* enum direction */
	uint8_t protocol;		   /* of IP, when ethertype is IPv4 or IPv6; else 0 */
	uint16_t ethertype;		   /* 0: not what its type says, or one flow too many */
	uint16_t from_port, to_port;	   /* UDP and TCP, else 0 */
	uint16_t from_ordinal, to_ordinal; /* 0: the port is in the name as it is */
	uint8_t from[16], to[16]; /* IPv6, or IPv4 mapped (RFC 4291, 2.5.5.2); other frames: MACs */
};

/* What became of one frame. */
struct link_frame {
	uint64_t arrived_ns;   /* since 1970 */
	uint64_t due_ns;       /* when it is to leave, likewise; 0: never */
	uint64_t due_again_ns; /* its duplicate; 0: there is none */
	uint64_t hash_in;      /* log_hash() of the frame as it came */
	uint64_t hash_out;     /* as it left: another one when it was corrupted */
	uint64_t number;       /* in its flow, from 1 */
	double draw;	       /* 0 to 1: what decided about its loss; -1: nothing was drawn */
	uint32_t flow;	       /* number of the flow in the log, from 0 */
	uint32_t len;	       /* bytes, Ethernet header included */
	uint32_t flipped;      /* the bit that was, counted from the frame's first; 0: none */
	uint8_t cause;	       /* enum link_cause; CAUSE_NONE: it passed */
	bool reordered;
};

/*
 * Of the first snaplen bytes of a frame and its length: the engine and a capture that keeps so many
 * bytes of each packet give one frame one hash. Tells frames apart, defends against nobody.
 */
uint64_t log_hash(const void *frame, size_t captured_len, size_t len);

struct log_writer;
/* Makes the file. */
int log_writer_open(const char *path, struct log_writer **ret_writer, struct err *e);
/* Returns its number. Writing is buffered; the first error is kept for log_writer_close(). */
uint32_t log_write_flow(struct log_writer *w, const struct link_flow *flow);
/* Returns the frame's place among those of the log, for log_give_up(). */
uint64_t log_write_frame(struct log_writer *w, const struct link_frame *frame);
/* This frame, or its duplicate, never left, against the decision: the reader will know. */
void log_give_up(struct log_writer *w, uint64_t frame, bool again);
/* Frees it. -1 when the log is not complete on the file system. */
int log_writer_close(struct log_writer *w, struct err *e);
void log_writer_freep(struct log_writer **w);

struct log_reader;
/* -1: there is no such file, or it is no whole log. */
int log_reader_open(const char *path, struct log_reader **ret_reader, struct err *e);
/* 1 and the next frame, 0 at the end, -1 when the file is damaged or cut short. */
int log_read(struct log_reader *r, struct link_frame *ret_frame, struct err *e);
/* Flows read so far: of frame->flow always. Valid until the reader goes. */
const struct link_flow *log_flow(const struct log_reader *r, uint32_t number);
void log_reader_freep(struct log_reader **r);

/*
 * "udp 10.0.0.1:20000 > 10.0.0.2:10000", "tcp [fd00::1]:*1 > [fd00::2]:80", "icmp 10.0.0.1 >
 * 10.0.0.2", "arp 42:21:88:16:e9:c5 > ff:ff:ff:ff:ff:ff" ...; free it. UDP without ports is what
 * follows the first fragment of a datagram.
 */
char *link_flow_format(const struct link_flow *flow);
/* "loss", "burst", "queue" ...; "passed" for CAUSE_NONE. */
const char *link_cause_name(enum link_cause c);

#endif
