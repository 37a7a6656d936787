/* quiet: when receivers have read what came. A part of crew.h. */
#include <netinet/in.h>

#include "base/clock.h"
#include "run/crew.h"

/* For receivers to read what has arrived before they are told to stop. */
#define QUIET_DEADLINE_NS (500 * NS_PER_MS)

/* All UDP sockets of the program together. */
static int look_at_program(struct crew *c, size_t i, struct socket_evidence *s, struct err *e)
{
	const struct program *p = &c->programs->p[i];

	*s = (struct socket_evidence){ 0 };
	for (size_t k = 0; k < p->n_listens; k++) {
		struct socket_evidence one;

		if (p->listens[k].protocol != IPPROTO_UDP)
			continue;
		if (lab_find_socket(c->lab, p->node, &p->listens[k], &one, e) != 0)
			return -1;
		s->seen = s->seen || one.seen;
		s->queued += one.queued;
		s->drops += one.drops;
		s->buffer += one.buffer;
	}
	return 0;
}

/* Snapshots for the ledger. Sets *ret_quiet when nothing is queued and nothing moved since before. */
static int look_at_sockets(struct crew *c, uint64_t *moved, bool *ret_quiet, struct err *e)
{
	uint64_t total = 0, queued = 0, backlog;

	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		const struct program_evidence *p = &c->evidence->programs[i];
		struct udp_counters n;

		if (p->role != ROLE_RECEIVER)
			continue;
		if (lab_read_udp_counters(c->lab, p->node, &n, e) != 0)
			return -1;
		total += n.in_datagrams + n.in_errors + n.no_ports;
		if (p->state != PROGRAM_RUNNING)
			continue;
		if (look_at_program(c, i, &c->evidence->sockets[i], e) != 0)
			return -1;
		queued += c->evidence->sockets[i].queued;
	}
	if (lab_read_backlog(&backlog, e) != 0)
		return -1;
	*ret_quiet = queued == 0 && backlog == 0 && total == *moved;
	*moved = total;
	return 0;
}

int crew_wait_quiet(struct crew *c, struct err *e)
{
	uint64_t deadline = clock_ns() + QUIET_DEADLINE_NS;
	uint64_t moved = UINT64_MAX;
	bool quiet;

	for (;;) {
		/* Before looking: what leaves a link meanwhile is not seen to arrive. */
		bool held = c->held(c->arg) != 0 && !c->must_stop(c->arg);

		if (look_at_sockets(c, &moved, &quiet, e) != 0)
			return -1;
		if (held) {
			deadline = clock_ns() + QUIET_DEADLINE_NS;
			moved = UINT64_MAX;
		} else if (quiet || clock_ns() >= deadline) {
			return 0;
		}
		if (crew_count_running(c, ROLE_RECEIVER) == 0)
			return 0;
		c->wait(c->arg, clock_ns() + 500 * NS_PER_US);
	}
}
