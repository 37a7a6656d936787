/*
 * lb_conn: a client's connection and the one to a backend behind it.
 *
 *	connecting	the backend has not answered; what the client sends is kept.
 *			When it refuses, or is silent for too long, the next is tried
 *	connected	bytes go both ways. As long as none did, a backend that
 *			resets the connection is as good as one that refused it
 *	ended		counted, logged, closed; freed after the events in hand
 *
 * An end is passed on as it came: a FIN as a FIN, once everything before it is
 * through, a reset as a reset, so that nobody takes a part for the whole.
 */
#ifndef NODES_LB_CONN_H
#define NODES_LB_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "lb_address.h"
#include "lb_flow.h"

struct lb_loop;

enum lb_side {
	LB_CLIENT,
	LB_BACKEND,
};

/* In order of time: the first is due first. */
struct lb_queue {
	struct lb_conn *first, *last;
};

struct lb_conn {
	struct lb_conn *prev, *next; /* in its queue, or on the list of those that ended */
	struct lb_conn *more;	     /* the next one whose turn was cut short */
	struct lb_queue *queue;
	uint64_t due;	     /* of its queue, time_now() */
	uint64_t tried;	     /* set of backends */
	uint64_t start;	     /* time_now() */
	uint64_t opened;     /* the batch of events in which the backend's socket was made */
	int fd[2];	     /* by side */
	uint32_t watched[2]; /* EPOLLOUT is, by side */
	struct lb_flow up, down;
	int backend;			 /* -1: none */
	unsigned address, n_failed;	 /* of its name's: the one in use, and how many failed */
	bool connected, ended, reset_in; /* reset_in: of the backend, though its data goes on */
	bool has_more;
	union lb_address client;
};

/* Takes the descriptor of an accepted connection. */
void lb_conn_start(struct lb_loop *loop, int fd, const union lb_address *client);
/* Close a connection that is one too many. */
void lb_conn_refuse(struct lb_loop *loop, int fd, const union lb_address *client);
void lb_conn_event(struct lb_loop *loop, struct lb_conn *c, enum lb_side side, uint32_t events);
/* Its turn was cut short: go on. */
void lb_conn_go_on(struct lb_loop *loop, struct lb_conn *c);
/* The time of its queue is over. */
void lb_conn_expire(struct lb_loop *loop, struct lb_conn *c);
/* The balancer ends. */
void lb_conn_stop(struct lb_loop *loop, struct lb_conn *c);

#endif
