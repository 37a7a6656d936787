#include "lab/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/cleanup.h"

struct diag {
	struct nl_sock *sock;
};

static void diag_freep(struct diag **d)
{
	diag_free(*d);
}

int diag_open(struct diag **ret_diag, struct err *e)
{
	cleanup_by(diag_freep) struct diag *d = calloc(1, sizeof(*d));

	if (d == NULL || (d->sock = nl_socket_alloc()) == NULL)
		return err_set(e, ENOMEM, "open sock_diag");

	int r = nl_connect(d->sock, NETLINK_SOCK_DIAG);

	if (r < 0)
		return err_set(e, 0, "open sock_diag: %s", nl_geterror(r));
	*ret_diag = take_ptr(d);
	return 0;
}

void diag_free(struct diag *d)
{
	if (d == NULL)
		return;
	nl_socket_free(d->sock);
	free(d);
}

static void add_socket(struct nlmsghdr *h, uint16_t port, struct socket_evidence *s)
{
	const struct inet_diag_msg *m = nlmsg_data(h);
	struct nlattr *attrs[INET_DIAG_MAX + 1];

	if (ntohs(m->id.idiag_sport) != port)
		return;
	s->seen = true;
	s->queued += m->idiag_rqueue;
	if (nlmsg_parse(h, sizeof(*m), attrs, INET_DIAG_MAX, NULL) < 0 ||
	    attrs[INET_DIAG_SKMEMINFO] == NULL ||
	    nla_len(attrs[INET_DIAG_SKMEMINFO]) <= (int)(SK_MEMINFO_DROPS * sizeof(uint32_t)))
		return;

	const uint32_t *memory = nla_data(attrs[INET_DIAG_SKMEMINFO]);

	s->drops += memory[SK_MEMINFO_DROPS];
	s->buffer += memory[SK_MEMINFO_RCVBUF];
}

/* Answers of a dump until its end. An error here usually means that a module is not there. */
static int read_sockets(struct diag *d, uint16_t port, struct socket_evidence *s, struct err *e)
{
	for (;;) {
		struct sockaddr_nl from;
		cleanup_by(cleanup_freep) unsigned char *buf = NULL;
		int len = nl_recv(d->sock, &from, &buf, NULL);

		if (len < 0)
			return err_set(e, 0, "list sockets: %s", nl_geterror(len));
		for (struct nlmsghdr *h = (void *)buf; nlmsg_ok(h, len); h = nlmsg_next(h, &len)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return err_set(e, -((struct nlmsgerr *)nlmsg_data(h))->error,
					       "list sockets (sock_diag; are udp_diag and tcp_diag "
					       "there?)");
			if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY)
				add_socket(h, port, s);
		}
	}
}

static int dump_family(struct diag *d, uint8_t family, uint8_t protocol, uint16_t port,
		       struct socket_evidence *s, struct err *e)
{
	struct inet_diag_req_v2 request = {
		.sdiag_family = family,
		.sdiag_protocol = protocol,
		.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
		.idiag_states = protocol == IPPROTO_TCP ? 1U << TCP_LISTEN : ~0U,
	};
	int r = nl_send_simple(d->sock, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, &request,
			       sizeof(request));

	if (r < 0)
		return err_set(e, 0, "list sockets: %s", nl_geterror(r));
	return read_sockets(d, port, s, e);
}

int diag_find(struct diag *d, uint8_t protocol, uint16_t port, struct socket_evidence *ret_socket,
	      struct err *e)
{
	struct socket_evidence s = { 0 };

	if (dump_family(d, AF_INET, protocol, port, &s, e) != 0 ||
	    dump_family(d, AF_INET6, protocol, port, &s, e) != 0)
		return -1;
	*ret_socket = s;
	return 0;
}
