#include "lb_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

#include "option.h"
#include "scope.h"

#define BACKLOG 65535 /* net.core.somaxconn has the last word */

static int copy_host(const char *start, size_t len, char ret_host[LB_HOST_LEN], struct fail *f)
{
	if (len >= LB_HOST_LEN)
		return fail_set(f, 0, "a host of %zu characters is too long", len);
	memcpy(ret_host, start, len);
	ret_host[len] = '\0';
	return 0;
}

int lb_address_split(const char *text, char ret_host[LB_HOST_LEN], uint16_t *ret_port,
		     struct fail *f)
{
	const char *colon = strrchr(text, ':'), *host = text;
	size_t len = colon != NULL ? (size_t)(colon - text) : 0;
	uint64_t port;

	if (*text == '[') {
		if (colon == NULL || colon == text || colon[-1] != ']')
			return fail_set(f, 0, "'%s' is not [ADDRESS]:PORT", text);
		host++;
		len -= 2;
	} else if (memchr(text, ':', len) != NULL) {
		return fail_set(f, 0, "'%s': write an IPv6 address as [ADDRESS]:PORT", text);
	}
	if (option_number(colon != NULL ? colon + 1 : text, 1, 65535, &port, f) != 0)
		return fail_set(f, 0, "'%s' does not end in a port from 1 to 65535", text);
	if (copy_host(host, len, ret_host, f) != 0)
		return -1;
	*ret_port = (uint16_t)port;
	return 0;
}

int lb_address_resolve(const char *host, uint16_t port, union lb_address *ret, unsigned *ret_n,
		       struct fail *f)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	struct addrinfo *list;
	char service[8];
	unsigned n = 0;

	snprintf(service, sizeof(service), "%u", port);

	int error = getaddrinfo(host, service, &hints, &list);

	if (error != 0)
		return fail_set(f, 0, "resolve '%s': %s", host, gai_strerror(error));
	for (struct addrinfo *i = list; i != NULL && n < LB_ADDRESSES; i = i->ai_next)
		if (i->ai_family == AF_INET || i->ai_family == AF_INET6)
			memcpy(&ret[n++], i->ai_addr, i->ai_addrlen);
	freeaddrinfo(list);
	if (n == 0)
		return fail_set(f, 0, "resolve '%s': no IPv4 or IPv6 address", host);
	*ret_n = n;
	return 0;
}

socklen_t lb_address_len(const union lb_address *a)
{
	return a->sa.sa_family == AF_INET ? sizeof(a->in) : sizeof(a->in6);
}

char *lb_address_text(char buf[LB_TEXT_LEN], const union lb_address *a)
{
	const struct in6_addr *six = &a->in6.sin6_addr;
	char address[INET6_ADDRSTRLEN];

	if (a->sa.sa_family == AF_INET || IN6_IS_ADDR_V4MAPPED(six)) {
		const void *four = a->sa.sa_family == AF_INET ? (const void *)&a->in.sin_addr
							      : (const void *)&six->s6_addr[12];

		/* The port is at the same place in both kinds. */
		snprintf(buf, LB_TEXT_LEN, "%s:%u",
			 inet_ntop(AF_INET, four, address, sizeof(address)), ntohs(a->in.sin_port));
		return buf;
	}
	inet_ntop(AF_INET6, six, address, sizeof(address));
	if (a->in6.sin6_scope_id != 0)
		snprintf(buf, LB_TEXT_LEN, "[%s%%%u]:%u", address, a->in6.sin6_scope_id,
			 ntohs(a->in6.sin6_port));
	else
		snprintf(buf, LB_TEXT_LEN, "[%s]:%u", address, ntohs(a->in6.sin6_port));
	return buf;
}

static int listen_on(const union lb_address *a, int *ret_fd)
{
	scope_close int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1, zero = 0;

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* What is accepted inherits it (tcp(7)), which saves a call for each connection. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (a->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, &a->sa, lb_address_len(a)) != 0 || listen(fd, BACKLOG) != 0)
		return -1;
	*ret_fd = scope_take_fd(&fd);
	return 0;
}

int lb_address_listen(const char *host, uint16_t port, int *ret_fd, struct fail *f)
{
	union lb_address a[LB_ADDRESSES] = {
		{ .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) } },
		{ .in = { .sin_family = AF_INET, .sin_port = htons(port) } },
	};
	unsigned n = 2; /* the second where the kernel has no IPv6 */
	char text[LB_TEXT_LEN];

	if (*host != '\0' && lb_address_resolve(host, port, a, &n, f) != 0)
		return -1;
	for (unsigned i = 0; i < n; i++) {
		if (listen_on(&a[i], ret_fd) == 0)
			return 0;
		if (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
			return fail_set(f, errno, "listen on %s", lb_address_text(text, &a[i]));
	}
	return fail_set(f, errno, "listen on %s", lb_address_text(text, &a[n - 1]));
}
