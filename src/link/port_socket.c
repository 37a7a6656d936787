/* AF_PACKET without rings: a system call for each batch, and a copy more each way. */
#include "link/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "link/vlan.h"

#define SEND_TRIES 100

/* Of one received frame: its VLAN tag and when it came. */
union ancillary {
	struct cmsghdr aligned;
	char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata)) +
		   CMSG_SPACE(sizeof(struct timespec))];
};

struct batch {
	uint8_t *bytes; /* PORT_BATCH times `room` */
	struct iovec iov[PORT_BATCH];
	struct mmsghdr messages[PORT_BATCH];
};

struct port_socket {
	struct port port;
	size_t room; /* for a frame and its VLAN tag */
	struct batch rx, tx;
	union ancillary ancillary[PORT_BATCH];
	unsigned n_queued;
};

static void make_batch(struct batch *b, size_t room)
{
	b->bytes = array_new(PORT_BATCH, room);
	for (size_t i = 0; i < PORT_BATCH; i++) {
		b->iov[i].iov_base = b->bytes + i * room + VLAN_TAG;
		b->messages[i].msg_hdr = (struct msghdr){ .msg_iov = &b->iov[i], .msg_iovlen = 1 };
	}
}

static void set_option(const struct port *p, int level, int option, int value)
{
	/* Each of them is a help, none of them is needed. */
	(void)setsockopt(p->fd, level, option, &value, sizeof(value));
}

static int socket_open(struct port *port, const struct port_config *config, struct err *e)
{
	struct port_socket *p = (struct port_socket *)port;
	int buffer = (int)(config->memory / 2);
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = port->ifindex,
	};

	p->room = (port->max_frame + 2 * VLAN_TAG + 63) & ~(size_t)63;
	make_batch(&p->rx, p->room);
	make_batch(&p->tx, p->room);
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0)
		return err_set(e, errno, "open a packet socket");
	set_option(port, SOL_SOCKET, SO_RCVBUF, buffer);
	set_option(port, SOL_SOCKET, SO_RCVBUFFORCE, buffer);
	set_option(port, SOL_SOCKET, SO_SNDBUF, buffer);
	set_option(port, SOL_SOCKET, SO_SNDBUFFORCE, buffer);
	set_option(port, SOL_SOCKET, SO_TIMESTAMPNS, 1);
	set_option(port, SOL_PACKET, PACKET_AUXDATA, 1);
	set_option(port, SOL_PACKET, PACKET_QDISC_BYPASS, 1);
	if (setsockopt(port->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){ 1 }, sizeof(int)) != 0)
		return err_set(e, errno, "ignore our own frames");
	if (bind(port->fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		return err_set(e, errno, "bind a packet socket");
	return 0;
}

static void read_ancillary(struct msghdr *m, struct port_frame *ret)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		struct tpacket_auxdata aux;
		struct timespec at;

		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&at, CMSG_DATA(c), sizeof(at));
			ret->arrived_real_ns = (uint64_t)at.tv_sec * NS_PER_SEC +
					       (uint64_t)at.tv_nsec;
		} else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
			memcpy(&aux, CMSG_DATA(c), sizeof(aux));
			if ((aux.tp_status & TP_STATUS_VLAN_VALID) == 0)
				continue;
			ret->bytes = vlan_insert(ret->bytes, aux.tp_vlan_tpid, aux.tp_vlan_tci);
			ret->len += VLAN_TAG;
		}
	}
}

static size_t socket_receive(struct port *port, struct port_frame *ret_frames)
{
	struct port_socket *p = (struct port_socket *)port;
	size_t n_frames = 0;

	for (size_t i = 0; i < PORT_BATCH; i++) {
		p->rx.iov[i].iov_len = p->room - VLAN_TAG;
		p->rx.messages[i].msg_hdr.msg_control = &p->ancillary[i];
		p->rx.messages[i].msg_hdr.msg_controllen = sizeof(p->ancillary[i]);
	}

	int n = recvmmsg(port->fd, p->rx.messages, PORT_BATCH, 0, NULL);

	for (int i = 0; i < n; i++) {
		struct mmsghdr *m = &p->rx.messages[i];
		struct port_frame *f = &ret_frames[n_frames];

		if ((m->msg_hdr.msg_flags & MSG_TRUNC) != 0) {
			port->missed++;
			continue;
		}
		*f = (struct port_frame){ .bytes = p->rx.iov[i].iov_base, .len = m->msg_len };
		read_ancillary(&m->msg_hdr, f);
		n_frames++;
	}
	return n_frames;
}

static void socket_release(struct port *port)
{
	(void)port; /* the buffers are read into again only by the next receive */
}

static void socket_flush(struct port *port)
{
	struct port_socket *p = (struct port_socket *)port;
	unsigned sent = 0;

	for (int i = 0; i < SEND_TRIES && sent < p->n_queued; i++) {
		int n = sendmmsg(port->fd, p->tx.messages + sent, p->n_queued - sent, 0);

		if (n > 0)
			sent += (unsigned)n;
		else if (errno == ENOBUFS)
			port->errors++;
		else if (errno != EINTR && errno != EAGAIN)
			break;
	}
	port->refused += p->n_queued - sent;
	p->n_queued = 0;
}

static void socket_transmit(struct port *port, const void *frame, size_t len)
{
	struct port_socket *p = (struct port_socket *)port;
	struct iovec *iov = &p->tx.iov[p->n_queued];

	memcpy(iov->iov_base, frame, len);
	iov->iov_len = len;
	if (++p->n_queued == PORT_BATCH)
		socket_flush(port);
}

/* Reading the statistics sets them to 0. */
static uint64_t socket_missed(struct port *port)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		port->missed += s.tp_drops;
	return port->missed;
}

static void socket_close(struct port *port)
{
	struct port_socket *p = (struct port_socket *)port;

	free(p->rx.bytes);
	free(p->tx.bytes);
}

const struct port_ops port_socket_ops = {
	.size = sizeof(struct port_socket),
	.open = socket_open,
	.receive = socket_receive,
	.release = socket_release,
	.transmit = socket_transmit,
	.flush = socket_flush,
	.missed = socket_missed,
	.close = socket_close,
};
