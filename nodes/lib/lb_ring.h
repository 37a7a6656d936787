/*
 * lb_ring: which backend is next, and what all workers know of each.
 *
 * Round robin is a ticket from one counter. The ring lies in memory that every
 * worker shares and is changed by atomic operations alone, so turns are taken
 * fairly across processes too, and what one worker finds out about a backend the
 * others know. A backend that failed is left alone for a while; then one
 * connection tries it, and only when that works do the others follow.
 */
#ifndef NODES_LB_RING_H
#define NODES_LB_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

#define LB_BACKENDS_MAX 64 /* bits of the set of those that a connection tried */
#define LB_WORKERS_MAX	256

struct lb_backend_state {
	_Alignas(64) _Atomic uint64_t retry_at; /* time_now(); 0: nothing is known against it */
	_Atomic uint64_t connections;		/* that it accepted */
	_Atomic uint64_t failures;		/* that it refused, or did not answer in time */
	_Atomic uint64_t broken;		/* that it reset when bytes had gone through */
	_Atomic uint64_t up, down;		/* bytes to it, and from it */
	_Atomic unsigned address;		/* of its name's: the one that worked last */
};

enum lb_stop {
	LB_STOP_NOT,
	LB_STOP_GRACEFUL, /* accept no more, finish what is under way */
	LB_STOP_NOW,
};

struct lb_ring {
	_Alignas(64) _Atomic uint64_t ticket;
	unsigned n_backends;
	_Atomic int stop; /* enum lb_stop: what the first process tells its workers */
	/* Connections. Each accepted one is open, and then one of the others. */
	_Alignas(64) _Atomic uint64_t accepted;
	_Atomic uint64_t open;
	_Atomic uint64_t done;		/* both sides ended it properly */
	_Atomic uint64_t reset;		/* by the client */
	_Atomic uint64_t broken;	/* by the backend */
	_Atomic uint64_t refused_limit; /* one too many */
	_Atomic uint64_t refused;	/* no backend took it */
	_Atomic uint64_t idle;		/* silent for too long */
	_Atomic uint64_t stopped;	/* by the end of the balancer, or of a worker */
	_Atomic uint64_t worker_open[LB_WORKERS_MAX];
	struct lb_backend_state backends[LB_BACKENDS_MAX];
};

/* In memory that is shared with children. */
int lb_ring_new(unsigned n_backends, struct lb_ring **ret_ring, struct fail *f);
void lb_ring_free(struct lb_ring *ring);

/*
 * The backend whose turn it is, without those in the set tried; -1 when there
 * is none left. Backends that failed lately come last: better than none.
 */
int lb_ring_pick(struct lb_ring *ring, uint64_t tried, uint64_t now, uint64_t retry_ns);
/* It accepted a connection. */
void lb_ring_worked(struct lb_ring *ring, unsigned backend);
/* It did not: leave it alone until now + retry_ns. */
void lb_ring_failed(struct lb_ring *ring, unsigned backend, uint64_t now, uint64_t retry_ns);

#endif
