#include "link/frame.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#define V4_HEADER     20
#define V6_HEADER     40
#define FRAGMENT_PART 0x1fff /* RFC 791, 3.1: the offset, behind three flags */
/* RFC 8200, 4.1: each should occur once, destination options twice. */
#define MAX_EXTENSIONS 8

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void read_ports(const uint8_t *p, size_t len, struct link_flow *flow)
{
	if (len < 4 || (flow->protocol != IPPROTO_UDP && flow->protocol != IPPROTO_TCP))
		return;
	flow->from_port = be16(p);
	flow->to_port = be16(p + 2);
}

static void map_v4(uint8_t to[16], const uint8_t address[4])
{
	memset(to, 0, 10);
	to[10] = to[11] = 0xff;
	memcpy(to + 12, address, 4);
}

static bool read_v4(const uint8_t *p, size_t len, struct link_flow *flow)
{
	if (len < V4_HEADER || p[0] >> 4 != 4)
		return false;

	size_t header = (size_t)(p[0] & 15) * 4;

	if (header < V4_HEADER || header > len)
		return false;
	flow->protocol = p[9];
	map_v4(flow->from, p + 12);
	map_v4(flow->to, p + 16);
	if ((be16(p + 6) & FRAGMENT_PART) == 0)
		read_ports(p + header, len - header, flow);
	return true;
}

/* The length of this extension header, 0 when it is none: then it is what IP carries. */
static size_t extension_len(uint8_t kind, const uint8_t *p)
{
	switch (kind) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return ((size_t)p[1] + 1) * 8;
	case IPPROTO_FRAGMENT:
		return 8;
	default:
		return 0;
	}
}

static bool read_v6(const uint8_t *p, size_t len, struct link_flow *flow)
{
	size_t at = V6_HEADER;
	bool first = true;

	if (len < V6_HEADER || p[0] >> 4 != 6)
		return false;
	flow->protocol = p[6];
	memcpy(flow->from, p + 8, 16);
	memcpy(flow->to, p + 24, 16);
	for (int i = 0; i < MAX_EXTENSIONS && first && at + 8 <= len; i++) {
		size_t extension = extension_len(flow->protocol, p + at);

		if (extension == 0 || at + extension > len)
			break;
		/* RFC 8200, 4.5: the offset is 13 bits, ahead of three others. */
		first = flow->protocol != IPPROTO_FRAGMENT || be16(p + at + 2) >> 3 == 0;
		flow->protocol = p[at];
		at += extension;
	}
	if (first)
		read_ports(p + at, len - at, flow);
	return true;
}

/* By the addresses of the frame itself. */
static void read_others(const uint8_t *p, size_t len, struct link_flow *flow)
{
	memset(flow->from, 0, sizeof(flow->from));
	memset(flow->to, 0, sizeof(flow->to));
	flow->protocol = 0;
	flow->from_port = flow->to_port = 0;
	if (len < FRAME_HEADER)
		return;
	memcpy(flow->to, p, 6);
	memcpy(flow->from, p + 6, 6);
}

void frame_flow(const void *frame, size_t len, struct link_flow *flow)
{
	const uint8_t *p = frame;
	size_t behind = len - FRAME_HEADER;
	bool ip = false;

	flow->ethertype = len >= FRAME_HEADER ? be16(p + 12) : 0;
	flow->from_port = flow->to_port = 0;
	flow->from_ordinal = flow->to_ordinal = 0;
	if (flow->ethertype == ETHERTYPE_IP)
		ip = read_v4(p + FRAME_HEADER, behind, flow);
	else if (flow->ethertype == ETHERTYPE_IPV6)
		ip = read_v6(p + FRAME_HEADER, behind, flow);
	if (ip)
		return;
	if (flow_is_ip(flow))
		flow->ethertype = 0;
	read_others(p, len, flow);
}

bool flow_is_ip(const struct link_flow *flow)
{
	return flow->ethertype == ETHERTYPE_IP || flow->ethertype == ETHERTYPE_IPV6;
}
