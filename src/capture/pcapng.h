/*
 * pcapng: writes and reads capture files (draft-ietf-opsawg-pcapng), Ethernet,
 * nanosecond time stamps, one section. The writer gathers blocks in a large
 * buffer and writes it with few calls; the reader maps the file and hands out
 * packets in place.
 */
#ifndef HARNESS_CAPTURE_PCAPNG_H
#define HARNESS_CAPTURE_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum packet_direction { /* epb_flags, bits 0-1 */
			DIRECTION_UNKNOWN = 0,
			DIRECTION_IN = 1,
			DIRECTION_OUT = 2,
};

struct pcapng_interface {
	const char *name;	 /* "alpine-2/eth0" */
	const char *description; /* or NULL */
	const char *filter;	 /* or NULL */
	uint32_t snaplen;
	uint64_t speed_bps; /* 0: not said */
	uint64_t start_ns;  /* since 1970: capturing began, for the statistics; 0: not said */
};

struct pcapng_name {
	int family; /* AF_INET or AF_INET6 */
	uint8_t address[16];
	const char *name;
};

struct packet {
	uint32_t interface;		     /* number in the file, from 0 */
	uint64_t time_ns;		     /* since 1970 */
	uint32_t captured_len, original_len; /* bytes */
	const uint8_t *data;
	enum packet_direction direction;
	uint64_t id;	     /* epb_packetid, shared by the copies of one packet; 0: none */
	uint64_t dropped;    /* epb_dropcount: lost between the packet before and this one */
	const char *comment; /* written when not NULL; the reader leaves NULL */
};

struct pcapng_writer;

/* Creates (truncates) path; writes the section header. application and comment may be NULL. */
int pcapng_writer_open(const char *path, const char *application, const char *comment,
		       struct pcapng_writer **ret_writer, struct err *e);
int pcapng_write_interface(struct pcapng_writer *w, const struct pcapng_interface *i,
			   struct err *e);
int pcapng_write_names(struct pcapng_writer *w, const struct pcapng_name *names, size_t n,
		       struct err *e);
/*
 * Packets of a file come out in the order of time: one that is late goes back to
 * its place, as long as that is within what was written last (a mebibyte or more).
 */
int pcapng_write_packet(struct pcapng_writer *w, const struct packet *p, struct err *e);
/* Interface statistics at time_ns: ifrecv, ifdrop, and osdrop counters of RFC draft section 4.6. */
int pcapng_write_statistics(struct pcapng_writer *w, uint32_t interface, uint64_t time_ns,
			    uint64_t received, uint64_t dropped, uint64_t if_dropped,
			    struct err *e);
/* Write out what is buffered. */
int pcapng_writer_flush(struct pcapng_writer *w, struct err *e);
int pcapng_writer_close(struct pcapng_writer *w, struct err *e);
/* Without flushing: for error paths. Accepts NULL. */
void pcapng_writer_freep(struct pcapng_writer **w);

struct pcapng_reader;

/* Maps the file. Refuses what is not pcapng. The same byte order as ours and the other one. */
int pcapng_reader_open(const char *path, struct pcapng_reader **ret_reader, struct err *e);
/* 1 and a packet (data valid until the reader is freed), 0 at the end, -1 on a damaged file. */
int pcapng_read(struct pcapng_reader *r, struct packet *ret_packet, struct err *e);
/*
 * Give back the memory that holds what was read so far, for a pass over a file of gigabytes: the
 * next part goes into the same memory. Packets stay valid, they come from the disk again.
 */
void pcapng_forget(struct pcapng_reader *r);
/* if_name of an interface seen so far, or NULL. */
const char *pcapng_interface_name(const struct pcapng_reader *r, uint32_t interface);
void pcapng_reader_freep(struct pcapng_reader **r);

#endif
