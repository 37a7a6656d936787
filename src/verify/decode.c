#include "verify/decode.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

#define ETHERTYPE_V4   0x0800
#define ETHERTYPE_V6   0x86dd
#define ETHERTYPE_VLAN 0x8100
#define ETHERTYPE_QINQ 0x88a8
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

void decode_verify_checksum(struct datagram *d)
{
	const uint8_t pseudo[4] = { 0, PROTOCOL_UDP, d->udp[4], d->udp[5] };
	size_t at = d->v4 ? 12 : 0;
	uint64_t sum = 0;

	d->checksum = CHECKSUM_UNKNOWN;
	if (d->captured < d->len)
		return;
	d->checksum = CHECKSUM_GOOD;
	/* 0: the sender did without, which only IPv4 allows (RFC 8200, 8.1). */
	if (d->v4 && be16(d->udp + 6) == 0)
		return;
	sum = add_words(sum, d->from.bytes + at, 16 - at);
	sum = add_words(sum, d->to.bytes + at, 16 - at);
	sum = add_words(sum, pseudo, sizeof(pseudo));
	sum = add_words(sum, d->udp, 8 + d->len);
	if (fold(sum) != 0xffff || be16(d->udp + 6) == 0)
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

static enum decoded decode_v4(struct rest r, struct datagram *d, struct fragment *f)
{
	size_t header = r.captured >= 20 ? (size_t)(r.p[0] & 15) * 4 : 0;

	if (header < 20 || r.p[0] >> 4 != 4 || r.captured < header ||
	    fold(add_words(0, r.p, header)) != 0xffff)
		return DECODED_OTHER;

	size_t total = be16(r.p + 2);
	unsigned fragment = be16(r.p + 6);

	if (total < header || total > r.len || r.p[9] != PROTOCOL_UDP)
		return DECODED_OTHER;
	d->v4 = true;
	d->from = mapped(r.p + 12);
	d->to = mapped(r.p + 16);
	f->id = be16(r.p + 4);
	cut(&r, total);
	skip(&r, header);
	if ((fragment & 0x3fff) == 0)
		return decode_udp(r.p, r.len, r.captured, d);
	f->of = *d;
	f->offset = (size_t)(fragment & 0x1fff) * 8;
	f->more = (fragment & 0x2000) != 0;
	f->bytes = r.p;
	f->len = r.len;
	f->whole = r.captured == r.len;
	return DECODED_FRAGMENT;
}

static enum decoded decode_v6(struct rest r, struct datagram *d)
{
	if (r.captured < 40 || r.p[0] >> 4 != 6 || r.p[6] != PROTOCOL_UDP)
		return DECODED_OTHER;

	size_t len = be16(r.p + 4);

	if (len > r.len - 40)
		return DECODED_OTHER;
	d->v4 = false;
	memcpy(d->from.bytes, r.p + 8, 16);
	memcpy(d->to.bytes, r.p + 24, 16);
	skip(&r, 40);
	cut(&r, len);
	return decode_udp(r.p, r.len, r.captured, d);
}

enum decoded decode_frame(const struct packet *p, struct datagram *ret_datagram,
			  struct fragment *ret_fragment)
{
	struct rest r = { p->data, p->original_len, p->captured_len };
	struct datagram *d = ret_datagram;

	if (r.captured < 14 || r.captured > r.len)
		return DECODED_OTHER;
	d->time_ns = p->time_ns;
	d->to_mac = r.p;
	d->frame_len = r.len;
	d->frame_captured = r.captured;
	d->from_mac = r.p + 6;

	uint16_t type = be16(r.p + 12);

	skip(&r, 14);
	while ((type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ) && r.captured >= 4) {
		type = be16(r.p + 2);
		skip(&r, 4);
	}
	if (type == ETHERTYPE_V4)
		return decode_v4(r, d, ret_fragment);
	return type == ETHERTYPE_V6 ? decode_v6(r, d) : DECODED_OTHER;
}
