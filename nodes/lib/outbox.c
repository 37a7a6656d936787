/* Sending in batches: the outbox of udp.h. */
#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "scope.h"
#include "udp.h"

#define SEGMENTS_MAX 64	   /* UDP_MAX_SEGMENTS of kernels before 6.9 */
#define SUPER_MAX    65000 /* bytes of one UDP_SEGMENT message, below IP's 65535 */
#define MESSAGES_MAX 32	   /* of one sendmmsg() */

/* One message of one or more datagrams, and the kernel's view of it. */
struct message {
	struct iovec iov;
	size_t n; /* datagrams */
	union {
		char buf[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control;
};

void udp_outbox_init(struct udp_outbox *o)
{
	*o = (struct udp_outbox){ .buf = scope_alloc(UDP_OUTBOX_ROOM, 1) };
}

void udp_outbox_done(struct udp_outbox *o)
{
	free(o->buf);
	o->buf = NULL;
}

uint8_t *udp_outbox_slot(struct udp_outbox *o, size_t len)
{
	if (o->n == UDP_OUTBOX_MAX || o->used + len > UDP_OUTBOX_ROOM)
		return NULL;
	return o->buf + o->used;
}

void udp_outbox_add(struct udp_outbox *o, size_t len)
{
	o->len[o->n++] = (uint16_t)len;
	o->used += len;
}

/* How many datagrams from the first on make one message: equal ones, the last may be shorter. */
static size_t group(const struct udp_outbox *o, size_t first, bool gso)
{
	size_t n = 1, bytes = o->len[first];

	while (gso && first + n < o->n && n < SEGMENTS_MAX) {
		uint16_t len = o->len[first + n];

		if (len > o->len[first] || bytes + len > SUPER_MAX)
			break;
		bytes += len;
		n++;
		if (len < o->len[first])
			break;
	}
	return n;
}

static void fill(struct message *m, struct mmsghdr *h, uint8_t *at, const uint16_t *len)
{
	m->iov = (struct iovec){ .iov_base = at };
	for (size_t i = 0; i < m->n; i++)
		m->iov.iov_len += len[i];
	*h = (struct mmsghdr){ .msg_hdr = { .msg_iov = &m->iov, .msg_iovlen = 1 } };
	if (m->n == 1)
		return;
	m->control.align = (struct cmsghdr){ .cmsg_level = IPPROTO_UDP,
					     .cmsg_type = UDP_SEGMENT,
					     .cmsg_len = CMSG_LEN(sizeof(*len)) };
	memcpy(CMSG_DATA(&m->control.align), len, sizeof(*len));
	h->msg_hdr.msg_control = m->control.buf;
	h->msg_hdr.msg_controllen = sizeof(m->control.buf);
}

/* Datagrams from first on, which lies at this offset, as messages. Returns their number. */
static unsigned fill_all(const struct udp_outbox *o, size_t first, size_t at, bool gso,
			 struct message *m, struct mmsghdr *h)
{
	unsigned n = 0;

	while (first < o->n && n < MESSAGES_MAX) {
		m[n].n = group(o, first, gso);
		fill(&m[n], &h[n], o->buf + at, &o->len[first]);
		first += m[n].n;
		at += m[n].iov.iov_len;
		n++;
	}
	return n;
}

/* Errors of this machine, for a message joined by UDP_SEGMENT: some device or kernel cannot. */
static bool blames_gso(int num, const struct message *m)
{
	return m->n > 1 && (num == EIO || num == EINVAL || num == EOPNOTSUPP);
}

int udp_outbox_send(struct udp_outbox *o, int fd, bool *gso)
{
	struct message m[MESSAGES_MAX];
	struct mmsghdr h[MESSAGES_MAX];
	size_t first = 0, at = 0;
	int met = 0;
	bool again = false;

	while (first < o->n) {
		unsigned n = fill_all(o, first, at, *gso, m, h);
		int sent = sendmmsg(fd, h, n, 0);
		int num = sent < 0 ? errno : 0;

		if (num == EINTR)
			continue;
		if (sent < 0 && blames_gso(num, &m[0])) {
			*gso = false;
			continue;
		}
		met = num != 0 ? num : met;
		/*
		 * An error may be an old one that this socket had not reported yet;
		 * this message was not sent then. Try it twice, then leave it out.
		 */
		if (sent < 0 && !again && num != EAGAIN) {
			again = true;
			continue;
		}
		again = false;
		for (int i = 0; i < (sent > 0 ? sent : 1); i++) {
			first += m[i].n;
			at += m[i].iov.iov_len;
		}
	}
	o->n = o->used = 0;
	return met;
}
