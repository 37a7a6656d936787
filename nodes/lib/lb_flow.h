/*
 * lb_flow: one direction of a connection, bytes from one socket to another.
 *
 * Little data is copied through a buffer that all flows share, which is two
 * calls; a flow that fills that buffer goes through a pipe with splice(2) from
 * then on, and its bytes are not copied. What the other side does not take is
 * kept here, one buffer or one pipe at most, and nothing more is read until it
 * does: back-pressure reaches the sender through its own window.
 *
 * Sockets do not block and are watched edge-triggered, so a pump goes on until
 * the kernel says that there is no more.
 */
#ifndef NODES_LB_FLOW_H
#define NODES_LB_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb_pipes.h"

#define LB_SMALL 16384	    /* bytes that are copied at a time */
#define LB_TURN	 (1u << 20) /* bytes after which others have their turn */

/* What all flows of a process share. */
struct lb_io {
	uint8_t scratch[LB_SMALL];
	struct lb_pipes pipes;
};

struct lb_flow {
	uint8_t *kept;	      /* what the other side did not take: here, */
	struct lb_pipe *pipe; /* or here, */
	uint32_t start, end;  /* these bytes of kept */
	uint64_t bytes;	      /* passed on */
	bool bulk;	      /* much comes at a time */
	bool hung_up;	      /* the kernel says that a FIN has come: there is an end to read */
	bool open;	      /* the other side is connected: its end may be told */
	bool ended_in;	      /* the end was read */
	bool ended;	      /* and passed on */
	bool failed_in;	      /* reading failed behind what is kept */
	bool nagle;	      /* the other side's socket waits for acknowledgements, as yet */
};

enum lb_pump {
	LB_PUMP_WAIT, /* until the kernel has news */
	LB_PUMP_MORE, /* this turn is over, there may be more */
	LB_PUMP_READ_FAILED,
	LB_PUMP_WRITE_FAILED,
};

/* Pass on what can be passed on, from one socket to the other, for one turn. */
enum lb_pump lb_flow_pump(struct lb_flow *f, int from, int to, struct lb_io *io);
/* Something waits for the other side. */
bool lb_flow_is_blocked(const struct lb_flow *f);
/* Forget what waits. */
void lb_flow_done(struct lb_flow *f, struct lb_io *io);

#endif
