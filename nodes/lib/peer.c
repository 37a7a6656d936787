#include "peer.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <string.h>

static void map_ipv4(const struct in_addr *v4, struct in6_addr *ret)
{
	*ret = (struct in6_addr){ .s6_addr = { [10] = 0xff, [11] = 0xff } };
	memcpy(&ret->s6_addr[12], v4, sizeof(*v4));
}

bool peer_is_ipv4(const struct peer *p)
{
	return IN6_IS_ADDR_V4MAPPED(&p->address);
}

bool peer_equal(const struct peer *a, const struct peer *b)
{
	return a->port == b->port && memcmp(&a->address, &b->address, sizeof(a->address)) == 0;
}

char *peer_text(char buf[PEER_TEXT_LEN], const struct peer *p)
{
	bool v4 = peer_is_ipv4(p);

	if (inet_ntop(v4 ? AF_INET : AF_INET6, &p->address.s6_addr[v4 ? 12 : 0], buf,
		      PEER_TEXT_LEN) == NULL)
		*buf = '\0';
	return buf;
}

int peer_resolve(const char *host, uint16_t port, struct peer *ret_peer, struct fail *f)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list;
	struct sockaddr_storage sa = { 0 };
	int r = getaddrinfo(host, NULL, &hints, &list);

	if (r != 0)
		return fail_set(f, 0, "resolve '%s': %s", host, gai_strerror(r));
	memcpy(&sa, list->ai_addr, list->ai_addrlen);
	freeaddrinfo(list);
	peer_of_sockaddr(&sa, ret_peer);
	ret_peer->port = port;
	return 0;
}

void peer_of_sockaddr(const struct sockaddr_storage *sa, struct peer *ret_peer)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	*ret_peer = (struct peer){ 0 };
	if (sa->ss_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		map_ipv4(&v4.sin_addr, &ret_peer->address);
		ret_peer->port = ntohs(v4.sin_port);
		return;
	}
	memcpy(&v6, sa, sizeof(v6));
	ret_peer->address = v6.sin6_addr;
	ret_peer->port = ntohs(v6.sin6_port);
	ret_peer->scope = v6.sin6_scope_id;
}

socklen_t peer_to_sockaddr(const struct peer *p, int family, struct sockaddr_storage *ret_sa)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(p->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_port = htons(p->port),
				   .sin6_addr = p->address,
				   .sin6_scope_id = p->scope };

	if (family == AF_INET) {
		memcpy(&v4.sin_addr, &p->address.s6_addr[12], sizeof(v4.sin_addr));
		memcpy(ret_sa, &v4, sizeof(v4));
		return sizeof(v4);
	}
	memcpy(ret_sa, &v6, sizeof(v6));
	return sizeof(v6);
}
