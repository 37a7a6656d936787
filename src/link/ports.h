/*
 * ports: all ports of a wire, opened and closed at the same time. Setting up a ring and closing it
 * each wait for an RCU grace period or two in the kernel (packet_set_ring(), packet_release()), 10
 * to 30 ms; threads that wait at the same time share one.
 */
#ifndef HARNESS_LINK_PORTS_H
#define HARNESS_LINK_PORTS_H

#include <stddef.h>

#include "base/err.h"
#include "link/port.h"

struct ports {
	struct port **ports;
	enum ring_kind *kinds; /* what each has become */
	struct err *errors;    /* of those that could not be opened at all */
	size_t n;
};

/* For each config a port: of this kind, or of the next one that this machine has. */
int ports_open(struct ports *p, const struct port_config *configs, size_t n, enum ring_kind best,
	       struct err *e);
void ports_close(struct ports *p);

#endif
