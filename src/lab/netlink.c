#include "lab/netlink.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <linux/if.h>
#include <stdlib.h>
#include <string.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/cleanup.h"
#include "topology/address.h"

/* A batch is sent when it grows past this: well below the default socket buffers. */
#define BATCH_BYTES    32768
#define BATCH_REQUESTS 128

struct netlink {
	struct nl_sock *sock;
	char batch[BATCH_BYTES + 4096] __attribute__((aligned(NLMSG_ALIGNTO)));
	size_t len;  /* bytes gathered */
	size_t last; /* where the last request begins */
	size_t n;
	uint32_t first_seq, next_seq;
	char what[BATCH_REQUESTS][64]; /* "add bridge 'Hub1'", by sequence number */
};

static void msg_freep(struct nl_msg **m)
{
	nlmsg_free(*m);
}

int netlink_open(struct netlink **ret_netlink, struct err *e)
{
	cleanup_by(netlink_freep) struct netlink *nl = calloc(1, sizeof(*nl));

	if (nl == NULL || (nl->sock = nl_socket_alloc()) == NULL)
		return err_set(e, ENOMEM, "open netlink");

	int r = nl_connect(nl->sock, NETLINK_ROUTE);

	if (r < 0)
		return err_set(e, 0, "open netlink: %s", nl_geterror(r));
	nl_socket_set_buffer_size(nl->sock, 1 << 20, 1 << 20);
	nl_socket_set_msg_buf_size(nl->sock, 1 << 16);
	nl->first_seq = nl->next_seq = 1;
	*ret_netlink = take_ptr(nl);
	return 0;
}

void netlink_free(struct netlink *nl)
{
	if (nl == NULL)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

void netlink_freep(struct netlink **nl)
{
	netlink_free(*nl);
}

/* Append a finished message. libnl's attribute calls fail only when a message is full. */
static int enqueue(struct netlink *nl, struct nl_msg *m, bool complete, const char *verb,
		   const char *object, struct err *e)
{
	struct nlmsghdr *h = nlmsg_hdr(m);

	if (!complete || h->nlmsg_len > 4096)
		return err_set(e, EMSGSIZE, "%s '%s'", verb, object);
	h->nlmsg_flags |= NLM_F_REQUEST;
	h->nlmsg_seq = nl->next_seq++;
	memcpy(nl->batch + nl->len, h, h->nlmsg_len);
	snprintf(nl->what[nl->n++], sizeof(nl->what[0]), "%s '%s'", verb, object);
	nl->last = nl->len;
	nl->len += NLMSG_ALIGN(h->nlmsg_len);
	if (nl->len > BATCH_BYTES || nl->n == BATCH_REQUESTS)
		return netlink_flush(nl, e);
	return 0;
}

/* Look through one buffer of answers. 1 when the last request was acknowledged. */
static int read_answers(struct netlink *nl, void *buf, int len, struct err *e)
{
	for (struct nlmsghdr *h = buf; nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
		const struct nlmsgerr *answer = nlmsg_data(h);

		if (h->nlmsg_type != NLMSG_ERROR)
			continue;

		uint32_t at = h->nlmsg_seq - nl->first_seq;

		if (answer->error != 0)
			return err_set(e, -answer->error, "%s",
				       at < nl->n ? nl->what[at] : "netlink");
		if (at + 1 == nl->n)
			return 1;
	}
	return 0;
}

/* The kernel answers in order; after an error the rest of the batch is abandoned. */
static int wait_answers(struct netlink *nl, struct err *e)
{
	for (;;) {
		struct sockaddr_nl from;
		cleanup_by(cleanup_freep) unsigned char *buf = NULL;
		int len = nl_recv(nl->sock, &from, &buf, NULL);

		if (len < 0)
			return err_set(e, 0, "read netlink: %s", nl_geterror(len));

		int r = read_answers(nl, buf, len, e);

		if (r != 0)
			return r < 0 ? -1 : 0;
	}
}

int netlink_flush(struct netlink *nl, struct err *e)
{
	if (nl->n == 0)
		return 0;

	struct nlmsghdr *last = (void *)(nl->batch + nl->last);

	last->nlmsg_flags |= NLM_F_ACK;

	int r = nl_sendto(nl->sock, nl->batch, nl->len);

	if (r < 0)
		return err_set(e, 0, "%s: %s", nl->what[0], nl_geterror(r));
	if (wait_answers(nl, e) != 0)
		return -1;
	nl->len = nl->n = 0;
	nl->first_seq = nl->next_seq;
	return 0;
}

static struct nl_msg *link_message(int flags, int index, bool up)
{
	struct ifinfomsg info = {
		.ifi_index = index,
		.ifi_flags = up ? IFF_UP : 0,
		.ifi_change = up ? IFF_UP : 0,
	};
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, flags);

	if (m == NULL)
		abort();
	nlmsg_append(m, &info, sizeof(info), NLMSG_ALIGNTO);
	return m;
}

/* Of a hub: forget addresses at once, and pass the link-local groups that bridges keep (IEEE
 * 802.1D, table 7-10), as far as the kernel allows. */
static bool put_bridge_data(struct nl_msg *m, enum network_kind kind)
{
	bool ok = nla_put_u8(m, IFLA_BR_MCAST_SNOOPING, 0) == 0 &&
		  nla_put_u32(m, IFLA_BR_STP_STATE, 0) == 0;

	if (kind == NETWORK_HUB)
		ok = ok && nla_put_u32(m, IFLA_BR_AGEING_TIME, 0) == 0 &&
		     nla_put_u16(m, IFLA_BR_GROUP_FWD_MASK, 0xfff8) == 0;
	return ok;
}

int netlink_add_bridge(struct netlink *nl, int index, const char *name, enum network_kind kind,
		       unsigned mtu, struct err *e)
{
	cleanup_by(msg_freep) struct nl_msg *m = link_message(NLM_F_CREATE | NLM_F_EXCL, index,
							      true);
	bool ok = nla_put_string(m, IFLA_IFNAME, name) == 0 && nla_put_u32(m, IFLA_MTU, mtu) == 0;
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);

	ok = ok && info != NULL && nla_put_string(m, IFLA_INFO_KIND, "bridge") == 0;

	struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);

	ok = ok && data != NULL && put_bridge_data(m, kind);
	if (ok) {
		nla_nest_end(m, data);
		nla_nest_end(m, info);
	}
	return enqueue(nl, m, ok, "add bridge", name, e);
}

/* The node's end: its ifinfomsg and attributes inside VETH_INFO_PEER, as veth.c reads them. */
static bool put_peer(struct nl_msg *m, const struct veth *v)
{
	struct ifinfomsg info = { .ifi_index = v->peer_index };
	struct nlattr *peer = nla_nest_start(m, VETH_INFO_PEER);

	if (peer == NULL || nlmsg_append(m, &info, sizeof(info), NLMSG_ALIGNTO) != 0)
		return false;
	if (nla_put_string(m, IFLA_IFNAME, v->peer_name) != 0 ||
	    (v->peer_mac != NULL && nla_put(m, IFLA_ADDRESS, 6, v->peer_mac) != 0) ||
	    nla_put_u32(m, IFLA_MTU, v->mtu) != 0 || nla_put_u32(m, IFLA_NUM_TX_QUEUES, 1) != 0 ||
	    nla_put_u32(m, IFLA_NUM_RX_QUEUES, 1) != 0 ||
	    nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)v->peer_netns) != 0)
		return false;
	nla_nest_end(m, peer);
	return true;
}

static int set_port(struct netlink *nl, const struct veth *v, struct err *e)
{
	cleanup_by(msg_freep) struct nl_msg *m = link_message(0, v->port_index, false);
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);
	bool ok = info != NULL && nla_put_string(m, IFLA_INFO_SLAVE_KIND, "bridge") == 0;
	struct nlattr *data = nla_nest_start(m, IFLA_INFO_SLAVE_DATA);

	ok = ok && data != NULL && nla_put_u8(m, IFLA_BRPORT_LEARNING, v->learning) == 0;
	if (ok) {
		nla_nest_end(m, data);
		nla_nest_end(m, info);
	}
	return enqueue(nl, m, ok, "set bridge port", v->port_name, e);
}

int netlink_add_veth(struct netlink *nl, const struct veth *v, struct err *e)
{
	cleanup_by(msg_freep) struct nl_msg *m = link_message(NLM_F_CREATE | NLM_F_EXCL,
							      v->port_index, true);
	bool ok = nla_put_string(m, IFLA_IFNAME, v->port_name) == 0 &&
		  nla_put_u32(m, IFLA_MTU, v->mtu) == 0 &&
		  nla_put_u32(m, IFLA_NUM_TX_QUEUES, 1) == 0 &&
		  nla_put_u32(m, IFLA_NUM_RX_QUEUES, 1) == 0 &&
		  (v->bridge_index == 0 ||
		   nla_put_u32(m, IFLA_MASTER, (uint32_t)v->bridge_index) == 0);
	struct nlattr *info = nla_nest_start(m, IFLA_LINKINFO);

	ok = ok && info != NULL && nla_put_string(m, IFLA_INFO_KIND, "veth") == 0;

	struct nlattr *data = nla_nest_start(m, IFLA_INFO_DATA);

	ok = ok && data != NULL && put_peer(m, v);
	if (ok) {
		nla_nest_end(m, data);
		nla_nest_end(m, info);
	}
	if (enqueue(nl, m, ok, "add link", v->port_name, e) != 0)
		return -1;
	return v->bridge_index == 0 || v->learning ? 0 : set_port(nl, v, e);
}

int netlink_join_hub(struct netlink *nl, int index, const char *name, int bridge_index,
		     struct err *e)
{
	cleanup_by(msg_freep) struct nl_msg *m = link_message(0, index, true);
	const struct veth port = { .port_index = index, .port_name = name };
	bool ok = nla_put_u32(m, IFLA_MASTER, (uint32_t)bridge_index) == 0;

	if (enqueue(nl, m, ok, "join to a bridge", name, e) != 0)
		return -1;
	return set_port(nl, &port, e);
}

int netlink_set_up(struct netlink *nl, int index, struct err *e)
{
	cleanup_by(msg_freep) struct nl_msg *m = link_message(0, index, true);

	return enqueue(nl, m, true, "bring up interface", index == 1 ? "lo" : "of a link", e);
}

static bool put_v4(struct nl_msg *m, const struct address *a)
{
	struct in_addr broadcast = address_broadcast(a);

	return nla_put(m, IFA_LOCAL, 4, &a->v4) == 0 && nla_put(m, IFA_ADDRESS, 4, &a->v4) == 0 &&
	       (a->prefix_len > 30 || nla_put(m, IFA_BROADCAST, 4, &broadcast) == 0);
}

/* No duplicate address detection (RFC 4862): the topology was checked, and probes are chatter. */
static bool put_v6(struct nl_msg *m, const struct address *a)
{
	return nla_put(m, IFA_LOCAL, 16, &a->v6) == 0 && nla_put(m, IFA_ADDRESS, 16, &a->v6) == 0 &&
	       nla_put_u32(m, IFA_FLAGS, IFA_F_NODAD) == 0;
}

int netlink_add_address(struct netlink *nl, int index, const struct address *a, struct err *e)
{
	struct ifaddrmsg info = {
		.ifa_family = (unsigned char)a->family,
		.ifa_prefixlen = (unsigned char)a->prefix_len,
		.ifa_index = (unsigned)index,
	};
	cleanup_by(msg_freep) struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWADDR,
								    NLM_F_CREATE | NLM_F_EXCL);

	if (m == NULL)
		abort();
	nlmsg_append(m, &info, sizeof(info), NLMSG_ALIGNTO);
	return enqueue(nl, m, a->family == AF_INET ? put_v4(m, a) : put_v6(m, a), "add address",
		       "of a link", e);
}

int netlink_add_neighbour(struct netlink *nl, int index, const struct address *a,
			  const uint8_t mac[6], struct err *e)
{
	struct ndmsg info = {
		.ndm_family = (unsigned char)a->family,
		.ndm_ifindex = index,
		.ndm_state = NUD_PERMANENT,
	};
	cleanup_by(msg_freep) struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWNEIGH,
								    NLM_F_CREATE | NLM_F_REPLACE);

	if (m == NULL)
		abort();
	nlmsg_append(m, &info, sizeof(info), NLMSG_ALIGNTO);

	bool ok = nla_put(m, NDA_DST, a->family == AF_INET ? 4 : 16, &a->v4) == 0 &&
		  nla_put(m, NDA_LLADDR, 6, mac) == 0;

	return enqueue(nl, m, ok, "add neighbour", "of a link", e);
}

int netlink_add_route(struct netlink *nl, int index, const struct route *r, struct err *e)
{
	struct rtmsg info = {
		.rtm_family = (unsigned char)r->to.family,
		.rtm_dst_len = (unsigned char)r->to.prefix_len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = r->kind == ROUTE_ON_LINK ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
		.rtm_type = r->kind == ROUTE_BLACKHOLE ? RTN_BLACKHOLE : RTN_UNICAST,
	};
	int len = r->to.family == AF_INET ? 4 : 16;
	char to[ADDRESS_TEXT_LEN];
	cleanup_by(msg_freep) struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWROUTE,
								    NLM_F_CREATE | NLM_F_EXCL);

	if (m == NULL)
		abort();
	nlmsg_append(m, &info, sizeof(info), NLMSG_ALIGNTO);

	bool ok = nla_put(m, RTA_DST, len, &r->to.v4) == 0;

	if (r->kind != ROUTE_BLACKHOLE)
		ok = ok && nla_put_u32(m, RTA_OIF, (uint32_t)index) == 0;
	if (r->kind == ROUTE_VIA)
		ok = ok && nla_put(m, RTA_GATEWAY, len, &r->via.v4) == 0;
	return enqueue(nl, m, ok, "add route", address_format(to, &r->to), e);
}

static bool port_waits(struct nlattr *slave_data)
{
	struct nlattr *port[IFLA_BRPORT_MAX + 1];

	return nla_parse_nested(port, IFLA_BRPORT_MAX, slave_data, NULL) >= 0 &&
	       port[IFLA_BRPORT_STATE] != NULL &&
	       nla_get_u8(port[IFLA_BRPORT_STATE]) != BR_STATE_FORWARDING;
}

/* Whether this RTM_NEWLINK describes a veth that is not running, or a port not forwarding. */
static bool link_waits(struct nlmsghdr *h)
{
	struct nlattr *link[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];

	if (nlmsg_parse(h, sizeof(struct ifinfomsg), link, IFLA_MAX, NULL) < 0 ||
	    link[IFLA_LINKINFO] == NULL || link[IFLA_OPERSTATE] == NULL)
		return false;
	if (nla_parse_nested(info, IFLA_INFO_MAX, link[IFLA_LINKINFO], NULL) < 0 ||
	    info[IFLA_INFO_KIND] == NULL || nla_strcmp(info[IFLA_INFO_KIND], "veth") != 0)
		return false;
	if (info[IFLA_INFO_SLAVE_DATA] != NULL && port_waits(info[IFLA_INFO_SLAVE_DATA]))
		return true;
	return nla_get_u8(link[IFLA_OPERSTATE]) != IF_OPER_UP;
}

int netlink_count_waiting_links(struct netlink *nl, size_t *ret_n, struct err *e)
{
	cleanup_by(msg_freep) struct nl_msg *m = link_message(NLM_F_DUMP | NLM_F_REQUEST, 0, false);
	bool more = true;
	size_t waiting = 0;

	nlmsg_hdr(m)->nlmsg_type = RTM_GETLINK;
	nlmsg_hdr(m)->nlmsg_seq = nl->next_seq++;
	nl->first_seq = nl->next_seq;

	int r = nl_sendto(nl->sock, nlmsg_hdr(m), nlmsg_hdr(m)->nlmsg_len);

	while (r >= 0 && more) {
		struct sockaddr_nl from;
		cleanup_by(cleanup_freep) unsigned char *buf = NULL;
		int len = r = nl_recv(nl->sock, &from, &buf, NULL);

		for (struct nlmsghdr *h = (void *)buf; r > 0 && nlmsg_ok(h, len);
		     h = nlmsg_next(h, &len)) {
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				more = false;
			else if (h->nlmsg_type == RTM_NEWLINK && link_waits(h))
				waiting++;
		}
	}
	if (r < 0)
		return err_set(e, 0, "list links: %s", nl_geterror(r));
	*ret_n = waiting;
	return 0;
}
