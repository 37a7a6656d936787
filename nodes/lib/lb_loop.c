#include "lb_loop.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

#include "door.h"
#include "scope.h"

#define EVENTS	     512
#define ACCEPTS	     64 /* at a time, before others have their turn */
#define SPARE_FDS    32 /* descriptors that are not of connections: our own, inherited ones */
#define FDS_PER_CONN 2
#define PIPES_MAX    1024	       /* of 64 KiB each: 64 MiB of the kernel's memory */
#define PAUSE_NS     (100 * NS_PER_MS) /* after which descriptors are asked for again */

uint64_t lb_loop_raise_descriptors(void)
{
	struct rlimit limit = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur;
}

/* Accepting, and not. */

static void listen_again(struct lb_loop *loop)
{
	/* One process is woken for a connection, not all. */
	struct epoll_event e = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = NULL };

	loop->resume_at = UINT64_MAX;
	loop->listening = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->listen_fd, &e) == 0;
	if (!loop->listening)
		loop->resume_at = loop->now + PAUSE_NS;
}

static void listen_no_more(struct lb_loop *loop)
{
	if (loop->listening)
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, loop->listen_fd, NULL);
	loop->listening = false;
	loop->resume_at = UINT64_MAX;
}

/* Out of descriptors: who waits does so in the kernel's queue, not in a loop of ours. */
static void pause_listening(struct lb_loop *loop)
{
	if (!loop->was_short)
		fprintf(stderr, "balancer: out of descriptors with %llu connections; others wait\n",
			(unsigned long long)loop->n_conns);
	loop->was_short = true;
	listen_no_more(loop);
	loop->resume_at = loop->now + PAUSE_NS;
}

/* Room for a connection, if need be where unused pipes were. */
static bool has_room(struct lb_loop *loop)
{
	uint64_t fds = FDS_PER_CONN * loop->n_conns + 2 * loop->io.pipes.n;

	if (fds + FDS_PER_CONN <= loop->max_conns * FDS_PER_CONN)
		return true;
	return loop->n_conns < loop->max_conns && lb_pipes_trim(&loop->io.pipes);
}

static void welcome(struct lb_loop *loop, int fd, const union lb_address *client)
{
	uint64_t open = atomic_fetch_add(&loop->ring->open, 1), limit = loop->config->limit;

	if (limit != 0 && open >= limit) {
		loop->ring->open--;
		lb_conn_refuse(loop, fd, client);
		return;
	}
	loop->ring->accepted++;
	(*loop->worker_open)++;
	lb_conn_start(loop, fd, client);
}

/* False when there is nobody left, or no room. */
static bool accept_one(struct lb_loop *loop)
{
	union lb_address client;
	socklen_t len = sizeof(client);

	if (!has_room(loop)) {
		pause_listening(loop);
		return false;
	}

	int fd = accept4(loop->listen_fd, &client.sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		welcome(loop, fd, &client);
		return true;
	}
	if ((errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) &&
	    !lb_pipes_trim(&loop->io.pipes))
		pause_listening(loop);
	/* Nobody, or a client who has gone: when there are others, epoll_wait(2) says so again. */
	return false;
}

static void accept_some(struct lb_loop *loop)
{
	for (unsigned i = 0; i < ACCEPTS && accept_one(loop); i++)
		;
}

/* Stopping. */

/* Who has been let in by the kernel is served, who comes later is refused at once. */
static void close_door(struct lb_loop *loop)
{
	while (loop->listening && accept_one(loop))
		;
	listen_no_more(loop);
	shutdown(loop->listen_fd, SHUT_RD); /* for all processes that share it */
	loop->door_end = UINT64_MAX;
}

static void stop(struct lb_loop *loop, enum lb_stop how)
{
	if (how <= loop->stop)
		return;
	if (loop->stop == LB_STOP_NOT) {
		door_shut(loop->listen_fd);
		loop->door_end = loop->now + DOOR_NS;
		loop->grace_end = loop->now + loop->config->grace_ns;
	}
	if (how == LB_STOP_NOW)
		close_door(loop);
	loop->stop = how;
}

static void end_queue(struct lb_loop *loop, struct lb_queue *q)
{
	while (q->first != NULL)
		lb_conn_stop(loop, q->first);
}

/*
 * SIGUSR2 is for workers: the process that started them has written down what
 * they should do, or has died.
 */
static void obey(struct lb_loop *loop)
{
	int what = atomic_load(&loop->ring->stop);

	stop(loop, what != LB_STOP_NOT ? (enum lb_stop)what : LB_STOP_NOW);
}

static void read_signals(struct lb_loop *loop)
{
	struct signalfd_siginfo s;

	while (read(loop->signal_fd, &s, sizeof(s)) == (ssize_t)sizeof(s)) {
		if (s.ssi_signo == SIGUSR1) {
			lb_log_flush(&loop->log);
			lb_loop_print_counters(loop->config, loop->ring);
		} else if (s.ssi_signo == SIGUSR2) {
			obey(loop);
		} else {
			stop(loop, loop->stop + 1);
		}
	}
}

/* The loop. */

static void free_over(struct lb_loop *loop)
{
	struct lb_conn *c = loop->over;

	loop->over = NULL;
	while (c != NULL) {
		struct lb_conn *next = c->next;

		/* On the other list, too: it is off that one before the next time. */
		if (c->has_more) {
			c->next = loop->over;
			loop->over = c;
		} else {
			free(c);
		}
		c = next;
	}
}

static void go_on(struct lb_loop *loop)
{
	struct lb_conn *c = loop->more;

	loop->more = NULL;
	while (c != NULL) {
		struct lb_conn *next = c->more;

		c->has_more = false;
		if (!c->ended)
			lb_conn_go_on(loop, c);
		c = next;
	}
}

static void expire(struct lb_loop *loop)
{
	struct lb_queue *established = &loop->established;

	while (loop->connecting.first != NULL && loop->connecting.first->due <= loop->now)
		lb_conn_expire(loop, loop->connecting.first);
	while (loop->config->idle_ns != 0 && established->first != NULL &&
	       established->first->due <= loop->now)
		lb_conn_expire(loop, established->first);
	if (loop->stop == LB_STOP_GRACEFUL && loop->grace_end <= loop->now)
		loop->stop = LB_STOP_NOW;
	if (loop->resume_at <= loop->now)
		listen_again(loop);
	if (loop->door_end <= loop->now)
		close_door(loop);
	if (lb_log_due(&loop->log) <= loop->now)
		lb_log_flush(&loop->log);
}

/* Milliseconds for epoll_wait(2), rounded up; -1: nothing is due. */
static int time_left(const struct lb_loop *loop)
{
	uint64_t due = time_earlier(lb_log_due(&loop->log),
				    time_earlier(loop->resume_at, loop->door_end));

	if (loop->more != NULL)
		return 0;
	if (loop->connecting.first != NULL)
		due = time_earlier(due, loop->connecting.first->due);
	if (loop->config->idle_ns != 0 && loop->established.first != NULL)
		due = time_earlier(due, loop->established.first->due);
	if (loop->stop == LB_STOP_GRACEFUL)
		due = time_earlier(due, loop->grace_end);
	if (due == UINT64_MAX)
		return -1;
	if (due <= loop->now)
		return 0;

	uint64_t ms = (due - loop->now + NS_PER_MS - 1) / NS_PER_MS;

	return ms < 1000000 ? (int)ms : 1000000;
}

static void handle(struct lb_loop *loop, const struct epoll_event *e)
{
	if (e->data.ptr == NULL)
		accept_some(loop);
	else if (e->data.ptr == &loop->signal_fd)
		read_signals(loop);
	else
		lb_conn_event(loop, (struct lb_conn *)(uintptr_t)(e->data.u64 & ~UINT64_C(1)),
			      (enum lb_side)(e->data.u64 & 1), e->events);
}

static int turn(struct lb_loop *loop, struct fail *f)
{
	struct epoll_event events[EVENTS];
	uint64_t conns = loop->n_conns;
	int n = epoll_wait(loop->epoll_fd, events, EVENTS, time_left(loop));

	if (n < 0 && errno != EINTR)
		return fail_set(f, errno, "wait for events");
	loop->now = time_now();
	loop->real = time_real();
	loop->batch++;
	for (int i = 0; i < n; i++)
		handle(loop, &events[i]);
	go_on(loop);
	expire(loop);
	free_over(loop);
	/* A place is free: no need to wait for the clock. */
	if (loop->n_conns < conns && loop->resume_at != UINT64_MAX)
		listen_again(loop);
	return 0;
}

static int open_signals(struct lb_loop *loop, const sigset_t *signals, struct fail *f)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = &loop->signal_fd };

	loop->signal_fd = signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signal_fd < 0 ||
	    epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->signal_fd, &e) != 0)
		return fail_set(f, errno, "watch for signals");
	return 0;
}

static bool has_work(const struct lb_loop *loop)
{
	return loop->stop == LB_STOP_NOT || (loop->stop == LB_STOP_GRACEFUL &&
					     (loop->n_conns != 0 || loop->door_end != UINT64_MAX));
}

static int open_loop(struct lb_loop *loop, const sigset_t *signals, struct fail *f)
{
	uint64_t fds = lb_loop_raise_descriptors();
	uint64_t max = fds > SPARE_FDS ? (fds - SPARE_FDS) / FDS_PER_CONN : 0;

	if (max == 0)
		return fail_set(f, 0, "%llu descriptors are not enough (see ulimit -n)",
				(unsigned long long)fds);
	loop->max_conns = max;
	lb_pipes_init(&loop->io.pipes, (unsigned)time_earlier(PIPES_MAX, max / 8));
	loop->now = time_now();
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return fail_set(f, errno, "epoll_create1");
	if (open_signals(loop, signals, f) != 0)
		return -1;
	listen_again(loop);
	return 0;
}

static void close_loop(struct lb_loop *loop)
{
	end_queue(loop, &loop->connecting);
	end_queue(loop, &loop->established);
	go_on(loop);
	free_over(loop);
	lb_pipes_done(&loop->io.pipes);
	if (loop->signal_fd >= 0)
		close(loop->signal_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
}

int lb_loop_run(const struct lb_config *config, struct lb_ring *ring, unsigned worker,
		int listen_fd, const sigset_t *signals, struct fail *f)
{
	scope_free struct lb_loop *loop = scope_alloc(1, sizeof(*loop));
	int r;

	loop->config = config;
	loop->ring = ring;
	loop->worker_open = &ring->worker_open[worker];
	loop->epoll_fd = loop->signal_fd = -1;
	loop->door_end = UINT64_MAX;
	loop->listen_fd = listen_fd;
	lb_log_init(&loop->log, config->quiet ? -1 : STDOUT_FILENO);
	r = open_loop(loop, signals, f);
	while (r == 0 && has_work(loop))
		r = turn(loop, f);
	loop->now = time_now();
	loop->real = time_real();
	close_loop(loop);
	if (lb_log_flush(&loop->log) != 0 && r == 0)
		r = fail_set(f, 0, "the log could not be written");
	return r;
}

void lb_loop_print_counters(const struct lb_config *config, struct lb_ring *ring)
{
	printf("counters accepted %llu open %llu done %llu client-reset %llu broken %llu "
	       "no-backend %llu limit %llu idle %llu stopped %llu\n",
	       (unsigned long long)ring->accepted, (unsigned long long)ring->open,
	       (unsigned long long)ring->done, (unsigned long long)ring->reset,
	       (unsigned long long)ring->broken, (unsigned long long)ring->refused,
	       (unsigned long long)ring->refused_limit, (unsigned long long)ring->idle,
	       (unsigned long long)ring->stopped);
	for (unsigned i = 0; i < ring->n_backends; i++) {
		struct lb_backend_state *b = &ring->backends[i];

		printf("backend %s connections %llu failures %llu broken %llu up %llu down %llu\n",
		       config->backends[i].text, (unsigned long long)b->connections,
		       (unsigned long long)b->failures, (unsigned long long)b->broken,
		       (unsigned long long)b->up, (unsigned long long)b->down);
	}
	fflush(stdout);
}
