/*
 * Reliable transfers over real sockets: one epoll loop drives the state machines
 * (sender.h) of any number of transfers. A worker with one transfer runs the
 * same loop with one channel.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>

#include "job.h"
#include "name.h"
#include "scope.h"
#include "sender.h"
#include "source.h"
#include "udp.h"

#define TRIES_MAX   3	 /* attempts with a smaller chunk each, as the path's MTU becomes known */
#define EVENTS_MAX  64	 /* of one epoll_wait() */
#define ANSWERS_MAX 16	 /* of one recvmmsg() */
#define ANSWER_SIZE 2048 /* bytes; STATUS is the longest */
#define TAG_STOP    UINT64_MAX
#define TAG_TIMER   (UINT64_MAX - 1)

/* One transfer under way. */
struct channel {
	struct job *job;
	size_t index; /* in the plan */
	struct source source;
	struct sender *sender;
	int fd;
	size_t datagram_max; /* bytes */
	bool gso;
	unsigned tries;
	bool smaller; /* the path's MTU shrank: try again */
	uint64_t wake;
};

struct loop {
	const struct plan *plan;
	int epoll, timer;
	struct channel **channels;
	size_t n, most;
	uint64_t rate_bps; /* of one channel */
	struct udp_outbox outbox;
	struct udp_inbox *inbox;
	job_listener *notify;
	void *ctx;
	bool stopping;
};

static int read_source(void *ctx, uint64_t offset, void *buf, size_t len, struct fail *f)
{
	return source_read(ctx, offset, buf, len, f);
}

/* Everything but DATA fits the smallest chunk. */
static uint32_t chunk_for(unsigned mtu, const struct peer *to)
{
	unsigned headers = (peer_is_ipv4(to) ? 28 : 48) + PROTOCOL_HEADER_LENGTH;

	if (mtu < headers + PROTOCOL_CHUNK_MIN)
		return PROTOCOL_CHUNK_MIN;
	return mtu - headers < PROTOCOL_CHUNK_MAX ? mtu - headers : PROTOCOL_CHUNK_MAX;
}

/* A socket and a state machine for this attempt. */
static int connect_channel(struct loop *l, struct channel *c, struct fail *f)
{
	unsigned mtu;
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (udp_connect(&c->job->to, c->job->source_port, &c->fd, &mtu,
			&c->job->result->source_port, f) != 0)
		return -1;

	struct sender_config config = {
		.name = c->job->name,
		.size = c->source.size,
		.chunk = chunk_for(mtu, &c->job->to),
		.rate_bps = l->rate_bps,
		.patience_ns = l->plan->patience_ns,
		.overhead = peer_is_ipv4(&c->job->to) ? 28 : 48,
		.read = read_source,
		.ctx = &c->source,
	};

	while (config.transfer == 0)
		if (getrandom(&config.transfer, sizeof(config.transfer), 0) < 0)
			return fail_set(f, errno, "get a random transfer id");
	c->datagram_max = PROTOCOL_HEADER_LENGTH + config.chunk;
	c->wake = 0;
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
		return fail_set(f, errno, "watch a socket");
	return sender_new(&config, time_now(), &c->sender, f);
}

static int open_channel(struct loop *l, struct channel *c, struct fail *f)
{
	const char *wrong = name_check(c->job->name, strlen(c->job->name));

	if (wrong != NULL)
		return fail_set(f, 0, "%s", wrong);
	if (source_open(&c->source, c->job->path, f) != 0)
		return -1;
	c->job->result->size = c->source.size;
	return connect_channel(l, c, f);
}

static void disconnect_channel(struct channel *c)
{
	sender_free(c->sender);
	c->sender = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void keep_result(struct channel *c)
{
	struct job_result *r = c->job->result;
	const struct sender_counts *counts = sender_counts(c->sender);

	r->datagrams += counts->datagrams;
	r->repairs += counts->repairs;
	if (sender_hash(c->sender) != NULL) {
		memcpy(r->hash, sender_hash(c->sender), sizeof(r->hash));
		r->has_hash = true;
	}
}

static void end_channel(struct loop *l, struct channel *c, const char *error)
{
	job_end(c->job, error); /* copies error, which may be the sender's */
	disconnect_channel(c);
	source_close(&c->source);
	l->notify(l->ctx, c->index);
	free(c);
}

static void start(struct loop *l, size_t index)
{
	struct channel *c = scope_alloc(1, sizeof(*c));
	struct fail f;

	*c = (struct channel){
		.job = &l->plan->jobs[index], .index = index, .source.fd = -1, .fd = -1, .gso = true
	};
	job_begin(c->job);
	if (open_channel(l, c, &f) != 0)
		end_channel(l, c, f.msg);
	else
		l->channels[l->n++] = c;
}

static void report_error(struct channel *c, int num, uint64_t now)
{
	if (num == EMSGSIZE)
		c->smaller = true;
	else if (num != 0 && num != EAGAIN && num != ENOBUFS)
		sender_socket_error(c->sender, num, now);
}

/* Send what may be sent, one outbox at most, so that others get their turn. */
static void pump(struct loop *l, struct channel *c)
{
	uint64_t now = time_now();
	uint8_t *slot;
	size_t len = 1;

	while (len > 0 && (slot = udp_outbox_slot(&l->outbox, c->datagram_max)) != NULL) {
		len = sender_poll(c->sender, slot, now);
		if (len > 0)
			udp_outbox_add(&l->outbox, len);
	}
	if (l->outbox.n > 0)
		report_error(c, udp_outbox_send(&l->outbox, c->fd, &c->gso), now);
	c->wake = len > 0 ? 0 : sender_wake(c->sender);
}

/* The path turned out narrower than its first hop: once more with what is known now. */
static int try_again(struct loop *l, struct channel *c, struct fail *f)
{
	c->smaller = false;
	if (++c->tries == TRIES_MAX)
		return fail_set(f, EMSGSIZE, "the path's MTU keeps shrinking");
	sender_abort(c->sender, PROTOCOL_ABORT_CANCELLED, "the path's MTU is smaller");
	pump(l, c);
	c->smaller = false;
	keep_result(c);
	disconnect_channel(c);
	c->gso = true; /* segments that are too long look as if it did not work */
	return connect_channel(l, c, f);
}

/* Let it act. False when it is over and gone. */
static bool step(struct loop *l, struct channel *c)
{
	struct fail f;

	pump(l, c);
	if (c->smaller && !sender_is_over(c->sender) && try_again(l, c, &f) != 0) {
		end_channel(l, c, f.msg);
		return false;
	}
	if (!sender_is_over(c->sender))
		return true;
	keep_result(c);
	end_channel(l, c, sender_state(c->sender) == SENDER_DONE ? NULL : sender_error(c->sender));
	return false;
}

static void handle(void *ctx, const uint8_t *datagram, size_t len, const struct peer *from)
{
	struct channel *c = ctx;
	struct wire_packet p;

	(void)from; /* the socket is connected: nobody else's datagrams come here */
	if (wire_parse(datagram, len, &p) == WIRE_OK)
		sender_receive(c->sender, &p, time_now());
}

static void receive(struct loop *l, struct channel *c, uint32_t events)
{
	int num;

	while ((events & EPOLLERR) != 0 && (num = udp_next_error(c->fd)) != 0)
		report_error(c, num, time_now());
	if (udp_inbox_read(l->inbox, c->fd, handle, c) < 0)
		report_error(c, errno, time_now());
	c->wake = 0;
}

static void abort_all(struct loop *l, uint16_t code, const char *text)
{
	l->stopping = true;
	for (size_t i = 0; i < l->n; i++) {
		sender_abort(l->channels[i]->sender, code, text);
		l->channels[i]->wake = 0;
	}
}

/* Everyone whose time has come acts. Returns when the next one wants to. */
static uint64_t step_all(struct loop *l)
{
	uint64_t now = time_now(), wake = l->plan->deadline_ns;

	if (now >= wake && !l->stopping)
		abort_all(l, PROTOCOL_ABORT_TIMEOUT, "the deadline has passed");
	for (size_t i = 0; i < l->n;) {
		struct channel *c = l->channels[i];

		if (c->wake <= now && !step(l, c)) {
			l->channels[i] = l->channels[--l->n];
			continue;
		}
		wake = time_earlier(wake, c->wake);
		i++;
	}
	return wake;
}

/* Wait for datagrams, the stop signal or the time. A timerfd, for epoll counts milliseconds. */
static void wait_until(struct loop *l, uint64_t wake)
{
	struct epoll_event events[EVENTS_MAX];
	struct itimerspec at = { .it_value = { .tv_sec = (time_t)(wake / NS_PER_SEC),
					       .tv_nsec = (long)(wake % NS_PER_SEC) } };
	bool at_once = wake <= time_now();

	if (!at_once && wake != UINT64_MAX)
		timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, NULL);

	int n = epoll_wait(l->epoll, events, EVENTS_MAX, at_once ? 0 : -1);
	bool stop = false;

	for (int i = 0; i < n; i++) {
		uint64_t expired;

		if (events[i].data.u64 == TAG_STOP)
			stop = true;
		else if (events[i].data.u64 == TAG_TIMER)
			(void)!read(l->timer, &expired, sizeof(expired));
		else
			receive(l, events[i].data.ptr, events[i].events);
	}
	if (stop && !l->stopping)
		abort_all(l, PROTOCOL_ABORT_CANCELLED, "stopped by a signal");
}

static void watch(struct loop *l, int fd, uint64_t tag)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = tag };

	if (fd >= 0)
		epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev);
}

static void run(struct loop *l, const size_t *jobs, size_t n)
{
	size_t next = 0;

	while (next < n || l->n > 0) {
		for (; next < n && l->n < l->most && !l->stopping; next++)
			start(l, jobs[next]);
		for (; next < n && l->stopping; next++) {
			job_end(&l->plan->jobs[jobs[next]], "not started");
			l->notify(l->ctx, jobs[next]);
		}

		uint64_t wake = step_all(l);

		if (l->n > 0)
			wait_until(l, wake);
	}
}

void reliable_run(const struct plan *plan, const size_t *jobs, size_t n, int stop_fd,
		  job_listener *notify, void *ctx)
{
	scope_close int epoll = epoll_create1(EPOLL_CLOEXEC);
	scope_close int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	size_t most = job_most_at_once();
	struct loop l = {
		.plan = plan,
		.epoll = epoll,
		.timer = timer,
		.most = n < most ? n : most,
		.rate_bps = plan->rate_bps,
		.inbox = udp_inbox_new(ANSWERS_MAX, ANSWER_SIZE),
		.notify = notify,
		.ctx = ctx,
	};

	if (l.most > 1)
		l.rate_bps = (l.rate_bps + l.most - 1) / l.most;
	l.channels = scope_alloc(l.most, sizeof(*l.channels));
	udp_outbox_init(&l.outbox);
	watch(&l, stop_fd, TAG_STOP);
	watch(&l, timer, TAG_TIMER);
	run(&l, jobs, n);
	udp_outbox_done(&l.outbox);
	udp_inbox_free(l.inbox);
	free(l.channels);
}
