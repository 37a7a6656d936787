/* lb_address: "HOST:PORT" as the balancer's options write it, and what sockets make of it. */
#ifndef NODES_LB_ADDRESS_H
#define NODES_LB_ADDRESS_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "fail.h"

#define LB_HOST_LEN  256
#define LB_TEXT_LEN  (INET6_ADDRSTRLEN + sizeof("[%4294967295]:65535"))
#define LB_ADDRESSES 4 /* of one name, at most */

/* IPv4 or IPv6; smaller than a sockaddr_storage, because each connection has one. */
union lb_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/*
 * Take "HOST:PORT", "[IPV6]:PORT", ":PORT" or "PORT" apart; the last two leave
 * the host empty. An IPv6 address without brackets is refused: its end is not known.
 */
int lb_address_split(const char *text, char ret_host[LB_HOST_LEN], uint16_t *ret_port,
		     struct fail *f);
/* Every address of a host, at most LB_ADDRESSES, in the order of getaddrinfo(3). */
int lb_address_resolve(const char *host, uint16_t port, union lb_address *ret, unsigned *ret_n,
		       struct fail *f);
/* "10.0.0.1:80" or "[fe80::1]:80"; returns buf. An IPv4-mapped address is shown as IPv4. */
char *lb_address_text(char buf[LB_TEXT_LEN], const union lb_address *a);
socklen_t lb_address_len(const union lb_address *a);
/* A listening socket, not blocking; an empty host: all addresses, IPv4 and IPv6. */
int lb_address_listen(const char *host, uint16_t port, int *ret_fd, struct fail *f);

#endif
