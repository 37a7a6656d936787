#include "link/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <net/ethernet.h>

#include "base/text.h"
#include "topology/address.h"

static const char *const cause_names[N_CAUSES] = {
	[CAUSE_NONE] = "passed",     [CAUSE_DOWN] = "down",   [CAUSE_MTU] = "mtu",
	[CAUSE_LISTED] = "drop",     [CAUSE_EVERY] = "every", [CAUSE_LOSS] = "loss",
	[CAUSE_BURST] = "burst",     [CAUSE_QUEUE] = "queue", [CAUSE_MEMORY] = "memory",
	[CAUSE_STOPPED] = "stopped",
};

const char *link_cause_name(enum link_cause c)
{
	return cause_names[c];
}

static bool is_ip(const struct link_flow *f)
{
	return f->ethertype == ETHERTYPE_IP || f->ethertype == ETHERTYPE_IPV6;
}

static void add_protocol(struct text *t, const struct link_flow *f)
{
	static const struct {
		uint8_t number;
		const char *name;
	} known[] = {
		{ IPPROTO_UDP, "udp" },		{ IPPROTO_TCP, "tcp" },	  { IPPROTO_ICMP, "icmp" },
		{ IPPROTO_ICMPV6, "icmp6" },	{ IPPROTO_IGMP, "igmp" }, { IPPROTO_SCTP, "sctp" },
		{ IPPROTO_UDPLITE, "udplite" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].number == f->protocol) {
			text_add(t, "%s", known[i].name);
			return;
		}
	text_add(t, "ip-%u", f->protocol);
}

static bool has_ports(const struct link_flow *f)
{
	return f->from_port != 0 || f->to_port != 0 || f->from_ordinal != 0 || f->to_ordinal != 0;
}

/* IPv6 addresses have colons of their own: brackets, as in RFC 3986, 3.2.2. */
static void add_end(struct text *t, const struct link_flow *f, const uint8_t address[16],
		    uint16_t port, uint16_t ordinal)
{
	bool v4 = f->ethertype == ETHERTYPE_IP;
	bool brackets = !v4 && has_ports(f);
	char s[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address + 12 : address, s, sizeof(s));
	text_add(t, brackets ? "[%s]" : "%s", s);
	if (ordinal != 0)
		text_add(t, ":*%u", ordinal);
	else if (has_ports(f))
		text_add(t, ":%u", port);
}

char *link_flow_format(const struct link_flow *f)
{
	char from[MAC_TEXT_LEN], to[MAC_TEXT_LEN];
	struct text t = { 0 };

	if (is_ip(f)) {
		add_protocol(&t, f);
		text_add(&t, " ");
		add_end(&t, f, f->from, f->from_port, f->from_ordinal);
		text_add(&t, " > ");
		add_end(&t, f, f->to, f->to_port, f->to_ordinal);
		return text_take(&t);
	}
	if (f->ethertype == 0)
		text_add(&t, "other");
	else if (f->ethertype == ETHERTYPE_ARP)
		text_add(&t, "arp");
	else
		text_add(&t, "0x%04x", f->ethertype);
	text_add(&t, " %s > %s", mac_format(from, f->from), mac_format(to, f->to));
	return text_take(&t);
}
