/* The listening socket of httpd_server. */
#include "httpd_server.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "peer.h"
#include "scope.h"

static int bind_to(const struct peer *at, int *ret_family)
{
	struct sockaddr_storage sa;
	int one = 1, zero = 0, family = AF_INET6;
	scope_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 && errno == EAFNOSUPPORT) { /* a kernel without IPv6 */
		family = AF_INET;
		fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd < 0)
		return -1;
	/* Connections of a server before us may linger in TIME-WAIT. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, (struct sockaddr *)&sa, peer_to_sockaddr(at, family, &sa)) != 0 ||
	    listen(fd, SOMAXCONN) != 0)
		return -1;
	*ret_family = family;
	return scope_take_fd(&fd);
}

static void block_signals(sigset_t *set, bool with_children)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	if (with_children)
		sigaddset(set, SIGCHLD);
	sigprocmask(SIG_BLOCK, set, NULL);
}

int httpd_server_listen(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
			struct fail *f)
{
	struct peer at = { .port = port };
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof(sa);
	sigset_t set;
	int family;

	if (address != NULL && peer_resolve(address, port, &at, f) != 0)
		return -1;
	block_signals(&set, false);

	scope_close int fd = bind_to(&at, &family);

	if (fd < 0 || getsockname(fd, (struct sockaddr *)&sa, &len) != 0)
		return fail_set(f, errno, "listen on port %u%s%s", port,
				address != NULL ? " of " : "", address != NULL ? address : "");
	peer_of_sockaddr(&sa, &at);
	*ret_port = at.port;
	*ret_fd = scope_take_fd(&fd);
	return 0;
}

int httpd_server_signals(bool with_children)
{
	sigset_t set;

	block_signals(&set, with_children);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
