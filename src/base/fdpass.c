#include "base/fdpass.h"

#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of one message, aligned as CMSG_FIRSTHDR() wants it. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDPASS_MAX * sizeof(int))];
};

int fdpass_send(int socket, const void *bytes, size_t len, const int *fds, size_t n_fds)
{
	union control control = { .bytes = { 0 } };
	struct iovec io = { (void *)(size_t)bytes, len };
	struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };

	assert(n_fds <= FDPASS_MAX);
	if (n_fds > 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));

		struct cmsghdr *c = CMSG_FIRSTHDR(&m);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	return sendmsg(socket, &m, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static void take(const struct cmsghdr *c, int *ret_fds, size_t max, size_t *n)
{
	size_t len = c->cmsg_len - CMSG_LEN(0);

	for (size_t at = 0; at + sizeof(int) <= len; at += sizeof(int)) {
		int fd;

		memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
		if (*n < max)
			ret_fds[(*n)++] = fd;
		else
			close(fd);
	}
}

ssize_t fdpass_receive(int socket, void *bytes, size_t room, int *ret_fds, size_t max,
		       size_t *ret_n_fds, int flags)
{
	union control control;
	struct iovec io = { bytes, room };
	struct msghdr m = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC);

	*ret_n_fds = 0;
	if (n < 0)
		return n;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c != NULL; c = CMSG_NXTHDR(&m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			take(c, ret_fds, max, ret_n_fds);
	return n;
}
