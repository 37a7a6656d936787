#include "udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/time.h>

#include "scope.h"

#define SEND_BUFFER   (4 << 20)
#define ANSWER_BUFFER (1 << 20)
#define LISTEN_BUFFER (64 << 20)

static void set_int(int fd, int level, int option, int value)
{
	/* Failing only costs speed or comfort: an older kernel, or a user without the right. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

/* Beyond net.core.rmem_max with CAP_NET_ADMIN, up to it without. */
static void set_buffer(int fd, int forced, int plain, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)) != 0)
		set_int(fd, SOL_SOCKET, plain, bytes);
}

static int family_of(const struct peer *p)
{
	return peer_is_ipv4(p) ? AF_INET : AF_INET6;
}

static int own_port(int fd, uint16_t *ret_port, struct fail *f)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	struct peer self;

	if (getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return fail_set(f, errno, "ask for the socket's port");
	peer_of_sockaddr(&sa, &self);
	*ret_port = self.port;
	return 0;
}

static int bind_port(int fd, int family, uint16_t port, struct fail *f)
{
	struct peer any = { .port = port };
	struct sockaddr_storage sa;

	if (bind(fd, (struct sockaddr *)&sa, peer_to_sockaddr(&any, family, &sa)) != 0)
		return fail_set(f, errno, "bind a UDP socket to port %u", port);
	return 0;
}

int udp_connect(const struct peer *to, uint16_t port, int *ret_fd, unsigned *ret_mtu,
		uint16_t *ret_port, struct fail *f)
{
	int family = family_of(to);
	bool v4 = family == AF_INET;
	scope_close int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	/* Rather than wait for a device that is stuck, count a datagram as lost. */
	struct timeval patience = { .tv_usec = 100000 };
	struct sockaddr_storage sa;
	int mtu = 0;
	socklen_t len = sizeof(mtu);

	if (fd < 0)
		return fail_set(f, errno, "open a UDP socket");
	set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER,
		v4 ? IP_PMTUDISC_DO : IPV6_PMTUDISC_DO);
	set_int(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, 1);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, ANSWER_BUFFER);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (port != 0 && bind_port(fd, family, port, f) != 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa, peer_to_sockaddr(to, family, &sa)) != 0)
		return fail_set(f, errno, "reach the receiver");
	if (getsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &len) != 0)
		return fail_set(f, errno, "ask for the path's MTU");
	if (own_port(fd, ret_port, f) != 0)
		return -1;
	*ret_mtu = (unsigned)mtu;
	*ret_fd = scope_take_fd(&fd);
	return 0;
}

int udp_open(const struct peer *to, uint16_t port, bool broadcast, int *ret_fd, uint16_t *ret_port,
	     struct fail *f)
{
	int family = family_of(to);
	scope_close int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fail_set(f, errno, "open a UDP socket");
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, SEND_BUFFER);
	set_int(fd, SOL_SOCKET, SO_BROADCAST, broadcast);
	if (bind_port(fd, family, port, f) != 0 || own_port(fd, ret_port, f) != 0)
		return -1;
	*ret_fd = scope_take_fd(&fd);
	return 0;
}

/* One socket for IPv6 and, as mapped addresses, IPv4 (RFC 3493, section 5.3). */
static int bind_dual(const struct peer *at, struct udp_listener *ret_listener)
{
	struct sockaddr_storage sa;
	int family = AF_INET6;
	scope_close int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 && errno == EAFNOSUPPORT) { /* a kernel without IPv6 */
		family = AF_INET;
		fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return -1;
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, LISTEN_BUFFER);
	set_int(fd, IPPROTO_UDP, UDP_GRO, 1);
	if (family == AF_INET6) {
		set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
		set_int(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
	}
	if (bind(fd, (struct sockaddr *)&sa, peer_to_sockaddr(at, family, &sa)) != 0)
		return -1;
	ret_listener->family = family;
	ret_listener->fd = scope_take_fd(&fd);
	return 0;
}

int udp_listen(const char *address, uint16_t port, struct udp_listener *ret_listener,
	       struct fail *f)
{
	struct peer at = { .port = port };
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	if (address != NULL && peer_resolve(address, port, &at, f) != 0)
		return -1;
	if (bind_dual(&at, ret_listener) != 0)
		return fail_set(f, errno, "listen on UDP port %u%s%s", port,
				address != NULL ? " of " : "", address != NULL ? address : "");
	if (getsockopt(ret_listener->fd, SOL_SOCKET, SO_RCVBUF, &bytes, &len) != 0)
		bytes = 0;
	/*
	 * Half of it: UDP gives memory back in lumps of up to a quarter of the
	 * buffer (udp_rmem_release()), and the rest is for what was not foreseen.
	 */
	ret_listener->buffer = (uint64_t)bytes / 2;
	return 0;
}

void udp_answer(const struct udp_listener *l, const struct peer *to, const void *datagram,
		size_t len)
{
	struct sockaddr_storage sa;
	struct in6_pktinfo from = { .ipi6_addr = to->local };
	union {
		char buf[CMSG_SPACE(sizeof(from))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { .iov_len = len };
	struct msghdr m = { .msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(&iov.iov_base, &datagram, sizeof(datagram));
	m.msg_namelen = peer_to_sockaddr(to, l->family, &sa);
	if (!IN6_IS_ADDR_UNSPECIFIED(&to->local)) {
		control.align = (struct cmsghdr){ .cmsg_level = IPPROTO_IPV6,
						  .cmsg_type = IPV6_PKTINFO,
						  .cmsg_len = CMSG_LEN(sizeof(from)) };
		memcpy(CMSG_DATA(&control.align), &from, sizeof(from));
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
	}
	(void)sendmsg(l->fd, &m, MSG_DONTWAIT);
}

uint32_t udp_drops(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(memory);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &len) != 0)
		return 0;
	return memory[SK_MEMINFO_DROPS];
}

int udp_next_error(int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(struct sock_extended_err) +
				    sizeof(struct sockaddr_in6))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };

	if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c)) {
		struct sock_extended_err e;

		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
		    (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
			return (int)e.ee_errno;
	}
	return EIO;
}
