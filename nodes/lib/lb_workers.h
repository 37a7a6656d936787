/*
 * lb_workers: mode process, several loops that share a listening socket.
 *
 * They are forked before the first connection. One that dies is replaced, at
 * most once a second; what it had open is counted as stopped.
 */
#ifndef NODES_LB_WORKERS_H
#define NODES_LB_WORKERS_H

#include "lb_loop.h"

/*
 * Run n workers until SIGTERM or SIGINT, which must be blocked, as SIGUSR1,
 * SIGUSR2 and SIGCHLD. Workers do not heed these themselves: a signal to the whole process
 * group counts once.
 */
int lb_workers_run(const struct lb_config *config, struct lb_ring *ring, unsigned n, int listen_fd,
		   const sigset_t *signals, struct fail *f);

#endif
