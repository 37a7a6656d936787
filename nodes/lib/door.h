/*
 * door: a listening socket whose server stops, without losing who is on the threshold.
 *
 *	door_shut(fd);
 *	... accept(2) for DOOR_NS, until there is nobody left
 *	close(fd);
 */
#ifndef NODES_DOOR_H
#define NODES_DOOR_H

#include "scope.h"

#define DOOR_NS (100 * NS_PER_MS) /* for handshakes that have begun */

/* Let no more clients in: what is queued can still be accepted. For all that share it. */
void door_shut(int listen_fd);

#endif
