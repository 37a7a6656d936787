/*
 * decode: an Ethernet frame, taken apart down to what UDP or TCP carry.
 *
 * 802.1Q tags, IPv4 with options, IPv6 without extension headers. Addresses of
 * both families are 16 bytes, IPv4 ones mapped (RFC 4291, 2.5.5.2), so that one
 * comparison does for all. Nothing is copied: pointers go into the frame.
 */
#ifndef HARNESS_VERIFY_DECODE_H
#define HARNESS_VERIFY_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/pcapng.h"
#include "topology/topology.h"

struct ip_address {
	uint8_t bytes[16];
};

enum checksum_state {
	CHECKSUM_GOOD,
	CHECKSUM_BAD,
	CHECKSUM_UNKNOWN, /* not all of the datagram was captured */
};

struct datagram {
	uint64_t time_ns;		  /* since 1970 */
	const uint8_t *to_mac, *from_mac; /* to_mac: the frame begins */
	size_t frame_len, frame_captured; /* bytes */
	struct ip_address from, to;
	bool v4;
	uint16_t from_port, to_port;
	const uint8_t *udp; /* the UDP header */
	const uint8_t *payload;
	size_t len;	 /* bytes of payload that were sent */
	size_t captured; /* of those, bytes that are here */
	enum checksum_state checksum;
};

/* A part of an IPv4 datagram that was cut on its way (RFC 791). */
struct fragment {
	struct datagram of; /* time, MACs, addresses */
	uint16_t id;
	size_t offset; /* bytes */
	bool more;
	const uint8_t *bytes;
	size_t len;
	bool whole; /* all of it was captured */
};

enum decoded {
	DECODED_OTHER,	  /* not UDP, or not well-formed */
	DECODED_UDP,	  /* *ret_datagram is filled, but for its checksum */
	DECODED_FRAGMENT, /* *ret_fragment is filled */
	DECODED_SHORT, /* UDP of another length than it says: only MACs and addresses are filled */
};

enum decoded decode_frame(const struct packet *p, struct datagram *ret_datagram,
			  struct fragment *ret_fragment);
/*
 * Ports and payload from what IP carried: len bytes were sent, captured of them are here. Other,
 * UDP or short.
 */
enum decoded decode_udp(const uint8_t *bytes, size_t len, size_t captured, struct datagram *d);
/* RFC 768 with RFC 1071: find out about d->checksum. */
void decode_verify_checksum(struct datagram *d);

/* Of TCP (RFC 9293). */
struct segment {
	uint64_t time_ns; /* since 1970 */
	struct ip_address from, to;
	uint16_t from_port, to_port;
	uint32_t seq, ack;
	bool fin, syn, rst, acks;
	bool damaged; /* its checksum is wrong; of what was not captured whole nobody knows */
	const uint8_t *bytes;
	size_t len;	 /* bytes that were sent */
	size_t captured; /* of those, bytes that are here */
};

/* False: not TCP, not well-formed, or a fragment. */
bool decode_tcp(const struct packet *p, struct segment *ret_segment);

/* Addresses of topologies and sockets as those of packets. */
struct ip_address ip_address_of(const struct address *a);
struct ip_address ip_address_of_v4(struct in_addr a);
bool ip_address_equal(const struct ip_address *a, const struct ip_address *b);
/* "192.168.122.72" or "2001:db8::1"; returns buf (INET6_ADDRSTRLEN bytes). */
char *ip_address_format(char *buf, const struct ip_address *a);

#endif
