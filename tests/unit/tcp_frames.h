/*
 * tcp_frames: a capture with frames of TCP, for the tests of expectations: Ethernet, IPv4 or IPv6,
 * checksums as they should be.
 */
#ifndef TESTS_TCP_FRAMES_H
#define TESTS_TCP_FRAMES_H

#include "capture/pcapng.h"
#include "expect_lab.h"

#define FRAME_ROOM 2000

struct frames {
	struct pcapng_writer *w;
	struct capture_evidence *capture;
	uint32_t snaplen;
	bool v6;
};

/* To be the capture of interface i of the lab; the first snaplen bytes of each frame. */
static inline void frames_begin(struct frames *f, struct xlab *l, size_t i, uint32_t snaplen)
{
	cleanup_free char *path = text_format("%s/%zu.pcapng", l->dir, i);
	struct pcapng_interface iface = { "x", .snaplen = snaplen };
	struct err e;

	*f = (struct frames){ .capture = &l->evidence->captures[i], .snaplen = snaplen };
	f->capture->packets = f->capture->received = 0;
	assert_int_equal(pcapng_writer_open(path, NULL, NULL, &f->w, &e), 0);
	assert_int_equal(pcapng_write_interface(f->w, &iface, &e), 0);
}

static inline void frames_end(struct frames *f)
{
	struct err e;

	assert_int_equal(pcapng_writer_close(f->w, &e), 0);
}

static inline void put16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline uint32_t words(uint32_t sum, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	return sum;
}

static inline uint16_t folded(uint32_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The header of IP for len bytes of TCP; its length. The last byte of addresses is 1 or 2. */
static inline size_t put_ip(const struct frames *f, uint8_t *p, size_t len, int from)
{
	if (f->v6) {
		p[0] = 0x60;
		put16(p + 4, len);
		p[6] = 6;
		p[23] = (uint8_t)from;
		p[39] = (uint8_t)(3 - from);
		return 40;
	}
	p[0] = 0x45;
	put16(p + 2, 20 + len);
	p[8] = 64;
	p[9] = 6;
	p[12] = p[16] = 10;
	p[15] = (uint8_t)from;
	p[19] = (uint8_t)(3 - from);
	put16(p + 10, folded(words(0, p, 20)));
	return 20;
}

/* From host 1, the client, or 2, the server; flags as tcpdump has them. */
static inline void frames_add(struct frames *f, int from, uint16_t port, const char *flags,
			      uint32_t seq, uint32_t ack, const char *bytes)
{
	uint8_t frame[FRAME_ROOM] = { [5] = 2, [11] = 1 };
	size_t len = 20 + strlen(bytes);
	size_t header = put_ip(f, frame + 14, len, from);
	uint8_t *tcp = frame + 14 + header, *addresses = frame + 14 + (f->v6 ? 8 : 12);
	struct packet p = { .data = frame, .direction = from == 1 ? DIRECTION_OUT : DIRECTION_IN };
	struct err e;

	put16(frame + 12, f->v6 ? 0x86dd : 0x0800);
	put16(tcp, from == 1 ? port : 80);
	put16(tcp + 2, from == 1 ? 80 : port);
	put32(tcp + 4, seq);
	put32(tcp + 8, ack);
	tcp[12] = 5 << 4;
	tcp[13] = (uint8_t)((strchr(flags, 'F') != NULL) | (strchr(flags, 'S') != NULL) << 1 |
			    (strchr(flags, 'R') != NULL) << 2 | (strchr(flags, '.') != NULL) << 4);
	memcpy(tcp + 20, bytes, len - 20);
	put16(tcp + 16,
	      folded(words(words(6 + (uint32_t)len, addresses, f->v6 ? 32 : 8), tcp, len)));
	p.time_ns = BEGAN + (300 + f->capture->packets) * NS_PER_MS;
	p.original_len = (uint32_t)(14 + header + len);
	p.captured_len = p.original_len < f->snaplen ? p.original_len : f->snaplen;
	assert_int_equal(pcapng_write_packet(f->w, &p, &e), 0);
	f->capture->received = ++f->capture->packets;
}

/* A whole conversation; how: what the server ends it with. */
static inline void frames_converse(struct frames *f, uint16_t port, const char *request,
				   const char *answer, const char *how)
{
	uint32_t c = 100, s = 7000;

	frames_add(f, 1, port, "S", c++, 0, "");
	frames_add(f, 2, port, "S.", s++, c, "");
	frames_add(f, 1, port, ".", c, s, request);
	c += (uint32_t)strlen(request);
	frames_add(f, 2, port, ".", s, c, answer);
	s += (uint32_t)strlen(answer);
	frames_add(f, 2, port, how, s, c, "");
}

#endif
