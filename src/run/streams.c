/*
 * streams: when servers have taken what came by TCP. A part of crew.h.
 *
 * A client that has ended may have left bytes in its socket, on the way, in the socket of the
 * server, even in a connection that the server has not accepted; and a server that has read them
 * all closes its end when it has seen the end of the other one. The kernel shows all of that; what
 * a server does after it has closed a connection it does not.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "run/crew.h"

/* How long what is left may stay as much: there are servers that never read or never close. */
#define PATIENCE_NS (500 * NS_PER_MS)
/* Where links hold frames or lose them: the kernel repeats after 200, 400, 800 ms (RFC 6298). */
#define PATIENCE_LOST_NS NS_PER_SEC
#define LOOK_NS		 NS_PER_MS

/* That somebody in the node listens or has listened on. */
struct port {
	size_t node;
	uint16_t number;
	size_t program; /* whose block names it; SIZE_MAX: none does */
};

struct node_sockets {
	bool listed;
	struct tcp_socket *items;
	size_t n;
};

struct look {
	struct node_sockets *nodes;
	size_t n_nodes;
	struct port *ports;
	size_t n_ports, ports_room;
	uint64_t left; /* bytes and connections that servers are to take */
	bool repeats;  /* some were lost and are being sent again */
};

/* ---- who serves where ---- */

/* A server that names no ports at all may have any. */
static bool may_serve(const struct crew *c, size_t i)
{
	const struct program_evidence *p = &c->evidence->programs[i];
	const struct program *program = &c->programs->p[i];

	if (p->role != ROLE_RECEIVER || p->state != PROGRAM_RUNNING)
		return false;
	for (size_t k = 0; k < program->n_listens; k++)
		if (program->listens[k].protocol == IPPROTO_TCP)
			return true;
	return program->n_listens == 0;
}

static bool anybody_serves(const struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++)
		if (may_serve(c, i))
			return true;
	return false;
}

static void add_port(struct look *l, size_t node, uint16_t number, size_t program)
{
	struct port *p = array_add(&l->ports, &l->n_ports, &l->ports_room, sizeof(*p));

	*p = (struct port){ node, number, program };
}

static const struct port *find_port(const struct look *l, size_t node, uint16_t number)
{
	for (size_t i = 0; i < l->n_ports; i++)
		if (l->ports[i].node == node && l->ports[i].number == number)
			return &l->ports[i];
	return NULL;
}

/* By any node's server: balancers and routers hide whose it is. */
static bool is_served(const struct look *l, uint16_t number)
{
	for (size_t i = 0; i < l->n_ports; i++)
		if (l->ports[i].number == number)
			return true;
	return false;
}

static void add_named_ports(const struct crew *c, struct look *l)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		const struct program *p = &c->programs->p[i];

		for (size_t k = 0; may_serve(c, i) && k < p->n_listens; k++)
			if (p->listens[k].protocol == IPPROTO_TCP)
				add_port(l, p->node, p->listens[k].port, i);
	}
}

/* ---- what is left ---- */

/* One that was closed by its server is the kernel's business only. */
static uint64_t left_at_server(const struct tcp_socket *s)
{
	switch (s->state) {
	case TCP_LISTEN:
		return s->waiting;
	case TCP_SYN_RECV:
		return 1;
	case TCP_ESTABLISHED:
		return (uint64_t)s->unread + s->unsent;
	case TCP_CLOSE_WAIT:
		return 1 + (uint64_t)s->unread + s->unsent;
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		return s->unread;
	default:
		return 0;
	}
}

/* A client that still asks whether anybody is there has sent nothing. */
static uint64_t left_at_client(const struct tcp_socket *s)
{
	return s->state != TCP_SYN_SENT ? s->unsent : 0;
}

static void note_untaken(const struct tcp_socket *s, struct socket_evidence *socket)
{
	socket->unaccepted += s->waiting;
	socket->unread += s->unread;
	socket->unread_from += s->unread > 0;
}

static void look_at_socket(struct crew *c, size_t node, const struct tcp_socket *s, struct look *l)
{
	const struct port *port = find_port(l, node, s->port);
	uint64_t left = port != NULL		     ? left_at_server(s)
			: is_served(l, s->peer_port) ? left_at_client(s)
						     : 0;

	if (port != NULL && port->program != SIZE_MAX)
		note_untaken(s, &c->evidence->sockets[port->program]);
	l->left += left;
	l->repeats |= left > 0 && s->repeats;
}

/* Of the nodes where programs are; others have no sockets. */
static int list_sockets(struct crew *c, struct look *l, struct err *e)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		size_t node = c->evidence->programs[i].node;
		struct node_sockets *s = &l->nodes[node];

		if (s->listed)
			continue;
		if (lab_list_tcp(c->lab, node, &s->items, &s->n, e) != 0)
			return -1;
		s->listed = true;
	}
	return 0;
}

static void add_listened_ports(struct look *l)
{
	for (size_t n = 0; n < l->n_nodes; n++)
		for (size_t i = 0; i < l->nodes[n].n; i++) {
			const struct tcp_socket *s = &l->nodes[n].items[i];

			if (s->state == TCP_LISTEN && find_port(l, n, s->port) == NULL)
				add_port(l, n, s->port, SIZE_MAX);
		}
}

static void forget_untaken(struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct socket_evidence *s = &c->evidence->sockets[i];

		s->unaccepted = s->unread = s->unread_from = 0;
	}
}

static void look_done(struct look *l)
{
	for (size_t n = 0; n < l->n_nodes; n++)
		free(l->nodes[n].items);
	free(l->nodes);
	free(l->ports);
}

static int look_around(struct crew *c, uint64_t *ret_left, bool *ret_repeats, struct err *e)
{
	cleanup_by(look_done) struct look l = { .n_nodes = c->evidence->n_nodes };

	l.nodes = array_new(l.n_nodes, sizeof(*l.nodes));
	if (list_sockets(c, &l, e) != 0)
		return -1;
	add_named_ports(c, &l);
	add_listened_ports(&l);
	forget_untaken(c);
	for (size_t n = 0; n < l.n_nodes; n++)
		for (size_t i = 0; i < l.nodes[n].n; i++)
			look_at_socket(c, n, &l.nodes[n].items[i], &l);
	*ret_left = l.left;
	*ret_repeats = l.repeats;
	return 0;
}

int crew_wait_streams(struct crew *c, struct err *e)
{
	uint64_t least = UINT64_MAX, since = 0;

	while (anybody_serves(c)) {
		/* Before looking: what leaves a link meanwhile is not seen to arrive. */
		bool slow = c->held(c->arg) != 0, repeats;
		uint64_t left;

		if (look_around(c, &left, &repeats, e) != 0)
			return -1;
		if (left == 0 || c->must_stop(c->arg))
			break;
		/* Others may go on sending: only what is less than ever before is progress. */
		if (left < least)
			since = clock_ns();
		least = left < least ? left : least;
		if (clock_ns() >= since + (slow || repeats ? PATIENCE_LOST_NS : PATIENCE_NS))
			break;
		c->wait(c->arg, clock_ns() + LOOK_NS);
	}
	return 0;
}
