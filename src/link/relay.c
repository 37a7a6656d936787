#include "link/relay.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "link/faults.h"
#include "link/lane.h"
#include "link/ports.h"

#define MAX_FLOWS (1 << 20)
/* Of the machine's memory: for frames that are held, and for the rings of all ports. */
#define HOLD_SHARE  8
#define RINGS_SHARE 16
/* Of one port: 4096 frames of 1514 bytes, which is 10 ms of as many as a veth carries. */
#define RING_MEMORY ((uint64_t)8 << 20)

/* Let go before it is time to read again. */
#define RELEASE_BATCH 256
/*
 * A sleeping thread is back this much later than it wanted, mostly: so it sleeps until so long
 * before a frame is due and looks at the clock from there. But only for a share of the time: when
 * there are so many frames that it would do nothing else, they leave in batches that far apart.
 */
#define SPIN_NS	       (30 * NS_PER_US)
#define SPIN_PERIOD_NS NS_PER_MS
#define SPIN_SHARE     2

/* Of the clocks, to begin with; and by how much they must be further apart to have been set. */
#define FIRST_READINGS 20
#define SET_NS	       (10 * NS_PER_US)

struct relay {
	const struct wire_config *config;
	struct evidence *ev;
	int control, epoll;
	size_t n_links;
	struct ports ports; /* those of link n are 2n, the near one, and 2n + 1 */
	struct lanes lanes;
	struct faults faults;
	bool stopping;
	uint64_t stop_deadline_ns;
	uint64_t spin_period_ns, spun_ns; /* since when, and how long within it */
	uint64_t spun_until_ns;
	uint64_t sure_ns; /* a reading of the clocks that takes longer proves nothing */
};

/* ---- the parent ---- */

static void report(const struct relay *r, const struct relay_report *message)
{
	/* A parent that is gone does not care. */
	(void)send(r->control, message, sizeof(*message), MSG_NOSIGNAL);
}

static _Noreturn void fail(const struct relay *r, const struct err *e)
{
	struct relay_report message = { .kind = RELAY_FAILED, .error = *e };

	report(r, &message);
	_exit(1);
}

static void program_fault(void *arg, size_t fault)
{
	const struct relay *r = arg;
	struct relay_report message = { .kind = RELAY_FAULT, .fault = fault };

	report(r, &message);
}

static void read_control(struct relay *r)
{
	struct relay_order order;
	ssize_t n = recv(r->control, &order, sizeof(order), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof(order))
		_exit(1);
	if (order.kind == RELAY_BEGIN) {
		faults_begin(&r->faults, order.ns);
	} else {
		r->stopping = true;
		r->stop_deadline_ns = clock_ns() + order.ns;
	}
}

/* ---- starting ---- */

static size_t memory_share(size_t share)
{
	return (size_t)sysconf(_SC_PHYS_PAGES) / share * (size_t)sysconf(_SC_PAGESIZE);
}

/* Under one name for people and ps(1), and never alone. */
static void prepare_process(const struct relay *r, pid_t parent)
{
	prctl(PR_SET_NAME, "wire");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	if (r->epoll < 0) {
		struct err e;

		err_set(&e, errno, "watch links");
		fail(r, &e);
	}
}

/*
 * Ahead of everything in the lab when that is allowed, since what it does is over in microseconds,
 * and late otherwise. A real-time thread's timers have no slack; for another one it is set.
 */
static void hurry(struct relay *r)
{
	struct sched_param first = { .sched_priority = 1 };

	prctl(PR_SET_TIMERSLACK, 1);
	r->ev->wire.fifo = sched_setscheduler(0, SCHED_FIFO, &first) == 0;
}

static void watch(struct relay *r, int fd, size_t number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };
	struct err e;

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return;
	err_set(&e, errno, "watch links");
	fail(r, &e);
}

/* A link's kind of ring is that of the worse of its ends. */
static void open_ports(struct relay *r)
{
	size_t n = 2 * r->n_links, memory = memory_share(RINGS_SHARE) / (n != 0 ? n : 1);
	cleanup_free struct port_config *configs = array_new(n, sizeof(*configs));
	struct err e;

	for (size_t i = 0; i < n; i++) {
		const struct wire_link *l = &r->config->links[i / 2];

		configs[i].device = i % 2 == 0 ? l->near : l->far;
		configs[i].memory = memory < RING_MEMORY ? memory : RING_MEMORY;
	}
	if (ports_open(&r->ports, configs, n, r->config->best, &e) != 0)
		fail(r, &e);
	for (size_t i = 0; i < n; i++) {
		struct link_evidence *link = &r->ev->links[i / 2];

		if (i % 2 == 0 || r->ports.kinds[i] > link->ring)
			link->ring = r->ports.kinds[i];
		watch(r, port_fd(r->ports.ports[i]), i);
	}
}

static void set_lane(void *arg, size_t link, enum direction d, const struct impairment *now)
{
	struct relay *r = arg;

	r->lanes.lanes[2 * link + d].now = *now;
}

/*
 * How far CLOCK_REALTIME is from CLOCK_MONOTONIC. They run at one pace, so this changes only when
 * somebody sets a clock. Between the readings the process may have had to wait for a processor.
 */
static uint64_t compare_clocks(uint64_t *ret_took_ns)
{
	uint64_t before = clock_ns(), real = clock_real_ns(), after = clock_ns();

	*ret_took_ns = after - before;
	return real - before - (after - before) / 2;
}

static void compare_clocks_first(struct relay *r)
{
	uint64_t best = UINT64_MAX, took;

	for (int i = 0; i < FIRST_READINGS; i++) {
		uint64_t apart = compare_clocks(&took);

		if (took >= best)
			continue;
		best = took;
		r->lanes.to_real_ns = apart;
	}
	r->sure_ns = 2 * best;
}

static void compare_clocks_again(struct relay *r)
{
	uint64_t took, apart = compare_clocks(&took);

	if (took <= r->sure_ns && apart - r->lanes.to_real_ns + SET_NS > 2 * SET_NS)
		r->lanes.to_real_ns = apart;
}

static void make_lanes(struct relay *r)
{
	struct lanes *s = &r->lanes;

	s->n = 2 * r->n_links;
	s->lanes = array_new(s->n, sizeof(*s->lanes));
	s->flows = flows_new(MAX_FLOWS);
	s->hold = hold_new(memory_share(HOLD_SHARE));
	s->seed = r->config->topology->seed;
	s->snaplen = r->config->topology->capture.snaplen;
	for (size_t i = 0; i < s->n; i++) {
		size_t out = i % 2;

		s->lanes[i] = (struct lane){
			.link = r->ev->links[i / 2].name,
			.number = (uint16_t)(i / 2),
			.direction = out == LINK_OUT ? LINK_OUT : LINK_IN,
			.counts = &r->ev->links[i / 2].directions[i % 2],
			.from = r->ports.ports[i],
			.to = r->ports.ports[i ^ 1],
			.held.owner = &s->lanes[i],
		};
	}
	r->faults = (struct faults){ .topology = r->config->topology,
				     .evidence = r->ev,
				     .set = set_lane,
				     .due = program_fault,
				     .arg = r };
	faults_init(&r->faults);
}

_Static_assert(LINK_OUT == 0 && LINK_IN == 1, "a frame from the near port goes out");

static void open_log(struct relay *r)
{
	cleanup_free char *path = text_format("%s/%s", r->config->folder, r->ev->wire.log);
	struct err e;

	if (log_writer_open(path, &r->lanes.log, &e) != 0)
		fail(r, &e);
}

/* ---- running ---- */

static void read_port(struct relay *r, size_t number)
{
	struct lane *l = &r->lanes.lanes[number];
	struct port_frame frames[PORT_BATCH];
	size_t n = port_receive(l->from, frames);
	uint64_t now = clock_ns();

	compare_clocks_again(r);
	for (size_t i = 0; i < n; i++) {
		bool is_new;
		struct flow *flow = lane_flow(&r->lanes, l, &frames[i], &is_new);

		if (is_new)
			faults_watch(&r->faults, flow);
		if (flow->n_counts > 0)
			faults_count(&r->faults, flow, now);
		lane_take(&r->lanes, l, flow, &frames[i], now);
	}
	port_release(l->from);
}

/* ENETDOWN: a program has set its interface down. It comes once, and frames when it is up again. */
static void clear_error(const struct port *p)
{
	int error;
	socklen_t len = sizeof(error);

	(void)getsockopt(port_fd(p), SOL_SOCKET, SO_ERROR, &error, &len);
}

static bool read_ready(struct relay *r)
{
	struct epoll_event events[PORT_BATCH];
	int n = epoll_wait(r->epoll, events, PORT_BATCH, 0);

	for (int i = 0; i < n; i++) {
		size_t number = events[i].data.u64;

		if (number == r->lanes.n) {
			read_control(r);
			continue;
		}
		if ((events[i].events & EPOLLERR) != 0)
			clear_error(r->ports.ports[number]);
		read_port(r, number);
	}
	return n > 0;
}

/* One pass: what is due by time, what is due to leave, what has come. */
static bool step(struct relay *r)
{
	bool busy = read_ready(r);
	uint64_t now = clock_ns();

	faults_run(&r->faults, now);
	busy = lanes_release(&r->lanes, now, RELEASE_BATCH) > 0 || busy;
	lanes_flush(&r->lanes);
	return busy;
}

/* Each time that is waited for is charged once, when the wait for it begins. */
static bool may_spin(struct relay *r, uint64_t now, uint64_t until)
{
	if (until == r->spun_until_ns)
		return true;
	if (now - r->spin_period_ns > SPIN_PERIOD_NS) {
		r->spin_period_ns = now;
		r->spun_ns = 0;
	}
	if (r->spun_ns + until - now > SPIN_PERIOD_NS / SPIN_SHARE)
		return false;
	r->spun_ns += until - now;
	r->spun_until_ns = until;
	return true;
}

static void sleep_until(struct relay *r, uint64_t until_ns)
{
	struct pollfd ready = { .fd = r->epoll, .events = POLLIN };
	uint64_t now = clock_ns();
	struct timespec timeout;

	if (until_ns <= now)
		return;
	timeout.tv_sec = (time_t)((until_ns - now) / NS_PER_SEC);
	timeout.tv_nsec = (long)((until_ns - now) % NS_PER_SEC);
	(void)ppoll(&ready, 1, until_ns == UINT64_MAX ? NULL : &timeout, NULL);
}

/* Until a frame comes, or the next one is due. */
static void idle(struct relay *r, uint64_t deadline_ns)
{
	uint64_t until = hold_due(r->lanes.hold);
	uint64_t now = clock_ns();

	if (r->faults.next_ns < until)
		until = r->faults.next_ns;
	if (deadline_ns < until)
		until = deadline_ns;
	if (until > now + SPIN_NS && until != UINT64_MAX)
		until -= SPIN_NS;
	else if (until > now && until != UINT64_MAX && !may_spin(r, now, until))
		until = now + SPIN_NS;
	else if (until != UINT64_MAX)
		return;
	sleep_until(r, until);
}

static void carry(struct relay *r)
{
	while (!r->stopping)
		if (!step(r))
			idle(r, UINT64_MAX);
}

/* ---- stopping ---- */

/* What came before it was told to stop is still taken in; what is held may still leave. */
static void let_go(struct relay *r)
{
	while (clock_ns() < r->stop_deadline_ns && read_ready(r))
		lanes_flush(&r->lanes);
	for (size_t i = 0; i < r->lanes.n; i++)
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, port_fd(r->ports.ports[i]), NULL);
	while (hold_due(r->lanes.hold) <= r->stop_deadline_ns && clock_ns() < r->stop_deadline_ns)
		if (!step(r))
			idle(r, r->stop_deadline_ns);
	lanes_give_up(&r->lanes);
	lanes_flush(&r->lanes);
}

static void count_ports(struct relay *r)
{
	for (size_t i = 0; i < r->lanes.n; i++) {
		struct direction_evidence *c = r->lanes.lanes[i].counts;

		c->missed = port_missed(r->lanes.lanes[i].from);
		c->refused = port_refused(r->lanes.lanes[i].to);
		c->left -= c->refused < c->left ? c->refused : c->left;
	}
}

static void finish(struct relay *r)
{
	struct relay_report done = { .kind = RELAY_DONE };
	struct err e;

	let_go(r);
	count_ports(r);
	if (log_writer_close(take_ptr(r->lanes.log), &e) != 0)
		fail(r, &e);
	r->ev->wire.complete = true;
	report(r, &done);
	ports_close(&r->ports);
}

_Noreturn void relay_run(const struct wire_config *config, pid_t parent, int control)
{
	struct relay_report ready = { .kind = RELAY_READY };
	struct relay r = {
		.config = config,
		.ev = config->evidence,
		.control = control,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.n_links = config->evidence->n_links,
	};

	prepare_process(&r, parent);
	open_log(&r);
	open_ports(&r);
	/* Only now: the log's thread is not to be a real-time one. */
	hurry(&r);
	make_lanes(&r);
	compare_clocks_first(&r);
	watch(&r, control, r.lanes.n);
	/* Where that is allowed: what is swapped out makes frames late. */
	(void)mlockall(MCL_CURRENT);
	report(&r, &ready);
	carry(&r);
	finish(&r);
	_exit(0);
}
