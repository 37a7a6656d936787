/* diag: a node's UDP sockets as the kernel sees them, over libnl and sock_diag(7). For lab.c. */
#ifndef HARNESS_LAB_DIAG_H
#define HARNESS_LAB_DIAG_H

#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"

struct diag;

/* In the caller's current network namespace. */
int diag_open(struct diag **ret_diag, struct err *e);
void diag_free(struct diag *d);
/* Queues and drops of all UDP sockets bound to this port, IPv4 and IPv6, added up. */
int diag_find_udp(struct diag *d, uint16_t port, struct socket_evidence *ret_socket, struct err *e);

#endif
