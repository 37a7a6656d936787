/*
 * peer: an address and port, IPv4 as IPv4-mapped IPv6 (RFC 4291, section
 * 2.5.5.2), so that one kind of address is all that the rest has to know.
 */
#ifndef NODES_PEER_H
#define NODES_PEER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "fail.h"

#define PEER_TEXT_LEN INET6_ADDRSTRLEN

struct peer {
	struct in6_addr address;
	uint16_t port;	       /* host order */
	uint32_t scope;	       /* interface of a link-local address */
	struct in6_addr local; /* of ours that it wrote to; :: when not known */
};

/* Whether its address is an IPv4-mapped one. */
bool peer_is_ipv4(const struct peer *p);
/* The same address and port. */
bool peer_equal(const struct peer *a, const struct peer *b);
/* "192.168.122.72" or "fe80::1"; returns buf. */
char *peer_text(char buf[PEER_TEXT_LEN], const struct peer *p);

/* A name or numeric address as getaddrinfo(3) resolves it. */
int peer_resolve(const char *host, uint16_t port, struct peer *ret_peer, struct fail *f);
/* From and to what the kernel takes; family is AF_INET (p must be IPv4) or AF_INET6. */
void peer_of_sockaddr(const struct sockaddr_storage *sa, struct peer *ret_peer);
socklen_t peer_to_sockaddr(const struct peer *p, int family, struct sockaddr_storage *ret_sa);

#endif
