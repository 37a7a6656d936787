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

#include "base/array.h"
#include "base/cleanup.h"

/* Of idiag_timer, sock_diag(7); probes of a full receiver have another one. */
#define TIMER_RETRANSMIT 1

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

/* What is done with each socket of a dump. */
typedef void socket_fn(void *arg, struct nlmsghdr *h);

struct finding {
	uint16_t port;
	struct socket_evidence socket;
};

static void add_socket(void *arg, struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = nlmsg_data(h);
	struct nlattr *attrs[INET_DIAG_MAX + 1];
	struct finding *f = arg;

	if (ntohs(m->id.idiag_sport) != f->port)
		return;
	f->socket.seen = true;
	f->socket.queued += m->idiag_rqueue;
	if (nlmsg_parse(h, sizeof(*m), attrs, INET_DIAG_MAX, NULL) < 0 ||
	    attrs[INET_DIAG_SKMEMINFO] == NULL ||
	    nla_len(attrs[INET_DIAG_SKMEMINFO]) <= (int)(SK_MEMINFO_DROPS * sizeof(uint32_t)))
		return;

	const uint32_t *memory = nla_data(attrs[INET_DIAG_SKMEMINFO]);

	f->socket.drops += memory[SK_MEMINFO_DROPS];
	f->socket.buffer += memory[SK_MEMINFO_RCVBUF];
}

/* Answers of a dump until its end. An error here usually means that a module is not there. */
static int read_sockets(struct diag *d, socket_fn *add, void *arg, struct err *e)
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
				add(arg, h);
		}
	}
}

static int dump(struct diag *d, const struct inet_diag_req_v2 *request, socket_fn *add, void *arg,
		struct err *e)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(families); i++) {
		struct inet_diag_req_v2 r = *request;

		r.sdiag_family = families[i];

		int sent = nl_send_simple(d->sock, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP,
					  &r, sizeof(r));

		if (sent < 0)
			return err_set(e, 0, "list sockets: %s", nl_geterror(sent));
		if (read_sockets(d, add, arg, e) != 0)
			return -1;
	}
	return 0;
}

int diag_find(struct diag *d, uint8_t protocol, uint16_t port, struct socket_evidence *ret_socket,
	      struct err *e)
{
	const struct inet_diag_req_v2 request = {
		.sdiag_protocol = protocol,
		.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1),
		.idiag_states = protocol == IPPROTO_TCP ? 1U << TCP_LISTEN : ~0U,
	};
	struct finding f = { .port = port };

	if (dump(d, &request, add_socket, &f, e) != 0)
		return -1;
	*ret_socket = f.socket;
	return 0;
}

/* ---- TCP ---- */

struct tcp_sockets {
	struct tcp_socket *items;
	size_t n, room;
};

/* By its program: nobody will read any more. One that was never accepted has no inode either. */
static bool is_closed(const struct inet_diag_msg *m)
{
	switch (m->idiag_state) {
	case TCP_LAST_ACK:
	case TCP_CLOSING:
		return true;
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		return m->idiag_inode == 0;
	default:
		return false;
	}
}

/*
 * Of one that listens the queues are of connections: those that wait, and how many may. A FIN
 * that was not read yet counts as a byte, and comes behind all others.
 */
static void add_tcp(void *arg, struct nlmsghdr *h)
{
	const struct inet_diag_msg *m = nlmsg_data(h);
	struct tcp_sockets *list = arg;
	struct tcp_socket *s = array_add(&list->items, &list->n, &list->room, sizeof(*s));

	s->state = m->idiag_state;
	s->port = ntohs(m->id.idiag_sport);
	s->peer_port = ntohs(m->id.idiag_dport);
	if (s->state == TCP_LISTEN) {
		s->waiting = m->idiag_rqueue;
		return;
	}
	s->unread = is_closed(m) ? 0 : m->idiag_rqueue;
	if (s->state == TCP_CLOSE_WAIT && s->unread > 0)
		s->unread--;
	s->unsent = m->idiag_wqueue;
	s->repeats = m->idiag_timer == TIMER_RETRANSMIT && m->idiag_retrans > 0;
}

int diag_list_tcp(struct diag *d, uint64_t hashed, struct tcp_socket **ret_sockets, size_t *ret_n,
		  struct err *e)
{
	const uint32_t listening = 1U << TCP_LISTEN;
	struct inet_diag_req_v2 request = {
		.sdiag_protocol = IPPROTO_TCP,
		.idiag_states = listening,
	};
	struct tcp_sockets list = { 0 };
	int r = dump(d, &request, add_tcp, &list, e);

	if (r == 0 && list.n < hashed) {
		request.idiag_states = ~(listening | 1U << TCP_TIME_WAIT | 1U << TCP_CLOSE);
		r = dump(d, &request, add_tcp, &list, e);
	}
	if (r != 0) {
		free(list.items);
		return -1;
	}
	*ret_sockets = list.items;
	*ret_n = list.n;
	return 0;
}
