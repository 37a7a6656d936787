#include "lb_conn.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "lb_loop.h"
#include "scope.h"

enum end {
	END_DONE,
	END_CLIENT_RESET,
	END_BROKEN,
	END_REFUSED,
	END_LIMIT,
	END_IDLE,
	END_STOPPED,
};

static const char *const end_names[] = {
	[END_DONE] = "done",	   [END_CLIENT_RESET] = "client-reset",
	[END_BROKEN] = "broken",   [END_REFUSED] = "no-backend",
	[END_LIMIT] = "limit",	   [END_IDLE] = "idle",
	[END_STOPPED] = "stopped",
};

void lb_queue_add(struct lb_queue *q, struct lb_conn *c, uint64_t due)
{
	c->queue = q;
	c->due = due;
	c->prev = q->last;
	c->next = NULL;
	*(q->last != NULL ? &q->last->next : &q->first) = c;
	q->last = c;
}

void lb_queue_remove(struct lb_conn *c)
{
	struct lb_queue *q = c->queue;

	*(c->prev != NULL ? &c->prev->next : &q->first) = c->next;
	*(c->next != NULL ? &c->next->prev : &q->last) = c->prev;
	c->queue = NULL;
}

static void requeue(struct lb_queue *q, struct lb_conn *c, uint64_t due)
{
	if (c->queue != NULL)
		lb_queue_remove(c);
	lb_queue_add(q, c, due);
}

/* A FIN, or a reset, which nobody takes for a proper end. */
static void close_side(int fd, bool reset)
{
	struct linger none = { .l_onoff = 1 };

	if (fd < 0)
		return;
	if (reset)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	close(fd);
}

static _Atomic uint64_t *counter_of(struct lb_ring *ring, enum end how)
{
	switch (how) {
	case END_DONE:
		return &ring->done;
	case END_CLIENT_RESET:
		return &ring->reset;
	case END_BROKEN:
		return &ring->broken;
	case END_REFUSED:
		return &ring->refused;
	case END_LIMIT:
		return &ring->refused_limit;
	case END_IDLE:
		return &ring->idle;
	default:
		return &ring->stopped;
	}
}

static void add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void record(struct lb_loop *loop, const struct lb_conn *c, enum end how)
{
	struct lb_log_line line = {
		.client = &c->client,
		.backend = c->backend >= 0 ? loop->config->backends[c->backend].text : "-",
		.how = end_names[how],
		.up = c->up.bytes,
		.down = c->down.bytes,
		.ns = loop->now - c->start,
	};

	lb_log_add(&loop->log, &line, loop->now, loop->real);
	add(counter_of(loop->ring, how), 1);
}

static void end(struct lb_loop *loop, struct lb_conn *c, enum end how)
{
	assert(!c->ended);
	c->ended = true;
	for (int side = LB_CLIENT; side <= LB_BACKEND; side++)
		close_side(c->fd[side], how != END_DONE);
	lb_flow_done(&c->up, &loop->io);
	lb_flow_done(&c->down, &loop->io);
	record(loop, c, how);
	if (how == END_BROKEN)
		add(&loop->ring->backends[c->backend].broken, 1);
	add(&loop->ring->open, (uint64_t)-1);
	add(loop->worker_open, (uint64_t)-1);
	if (c->queue != NULL)
		lb_queue_remove(c);
	loop->n_conns--;
	c->next = loop->over;
	loop->over = c;
}

/* Does it not fail for a reason that is ours, not the backend's? */
static bool is_theirs(int error)
{
	return error != EADDRNOTAVAIL && error != EMFILE && error != ENFILE && error != ENOBUFS &&
	       error != ENOMEM;
}

/* The address in use failed; the next one of this name follows, or another backend. */
static void give_up_address(struct lb_loop *loop, struct lb_conn *c, int error)
{
	const struct lb_backend *b = &loop->config->backends[c->backend];

	if (c->fd[LB_BACKEND] >= 0)
		close(c->fd[LB_BACKEND]);
	c->fd[LB_BACKEND] = -1;
	c->address = (c->address + 1) % b->n_addresses;
	if (++c->n_failed < b->n_addresses)
		return;
	if (is_theirs(error))
		lb_ring_failed(loop->ring, (unsigned)c->backend, loop->now, loop->config->retry_ns);
	c->tried |= UINT64_C(1) << c->backend;
	c->backend = -1;
}

static bool choose_backend(struct lb_loop *loop, struct lb_conn *c)
{
	c->backend = lb_ring_pick(loop->ring, c->tried, loop->now, loop->config->retry_ns);
	if (c->backend < 0)
		return false;
	c->address = loop->ring->backends[c->backend].address;
	c->n_failed = 0;
	return true;
}

/* Begin to connect; an errno value, or 0. */
static int open_backend(struct lb_loop *loop, struct lb_conn *c)
{
	const union lb_address *a = &loop->config->backends[c->backend].addresses[c->address];
	int fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	c->fd[LB_BACKEND] = fd;
	c->watched[LB_BACKEND] = 0;
	c->opened = loop->batch;
	return connect(fd, &a->sa, lb_address_len(a)) == 0 || errno == EINPROGRESS ? 0 : errno;
}

/* Back to the state of nothing but a client, whose bytes are kept. */
static void reset_backend(struct lb_conn *c)
{
	c->connected = false;
	c->up.open = c->up.ended = false;
	c->up.nagle = true;
	c->down = (struct lb_flow){ .open = true };
}

/* Find the next backend; false when none is left, and the connection has ended. */
static bool connect_next(struct lb_loop *loop, struct lb_conn *c)
{
	reset_backend(c);
	while (c->backend >= 0 || choose_backend(loop, c)) {
		int error = open_backend(loop, c);

		if (error == 0) {
			requeue(&loop->connecting, c, loop->now + loop->config->connect_timeout_ns);
			return true;
		}
		give_up_address(loop, c, error);
	}
	end(loop, c, END_REFUSED);
	return false;
}

static void set_established(struct lb_loop *loop, struct lb_conn *c)
{
	c->connected = c->up.open = true;
	loop->ring->backends[c->backend].address = c->address;
	lb_ring_worked(loop->ring, (unsigned)c->backend);
	requeue(&loop->established, c, loop->now + loop->config->idle_ns);
}

static void have_turn_later(struct lb_loop *loop, struct lb_conn *c)
{
	if (c->has_more)
		return;
	c->has_more = true;
	c->more = loop->more;
	loop->more = c;
}

static void run_up(struct lb_loop *loop, struct lb_conn *c);

/* Nothing has passed in either direction: another backend can do it as well. */
static bool can_move(const struct lb_conn *c)
{
	return c->up.bytes == 0 && c->down.bytes == 0 && !lb_flow_is_blocked(&c->down);
}

static void move(struct lb_loop *loop, struct lb_conn *c, int error)
{
	give_up_address(loop, c, error);
	if (connect_next(loop, c) && lb_flow_is_blocked(&c->up))
		run_up(loop, c);
}

static void run_down(struct lb_loop *loop, struct lb_conn *c)
{
	struct lb_flow *f = &c->down;
	uint64_t before = f->bytes;
	enum lb_pump r = lb_flow_pump(f, c->fd[LB_BACKEND], c->fd[LB_CLIENT], &loop->io);

	if (f->bytes != before)
		add(&loop->ring->backends[c->backend].down, f->bytes - before);
	if (r == LB_PUMP_WRITE_FAILED)
		end(loop, c, END_CLIENT_RESET);
	else if (r == LB_PUMP_READ_FAILED && can_move(c))
		move(loop, c, ECONNRESET);
	else if (r == LB_PUMP_READ_FAILED)
		end(loop, c, END_BROKEN);
	else if (r == LB_PUMP_MORE)
		have_turn_later(loop, c);
	else if (c->reset_in && f->ended_in && !lb_flow_is_blocked(f))
		end(loop, c, END_BROKEN);
	else if (f->ended && c->up.ended)
		end(loop, c, END_DONE);
}

/*
 * The backend takes no more. What it said before goes to the client; its end
 * is not passed on as a proper one, even if the kernel has told the error
 * here and tells the reader of nothing but an end.
 */
static void lose_backend(struct lb_loop *loop, struct lb_conn *c)
{
	if (can_move(c)) {
		move(loop, c, ECONNRESET);
		return;
	}
	lb_flow_done(&c->up, &loop->io);
	c->up.ended = c->reset_in = true;
	c->down.open = false;
	c->down.hung_up = true;
	if (c->down.ended)
		end(loop, c, END_BROKEN);
	else
		run_down(loop, c);
}

static void run_up(struct lb_loop *loop, struct lb_conn *c)
{
	struct lb_flow *f = &c->up;
	uint64_t before = f->bytes;
	enum lb_pump r = lb_flow_pump(f, c->fd[LB_CLIENT], c->fd[LB_BACKEND], &loop->io);

	if (f->bytes != before) {
		add(&loop->ring->backends[c->backend].up, f->bytes - before);
		if (!c->connected) {
			/* Bytes go through before the event says so. */
			set_established(loop, c);
			if (r == LB_PUMP_WAIT && f->ended_in)
				r = lb_flow_pump(f, c->fd[LB_CLIENT], c->fd[LB_BACKEND], &loop->io);
		}
	}
	if (r == LB_PUMP_READ_FAILED)
		end(loop, c, END_CLIENT_RESET);
	else if (r == LB_PUMP_WRITE_FAILED)
		lose_backend(loop, c);
	else if (r == LB_PUMP_MORE)
		have_turn_later(loop, c);
	else if (f->ended && c->down.ended)
		end(loop, c, END_DONE);
}

/* To be told when a socket takes bytes is asked for only where it once took none. */
static void watch(struct lb_loop *loop, struct lb_conn *c, enum lb_side side)
{
	const struct lb_flow *into = side == LB_CLIENT ? &c->down : &c->up;
	bool out = lb_flow_is_blocked(into) || (side == LB_BACKEND && !c->connected);
	uint32_t events = EPOLLIN | EPOLLRDHUP | EPOLLET | (out ? EPOLLOUT : 0);
	struct epoll_event e = { .events = events, .data.u64 = (uintptr_t)c | side };

	if (c->watched[side] != 0 && (!out || (c->watched[side] & EPOLLOUT) != 0))
		return;
	if (epoll_ctl(loop->epoll_fd, c->watched[side] == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		      c->fd[side], &e) != 0)
		end(loop, c, END_STOPPED); /* no memory, or fs.epoll.max_user_watches */
	c->watched[side] = events;
}

static void watch_both(struct lb_loop *loop, struct lb_conn *c)
{
	if (!c->ended)
		watch(loop, c, LB_BACKEND);
	if (!c->ended)
		watch(loop, c, LB_CLIENT);
}

void lb_conn_start(struct lb_loop *loop, int fd, const union lb_address *client)
{
	struct lb_conn *c = scope_alloc(1, sizeof(*c));

	c->fd[LB_CLIENT] = fd;
	c->fd[LB_BACKEND] = c->backend = -1;
	c->client = *client;
	c->start = loop->now;
	loop->n_conns++;
	if (!connect_next(loop, c))
		return;
	/* The client mostly has said something by now, and a near backend has answered. */
	run_up(loop, c);
	watch_both(loop, c);
}

void lb_conn_refuse(struct lb_loop *loop, int fd, const union lb_address *client)
{
	struct lb_conn c = { .client = *client, .backend = -1, .start = loop->now };

	close_side(fd, true);
	record(loop, &c, END_LIMIT);
}

static void client_event(struct lb_loop *loop, struct lb_conn *c, uint32_t events)
{
	if ((events & EPOLLERR) != 0) {
		end(loop, c, END_CLIENT_RESET);
		return;
	}
	if ((events & EPOLLRDHUP) != 0)
		c->up.hung_up = true;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0)
		run_up(loop, c);
	if ((events & EPOLLOUT) != 0 && !c->ended && c->connected)
		run_down(loop, c);
}

static void connecting_event(struct lb_loop *loop, struct lb_conn *c, uint32_t events)
{
	if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
		move(loop, c, ECONNREFUSED);
		return;
	}
	set_established(loop, c);
	run_up(loop, c);
	if (!c->ended && c->connected)
		run_down(loop, c);
}

static void backend_event(struct lb_loop *loop, struct lb_conn *c, uint32_t events)
{
	if (!c->connected) {
		connecting_event(loop, c, events);
		return;
	}
	if ((events & EPOLLRDHUP) != 0)
		c->down.hung_up = true;
	if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		run_down(loop, c);
	if ((events & (EPOLLOUT | EPOLLERR)) != 0 && !c->ended && c->connected)
		run_up(loop, c);
}

static void touch(struct lb_loop *loop, struct lb_conn *c)
{
	if (c->connected && loop->config->idle_ns != 0)
		requeue(&loop->established, c, loop->now + loop->config->idle_ns);
}

void lb_conn_event(struct lb_loop *loop, struct lb_conn *c, enum lb_side side, uint32_t events)
{
	/* An event of the backend's socket that was there before this one. */
	if (c->ended || (side == LB_BACKEND && c->opened == loop->batch))
		return;
	touch(loop, c);
	if (side == LB_CLIENT)
		client_event(loop, c, events);
	else
		backend_event(loop, c, events);
	watch_both(loop, c);
}

void lb_conn_go_on(struct lb_loop *loop, struct lb_conn *c)
{
	touch(loop, c);
	run_up(loop, c);
	if (!c->ended && c->connected)
		run_down(loop, c);
	watch_both(loop, c);
}

void lb_conn_expire(struct lb_loop *loop, struct lb_conn *c)
{
	if (c->connected) {
		end(loop, c, END_IDLE);
		return;
	}
	move(loop, c, ETIMEDOUT);
	watch_both(loop, c);
}

void lb_conn_stop(struct lb_loop *loop, struct lb_conn *c)
{
	end(loop, c, END_STOPPED);
}
