/*
 * lb_loop: one process of the balancer, an epoll loop from accept(2) to the log.
 *
 * In mode async there is one, in mode process one per worker; they share the
 * listening socket and the ring, nothing else.
 */
#ifndef NODES_LB_LOOP_H
#define NODES_LB_LOOP_H

#include <signal.h>

#include "fail.h"
#include "lb_conn.h"
#include "lb_log.h"
#include "lb_ring.h"

struct lb_backend {
	const char *text; /* as the option has it */
	union lb_address addresses[LB_ADDRESSES];
	unsigned n_addresses;
};

struct lb_config {
	struct lb_backend backends[LB_BACKENDS_MAX];
	unsigned n_backends;
	uint64_t connect_timeout_ns, retry_ns, grace_ns;
	uint64_t idle_ns; /* 0: silence is no reason to end */
	uint64_t limit;	  /* open connections; 0: as many as there can be */
	bool quiet;
};

struct lb_loop {
	const struct lb_config *config;
	struct lb_ring *ring;
	_Atomic uint64_t *worker_open; /* this process's part of ring->open */
	int epoll_fd, listen_fd, signal_fd;
	bool listening;	    /* the listening socket is watched */
	uint64_t resume_at; /* when it is again, UINT64_MAX: it was not put aside */
	bool was_short;	    /* of descriptors; said once */
	uint64_t now, real; /* of the batch of events in hand */
	uint64_t batch;	    /* its number */
	uint64_t n_conns, max_conns;
	struct lb_queue connecting, established;
	struct lb_conn *more, *over; /* turns cut short; ended, to be freed after this batch */
	enum lb_stop stop;
	uint64_t grace_end, door_end; /* door_end: UINT64_MAX when no handshake is waited for */
	struct lb_log log;
	struct lb_io io;
};

void lb_queue_add(struct lb_queue *q, struct lb_conn *c, uint64_t due);
void lb_queue_remove(struct lb_conn *c);

/*
 * Accept and serve until told to stop. worker is the number of this process;
 * signals are blocked, SIGPIPE is ignored, and signals are what the loop reads. SIGTERM and SIGINT stop it,
 * the second time at once; SIGUSR2 has it look at ring->stop, and SIGUSR1 print
 * the counters. Does not close listen_fd.
 */
int lb_loop_run(const struct lb_config *config, struct lb_ring *ring, unsigned worker,
		int listen_fd, const sigset_t *signals, struct fail *f);
/* Let this process have as many descriptors as it may; returns their number. */
uint64_t lb_loop_raise_descriptors(void);
/* The counters, a line for all and one for each backend, to standard output. */
void lb_loop_print_counters(const struct lb_config *config, struct lb_ring *ring);

#endif
