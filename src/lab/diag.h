/* diag: a node's sockets as the kernel sees them, over libnl and sock_diag(7). For lab.c. */
#ifndef HARNESS_LAB_DIAG_H
#define HARNESS_LAB_DIAG_H

#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "lab/lab.h"

struct diag;

/* In the caller's current network namespace. */
int diag_open(struct diag **ret_diag, struct err *e);
void diag_free(struct diag *d);
/*
 * Queues and drops of all sockets of this protocol (IPPROTO_UDP, IPPROTO_TCP) bound to this port,
 * IPv4 and IPv6, added up; of TCP those that listen.
 */
int diag_find(struct diag *d, uint8_t protocol, uint16_t port, struct socket_evidence *ret_socket,
	      struct err *e);
/*
 * All TCP sockets but those that only wait for their ports to be free again; free the array. With
 * `hashed` of them (counters_parse_tcp()) that all listen, nothing else is looked for: the kernel
 * keeps connections of the whole machine in one table, and walks through it for each node.
 */
int diag_list_tcp(struct diag *d, uint64_t hashed, struct tcp_socket **ret_sockets, size_t *ret_n,
		  struct err *e);

#endif
