#include "verify/decode.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#define ETHERTYPE_V4   0x0800
#define ETHERTYPE_V6   0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
#define PROTOCOL_TCP   6
#define PROTOCOL_UDP   17

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

/* What is left of a frame: len bytes were on the wire, captured of them are here. */
struct rest {
	const uint8_t *p;
	size_t len, captured;
};

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static void skip(struct rest *r, size_t n)
{
	r->p += n;
	r->len -= n;
	r->captured -= n;
}

/* What is behind the datagram is padding (IEEE 802.3: a frame has 60 bytes at least). */
static void cut(struct rest *r, size_t len)
{
	r->len = len;
	if (r->captured > len)
		r->captured = len;
}

static struct ip_address mapped(const uint8_t *v4)
{
	struct ip_address a;

	memcpy(a.bytes, v4_mapped, 12);
	memcpy(a.bytes + 12, v4, 4);
	return a;
}

struct ip_address ip_address_of_v4(struct in_addr a)
{
	return mapped((const uint8_t *)&a.s_addr);
}

struct ip_address ip_address_of(const struct address *a)
{
	struct ip_address ip;

	if (a->family == AF_INET)
		return ip_address_of_v4(a->v4);
	memcpy(ip.bytes, a->v6.s6_addr, 16);
	return ip;
}

bool ip_address_equal(const struct ip_address *a, const struct ip_address *b)
{
	return memcmp(a->bytes, b->bytes, 16) == 0;
}

char *ip_address_format(char *buf, const struct ip_address *a)
{
	bool v4 = memcmp(a->bytes, v4_mapped, 12) == 0;
	const void *bytes = v4 ? a->bytes + 12 : a->bytes;

	if (inet_ntop(v4 ? AF_INET : AF_INET6, bytes, buf, INET6_ADDRSTRLEN) == NULL)
		buf[0] = '\0';
	return buf;
}

/* The sum of all 16-bit words modulo 2^16 - 1 does not depend on their order of bytes (RFC 1071). */
static uint64_t add_words(uint64_t sum, const uint8_t *p, size_t len)
{
	uint64_t a = 0, b = 0, word;

	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		a += word & 0xffffffff;
		b += word >> 32;
	}
	word = 0;
	memcpy(&word, p, len);
	return sum + (a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32) +
	       (word & 0xffffffff) + (word >> 32);
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of len bytes from `bytes` on, with the header that stands for addresses (RFC 768, RFC 9293 3.1). */
static bool sum_is_right(const struct ip_address *from, const struct ip_address *to, bool v4,
			 uint8_t protocol, const uint8_t *bytes, size_t len)
{
	const uint8_t pseudo[4] = { 0, protocol, (uint8_t)(len >> 8), (uint8_t)len };
	size_t at = v4 ? 12 : 0;
	uint64_t sum = 0;

	sum = add_words(sum, from->bytes + at, 16 - at);
	sum = add_words(sum, to->bytes + at, 16 - at);
	sum = add_words(sum, pseudo, sizeof(pseudo));
	sum = add_words(sum, bytes, len);
	return fold(sum) == 0xffff;
}

void decode_verify_checksum(struct datagram *d)
{
	d->checksum = CHECKSUM_UNKNOWN;
	if (d->captured < d->len)
		return;
	d->checksum = CHECKSUM_GOOD;
	/* 0: the sender did without, which only IPv4 allows (RFC 8200, 8.1). */
	if (d->v4 && be16(d->udp + 6) == 0)
		return;
	if (!sum_is_right(&d->from, &d->to, d->v4, PROTOCOL_UDP, d->udp, 8 + d->len) ||
	    be16(d->udp + 6) == 0)
		d->checksum = CHECKSUM_BAD;
}

/* As the kernel checks it (net/ipv4/udp.c, __udp4_lib_rcv). */
enum decoded decode_udp(const uint8_t *bytes, size_t len, size_t captured, struct datagram *d)
{
	if (len < 8)
		return DECODED_SHORT;
	if (captured < 8)
		return DECODED_OTHER;

	size_t udp_len = be16(bytes + 4);

	if (udp_len < 8 || udp_len > len)
		return DECODED_SHORT;
	d->udp = bytes;
	d->from_port = be16(bytes);
	d->to_port = be16(bytes + 2);
	d->payload = bytes + 8;
	d->len = udp_len - 8;
	d->captured = (captured < udp_len ? captured : udp_len) - 8;
	return DECODED_UDP;
}

/* What IP says of what it carries. */
struct ip_header {
	struct ip_address from, to;
	bool v4;
	uint8_t protocol;
	uint16_t id;
	unsigned fragment; /* flags and offset */
};

/* They leave *r at what is carried; false: not well-formed. */
static bool read_v4(struct rest *r, struct ip_header *h)
{
	size_t header = r->captured >= 20 ? (size_t)(r->p[0] & 15) * 4 : 0;

	if (header < 20 || r->p[0] >> 4 != 4 || r->captured < header ||
	    fold(add_words(0, r->p, header)) != 0xffff)
		return false;

	size_t total = be16(r->p + 2);

	if (total < header || total > r->len)
		return false;
	*h = (struct ip_header){ .v4 = true,
				 .from = mapped(r->p + 12),
				 .to = mapped(r->p + 16),
				 .protocol = r->p[9],
				 .id = be16(r->p + 4),
				 .fragment = be16(r->p + 6) & 0x3fff };
	cut(r, total);
	skip(r, header);
	return true;
}

static bool read_v6(struct rest *r, struct ip_header *h)
{
	if (r->captured < 40 || r->p[0] >> 4 != 6)
		return false;

	size_t len = be16(r->p + 4);

	if (len > r->len - 40)
		return false;
	*h = (struct ip_header){ .protocol = r->p[6] };
	memcpy(h->from.bytes, r->p + 8, 16);
	memcpy(h->to.bytes, r->p + 24, 16);
	skip(r, 40);
	cut(r, len);
	return true;
}

static bool read_ip(struct rest *r, struct ip_header *h)
{
	if (r->captured < 14 || r->captured > r->len)
		return false;

	uint16_t type = be16(r->p + 12);

	skip(r, 14);
	while ((type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ) && r->captured >= 4) {
		type = be16(r->p + 2);
		skip(r, 4);
	}
	if (type == ETHERTYPE_V4)
		return read_v4(r, h);
	return type == ETHERTYPE_V6 && read_v6(r, h);
}

enum decoded decode_frame(const struct packet *p, struct datagram *ret_datagram,
			  struct fragment *ret_fragment)
{
	struct rest r = { p->data, p->original_len, p->captured_len };
	struct datagram *d = ret_datagram;
	struct fragment *f = ret_fragment;
	struct ip_header h;

	if (!read_ip(&r, &h) || h.protocol != PROTOCOL_UDP)
		return DECODED_OTHER;
	d->time_ns = p->time_ns;
	d->to_mac = p->data;
	d->frame_len = p->original_len;
	d->frame_captured = p->captured_len;
	d->from_mac = p->data + 6;
	d->v4 = h.v4;
	d->from = h.from;
	d->to = h.to;
	if (h.fragment == 0)
		return decode_udp(r.p, r.len, r.captured, d);
	f->id = h.id;
	f->of = *d;
	f->offset = (size_t)(h.fragment & 0x1fff) * 8;
	f->more = (h.fragment & 0x2000) != 0;
	f->bytes = r.p;
	f->len = r.len;
	f->whole = r.captured == r.len;
	return DECODED_FRAGMENT;
}

bool decode_tcp(const struct packet *p, struct segment *ret_segment)
{
	struct rest r = { p->data, p->original_len, p->captured_len };
	struct segment *s = ret_segment;
	struct ip_header h;

	if (!read_ip(&r, &h) || h.protocol != PROTOCOL_TCP || h.fragment != 0 || r.captured < 20)
		return false;

	size_t header = (size_t)(r.p[12] >> 4) * 4;
	unsigned flags = r.p[13];

	if (header < 20 || header > r.len)
		return false;
	*s = (struct segment){ .time_ns = p->time_ns,
			       .from = h.from,
			       .to = h.to,
			       .from_port = be16(r.p),
			       .to_port = be16(r.p + 2),
			       .seq = be32(r.p + 4),
			       .ack = be32(r.p + 8),
			       .fin = (flags & 0x01) != 0,
			       .syn = (flags & 0x02) != 0,
			       .rst = (flags & 0x04) != 0,
			       .acks = (flags & 0x10) != 0,
			       .bytes = r.p + header,
			       .len = r.len - header,
			       .captured = r.captured > header ? r.captured - header : 0 };
	s->damaged = r.captured == r.len &&
		     !sum_is_right(&h.from, &h.to, h.v4, PROTOCOL_TCP, r.p, r.len);
	return true;
}
