/* Receiving in batches: the inbox of udp.h. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "scope.h"
#include "udp.h"

#define CONTROL_ROOM (CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct in6_pktinfo)))

struct slot {
	struct iovec iov;
	struct sockaddr_storage from;
	union {
		char buf[CONTROL_ROOM];
		struct cmsghdr align;
	} control;
};

struct udp_inbox {
	unsigned n;
	size_t size;
	uint8_t *bytes;
	struct slot *slots;
	struct mmsghdr *headers;
};

struct udp_inbox *udp_inbox_new(unsigned n, size_t size)
{
	struct udp_inbox *in = scope_alloc(1, sizeof(*in));

	in->n = n;
	in->size = size;
	in->slots = scope_alloc(n, sizeof(*in->slots));
	in->headers = scope_alloc(n, sizeof(*in->headers));
	/* Not calloc: pages of what never gets that long are never touched. */
	in->bytes = malloc(n * size);
	if (in->bytes == NULL)
		abort();
	return in;
}

void udp_inbox_free(struct udp_inbox *in)
{
	if (in == NULL)
		return;
	free(in->bytes);
	free(in->slots);
	free(in->headers);
	free(in);
}

static void prepare(struct udp_inbox *in)
{
	for (unsigned i = 0; i < in->n; i++) {
		struct slot *s = &in->slots[i];

		s->iov = (struct iovec){ .iov_base = in->bytes + i * in->size,
					 .iov_len = in->size };
		in->headers[i].msg_hdr =
			(struct msghdr){ .msg_name = &s->from,
					 .msg_namelen = sizeof(s->from),
					 .msg_iov = &s->iov,
					 .msg_iovlen = 1,
					 .msg_control = s->control.buf,
					 .msg_controllen = sizeof(s->control.buf) };
	}
}

/* Who sent it, to which address; returns the length of datagrams that UDP_GRO joined, or 0. */
static size_t read_control(struct msghdr *m, const struct slot *s, struct peer *ret_from)
{
	struct in6_pktinfo to;
	int segment = 0;

	peer_of_sockaddr(&s->from, ret_from);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&segment, CMSG_DATA(c), sizeof(segment));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&to, CMSG_DATA(c), sizeof(to));
			ret_from->local = to.ipi6_addr;
		}
	}
	return segment > 0 ? (size_t)segment : 0;
}

static void hand_out(const uint8_t *bytes, size_t len, size_t segment, const struct peer *from,
		     udp_handler *handler, void *ctx)
{
	if (segment == 0 || segment > len)
		segment = len;
	do {
		size_t n = segment < len ? segment : len;

		handler(ctx, bytes, n, from);
		bytes += n;
		len -= n;
	} while (len > 0);
}

int udp_inbox_read(struct udp_inbox *in, int fd, udp_handler *handler, void *ctx)
{
	prepare(in);

	int n = recvmmsg(fd, in->headers, in->n, MSG_DONTWAIT, NULL);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	for (int i = 0; i < n; i++) {
		struct peer from;
		size_t segment = read_control(&in->headers[i].msg_hdr, &in->slots[i], &from);

		hand_out(in->slots[i].iov.iov_base, in->headers[i].msg_len, segment, &from, handler,
			 ctx);
	}
	return n;
}
