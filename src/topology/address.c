#include "topology/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "topology/units.h"

static const uint8_t *bytes_of(const struct address *a)
{
	return a->family == AF_INET ? (const uint8_t *)&a->v4 : a->v6.s6_addr;
}

static unsigned bits_of(const struct address *a)
{
	return a->family == AF_INET ? 32 : 128;
}

static bool bit(const uint8_t *bytes, unsigned i)
{
	return bytes[i / 8] >> (7 - i % 8) & 1;
}

static bool same_bits(const struct address *a, const struct address *b, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (bit(bytes_of(a), i) != bit(bytes_of(b), i))
			return false;
	return true;
}

/* Whether all bits behind the prefix have this value. */
static bool host_part_is(const struct address *a, bool value)
{
	for (unsigned i = a->prefix_len; i < bits_of(a); i++)
		if (bit(bytes_of(a), i) != value)
			return false;
	return true;
}

/* RFC 6890: what no interface of a host may have as its own address. */
static bool v4_is_special(const struct address *a)
{
	uint8_t first = bytes_of(a)[0];

	return first == 0 || first == 127 || first >= 224;
}

static bool v6_is_special(const struct address *a)
{
	return IN6_IS_ADDR_UNSPECIFIED(&a->v6) || IN6_IS_ADDR_LOOPBACK(&a->v6) ||
	       IN6_IS_ADDR_MULTICAST(&a->v6) || IN6_IS_ADDR_V4MAPPED(&a->v6);
}

static int check_v4(const struct address *a, struct err *e)
{
	if (v4_is_special(a))
		return err_usage(e, "is not an address that a host can have (RFC 6890)");
	/* RFC 3021: the two addresses of a /31 are both hosts. */
	if (a->prefix_len >= 31)
		return 0;
	if (host_part_is(a, false))
		return err_usage(e, "is the address of the network itself, not of a host");
	if (host_part_is(a, true))
		return err_usage(e, "is the broadcast address of its network, not of a host");
	return 0;
}

static int check_v6(const struct address *a, struct err *e)
{
	if (v6_is_special(a))
		return err_usage(e, "is not an address that a host can have (RFC 6890)");
	/* RFC 4291, 2.6.1; RFC 6164 exempts /127. */
	if (a->prefix_len < 127 && host_part_is(a, false))
		return err_usage(e, "is the subnet-router anycast address, not of a host");
	return 0;
}

static int check_host(const struct address *a, struct err *e)
{
	return a->family == AF_INET ? check_v4(a, e) : check_v6(a, e);
}

static int parse_prefix(const char *text, unsigned shortest, struct address *a, struct err *e)
{
	uint64_t n;
	struct err why;

	if (unit_count(text, shortest, bits_of(a), &n, &why) != 0)
		return err_usage(e, "has a bad prefix length: '%.20s' %s", text, why.msg);
	a->prefix_len = (unsigned)n;
	return 0;
}

/* What stands before the slash, all bits being its prefix; *ret_rest is where the slash would be. */
static int parse_bits(const char *text, struct address *a, const char **ret_rest, struct err *e)
{
	size_t len = strcspn(text, "/");
	char host[INET6_ADDRSTRLEN];

	*a = (struct address){ .family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET };
	a->prefix_len = bits_of(a);
	if (len >= sizeof(host))
		return err_usage(e, "is not an IPv4 or IPv6 address");
	memcpy(host, text, len);
	host[len] = '\0';
	if (inet_pton(a->family, host, &a->v6) != 1)
		return err_usage(e, "is not an IPv4 or IPv6 address");
	*ret_rest = text + len;
	return 0;
}

int address_parse(const char *text, struct address *ret_address, struct err *e)
{
	struct address a;
	const char *rest;

	if (parse_bits(text, &a, &rest, e) != 0)
		return -1;
	if (*rest == '\0')
		return err_usage(e, "has no prefix length, as in %s/%d", text,
				 a.family == AF_INET ? 24 : 64);
	if (parse_prefix(rest + 1, 1, &a, e) != 0 || check_host(&a, e) != 0)
		return -1;
	*ret_address = a;
	return 0;
}

int address_parse_host(const char *text, struct address *ret_address, struct err *e)
{
	struct address a;
	const char *rest;

	if (parse_bits(text, &a, &rest, e) != 0)
		return -1;
	if (*rest != '\0')
		return err_usage(e, "is one address, without a prefix length");
	if (check_host(&a, e) != 0)
		return -1;
	*ret_address = a;
	return 0;
}

int address_parse_subnet(const char *text, struct address *ret_subnet, struct err *e)
{
	struct address a;
	char subnet[ADDRESS_TEXT_LEN];
	const char *rest;

	if (parse_bits(text, &a, &rest, e) != 0 ||
	    (*rest == '/' && parse_prefix(rest + 1, 0, &a, e) != 0))
		return -1;
	if (!host_part_is(&a, false))
		return err_usage(e, "has bits set behind its prefix: the subnet is %s",
				 address_format_subnet(subnet, &a));
	*ret_subnet = a;
	return 0;
}

char *address_format(char buf[ADDRESS_TEXT_LEN], const struct address *a)
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(a->family, bytes_of(a), host, sizeof(host));
	snprintf(buf, ADDRESS_TEXT_LEN, "%s/%u", host, a->prefix_len % 1000);
	return buf;
}

char *address_format_host(char buf[ADDRESS_TEXT_LEN], const struct address *a)
{
	if (inet_ntop(a->family, bytes_of(a), buf, ADDRESS_TEXT_LEN) == NULL)
		buf[0] = '\0';
	return buf;
}

char *address_format_subnet(char buf[ADDRESS_TEXT_LEN], const struct address *a)
{
	struct address subnet = *a;
	uint8_t *bytes = a->family == AF_INET ? (uint8_t *)&subnet.v4 : subnet.v6.s6_addr;

	for (unsigned i = a->prefix_len; i < bits_of(a); i++)
		bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
	return address_format(buf, &subnet);
}

bool address_equal(const struct address *a, const struct address *b)
{
	return a->family == b->family && same_bits(a, b, bits_of(a));
}

bool address_subnets_overlap(const struct address *a, const struct address *b)
{
	unsigned shorter = a->prefix_len < b->prefix_len ? a->prefix_len : b->prefix_len;

	return a->family == b->family && same_bits(a, b, shorter);
}

bool address_in_subnet(const struct address *a, const struct address *subnet)
{
	return a->family == subnet->family && same_bits(a, subnet, subnet->prefix_len);
}

bool address_same_subnet(const struct address *a, const struct address *b)
{
	return a->prefix_len == b->prefix_len && address_subnets_overlap(a, b);
}

bool address_is_link_local(const struct address *a)
{
	return a->family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->v6);
}

struct in_addr address_broadcast(const struct address *a)
{
	/* A shift by all 32 bits is undefined; prefix_len is at least 1. */
	uint32_t host = a->prefix_len >= 32 ? 0 : 0xffffffffu >> a->prefix_len;

	return (struct in_addr){ .s_addr = a->v4.s_addr | htonl(host) };
}

int mac_parse(const char *text, uint8_t ret_mac[6], struct err *e)
{
	static const char shape[] = "xx:xx:xx:xx:xx:xx";
	static const uint8_t zero[6];
	uint8_t mac[6];

	if (strlen(text) != sizeof(shape) - 1)
		return err_usage(e, "is not a MAC address, as in 42:21:88:16:e9:c5");
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != ':')
			return err_usage(e, "is not a MAC address, as in 42:21:88:16:e9:c5");
	for (size_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
	if (mac[0] & 1)
		return err_usage(e, "is a multicast address: its first byte is odd");
	if (memcmp(mac, zero, sizeof(mac)) == 0)
		return err_usage(e, "is all zero, which no interface can have");
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

char *mac_format(char buf[MAC_TEXT_LEN], const uint8_t mac[6])
{
	snprintf(buf, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}

/* FNV-1a, 64 bits, of a string with its NUL, so that ("ab", "c") and ("a", "bc") differ. */
static uint64_t hash(uint64_t h, const char *s)
{
	do {
		h = (h ^ (uint8_t)*s) * 0x100000001b3ULL;
	} while (*s++ != '\0');
	return h;
}

void mac_derive(const char *node, const char *interface, unsigned attempt, uint8_t ret_mac[6])
{
	uint64_t h = hash(hash(0xcbf29ce484222325ULL, node), interface) + attempt;

	for (size_t i = 0; i < 6; i++)
		ret_mac[i] = (uint8_t)(h >> (40 - 8 * i));
	/* IEEE 802: bit 1 of the first byte is "locally administered", bit 0 is "group". */
	ret_mac[0] = (uint8_t)((ret_mac[0] & 0xfc) | 0x02);
}
