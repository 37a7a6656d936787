/*
 * Opening and closing a capture each wait for an RCU grace period or two (8 to 30 ms) in the
 * kernel: packet_set_ring() and packet_release() call synchronize_net(). Threads that wait at the
 * same time share one, so every tap is opened and closed in a thread of its own, and
 * closing them goes on while the files are merged. Everything between happens in one thread.
 */
#include "capture/recording.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/merge.h"
#include "capture/tap.h"

#define APPLICATION "harness " HARNESS_VERSION
#define MAX_EVENTS  64
#define MAX_THREADS 64

struct recording {
	const struct recorder_config *config;
	int control, epoll;
	struct pcapng_name *names;
	size_t n_names;
	struct tap **taps;  /* as config->captures */
	struct err *errors; /* likewise; empty while there is none */
	bool stopping;
};

/* A thread's share of the captures: every n_threads-th from the first one. */
struct share {
	struct recording *r;
	size_t first, n_threads;
	pthread_t thread;
};

struct shares {
	struct share *s;
	size_t n;
};

void recording_blame(struct capture_evidence *captures, size_t n, const struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(e->msg);

		if (captures[i].complete || captures[i].error[0] != '\0')
			continue;
		if (len >= sizeof(captures[i].error))
			len = sizeof(captures[i].error) - 1;
		memcpy(captures[i].error, e->msg, len);
		captures[i].error[len] = '\0';
	}
}

static _Noreturn void fail(const struct recording *r, const struct err *e)
{
	struct recording_report report = { .failed = true, .error = *e };

	recording_blame(r->config->captures, r->config->n_captures, e);
	/* A parent that is gone does not care. */
	(void)send(r->control, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(1);
}

static void name_add(struct recording *r, const struct address *a, const char *name, size_t *room)
{
	struct pcapng_name *n = array_add(&r->names, &r->n_names, room, sizeof(*n));

	n->family = a->family;
	n->name = name;
	if (a->family == AF_INET6)
		memcpy(n->address, &a->v6, sizeof(a->v6));
	else
		memcpy(n->address, &a->v4, sizeof(a->v4));
}

static void collect_names(struct recording *r)
{
	const struct topology *t = r->config->topology;
	size_t room = 0;

	for (size_t n = 0; n < t->n_nodes; n++)
		for (size_t i = 0; i < t->nodes[n].n_interfaces; i++)
			for (size_t a = 0; a < t->nodes[n].interfaces[i].n_addresses; a++)
				name_add(r, &t->nodes[n].interfaces[i].addresses[a],
					 t->nodes[n].name, &room);
}

static void *open_share(void *arg)
{
	const struct share *s = arg;
	struct recording *r = s->r;

	for (size_t i = s->first; i < r->config->n_captures; i += s->n_threads) {
		struct capture_evidence *evidence = &r->config->captures[i];
		struct tap_config config = {
			.topology = r->config->topology,
			.netns = evidence->far ? r->config->network_netns
					       : r->config->netns[evidence->node],
			.evidence = evidence,
			.application = APPLICATION,
			.comment = r->config->comment,
			.names = r->names,
			.n_names = r->n_names,
		};

		if (tap_open(&config, &r->taps[i], &r->errors[i]) != 0)
			break;
	}
	return NULL;
}

static void *close_share(void *arg)
{
	const struct share *s = arg;

	for (size_t i = s->first; i < s->r->config->n_captures; i += s->n_threads)
		tap_close(s->r->taps[i]);
	return NULL;
}

static void start_threads(struct recording *r, void *run(void *), struct shares *ret_shares)
{
	size_t n = r->config->n_captures < MAX_THREADS ? r->config->n_captures : MAX_THREADS;
	struct share *s = array_new(n, sizeof(*s));

	for (size_t i = 0; i < n; i++) {
		struct err e;

		s[i] = (struct share){ .r = r, .first = i, .n_threads = n };

		int num = pthread_create(&s[i].thread, NULL, run, &s[i]);

		if (num != 0) {
			err_set(&e, num, "start a thread of the recorder");
			fail(r, &e);
		}
	}
	*ret_shares = (struct shares){ s, n };
}

static void join_threads(struct shares *shares)
{
	for (size_t i = 0; i < shares->n; i++)
		pthread_join(shares->s[i].thread, NULL);
	free(shares->s);
}

static void watch(struct recording *r, int fd, size_t number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };
	struct err e;

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return;
	err_set(&e, errno, "watch captures");
	fail(r, &e);
}

static void open_taps(struct recording *r)
{
	struct shares shares;

	start_threads(r, open_share, &shares);
	join_threads(&shares);
	for (size_t i = 0; i < r->config->n_captures; i++)
		if (r->errors[i].msg[0] != '\0')
			fail(r, &r->errors[i]);
	for (size_t i = 0; i < r->config->n_captures; i++)
		watch(r, tap_fd(r->taps[i]), i);
}

static size_t read_tap(struct recording *r, size_t i, bool *ret_drained)
{
	struct err e;
	size_t n;

	if (tap_read(r->taps[i], &n, &e) != 0 || tap_count(r->taps[i], ret_drained, &e) != 0)
		fail(r, &e);
	return n;
}

static void read_control(struct recording *r)
{
	char byte;

	if (recv(r->control, &byte, 1, MSG_DONTWAIT) <= 0)
		_exit(1);
	r->stopping = true;
}

static void record(struct recording *r)
{
	struct epoll_event events[MAX_EVENTS];
	bool drained;

	while (!r->stopping) {
		int n = epoll_wait(r->epoll, events, MAX_EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.u64 == r->config->n_captures)
				read_control(r);
			else
				read_tap(r, events[i].data.u64, &drained);
		}
	}
}

/* Read what there is; true when that was all that the kernel kept. */
static bool read_all(struct recording *r, size_t *ret_n)
{
	bool all = true;

	*ret_n = 0;
	for (size_t i = 0; i < r->config->n_captures; i++) {
		bool drained = false;

		*ret_n += read_tap(r, i, &drained);
		all = all && drained;
	}
	return all;
}

static void fail_undrained(struct recording *r)
{
	for (size_t i = 0; i < r->config->n_captures; i++) {
		const struct capture_evidence *c = &r->config->captures[i];
		bool drained = false;
		struct err e;

		read_tap(r, i, &drained);
		if (drained)
			continue;
		err_set(&e, 0, "capture %s: packets were still waiting to be read at the deadline",
			c->name);
		fail(r, &e);
	}
}

/*
 * Until as many packets were read as the kernel kept. What came before the filter was set is kept
 * and never handed out, so the count may never be reached: then a silence that no packet can
 * outlast inside the kernel's ring will do.
 */
static void drain(struct recording *r)
{
	uint64_t now = clock_ns();
	uint64_t deadline = now + r->config->stop_deadline_ns / 2;
	uint64_t silent_since = now;
	size_t n;

	while (!read_all(r, &n)) {
		struct epoll_event event;

		now = clock_ns();
		if (n > 0)
			silent_since = now;
		if (r->config->topology->capture.filter != NULL &&
		    now - silent_since > 4 * TAP_DELAY_NS)
			return;
		if (now > deadline)
			fail_undrained(r);
		if (epoll_wait(r->epoll, &event, 1, (int)(TAP_DELAY_NS / NS_PER_MS)) == 1 &&
		    event.data.u64 == r->config->n_captures)
			read_control(r);
	}
}

static void finish_taps(struct recording *r)
{
	for (size_t i = 0; i < r->config->n_captures; i++) {
		struct err e;

		if (tap_finish(r->taps[i], &e) != 0)
			fail(r, &e);
		r->config->captures[i].complete = true;
	}
}

/* Before the last packets are read: then whatever an interface counts was captured. */
static void count_interfaces(struct recording *r)
{
	for (size_t i = 0; i < r->config->n_captures; i++) {
		struct err e;

		if (tap_count_interface(r->taps[i], &e) != 0)
			fail(r, &e);
	}
}

/* Under one name for people and ps(1), ahead of the programs it captures, and never behind. */
static void prepare_process(const struct recording *r)
{
	struct err e;

	prctl(PR_SET_NAME, "recorder");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Without privilege, at the priority that everybody has. */
	(void)setpriority(PRIO_PROCESS, 0, -20);
	if (chdir(r->config->folder) != 0) {
		err_set(&e, errno, "enter folder %s", r->config->folder);
		fail(r, &e);
	}
}

/*
 * The engine closed its log before the recorder was told to stop. Without one the merged capture
 * lacks comments and nothing else; the ledger will say what is wrong with it.
 */
static struct remarks *read_log(const struct recording *r)
{
	const struct evidence *ev = r->config->evidence;
	struct remarks *remarks = NULL;
	struct err ignored;

	if (ev != NULL && ev->n_links != 0 && ev->wire.log[0] != '\0' &&
	    remarks_new(r->config->topology, ev, ev->wire.log, &remarks, &ignored) != 0)
		return NULL;
	return remarks;
}

static void merge(const struct recording *r)
{
	size_t n = r->config->n_captures;
	cleanup_by(remarks_freep) struct remarks *remarks = read_log(r);
	struct merge_input *inputs = array_new(n, sizeof(*inputs));
	struct merge m = {
		.inputs = inputs,
		.n_inputs = n,
		.application = APPLICATION,
		.comment = r->config->comment,
		.names = r->names,
		.n_names = r->n_names,
		.remarks = remarks,
	};
	struct err e;

	for (size_t i = 0; i < n; i++)
		inputs[i] = tap_merge_input(r->taps[i]);
	if (merge_captures(&m, r->config->merged, &e) != 0)
		fail(r, &e);
	free(inputs);
}

static void report_success(const struct recording *r)
{
	struct recording_report report = { .failed = false };

	if (send(r->control, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		_exit(1);
}

_Noreturn void recording_run(const struct recorder_config *config, int control)
{
	struct recording r = {
		.config = config,
		.control = control,
		.epoll = epoll_create1(EPOLL_CLOEXEC),
		.taps = array_new(config->n_captures, sizeof(struct tap *)),
		.errors = array_new(config->n_captures, sizeof(struct err)),
	};
	struct shares closing;

	prepare_process(&r);
	collect_names(&r);
	open_taps(&r);
	watch(&r, control, config->n_captures);
	report_success(&r);
	record(&r);
	count_interfaces(&r);
	drain(&r);
	finish_taps(&r);
	start_threads(&r, close_share, &closing);
	merge(&r);
	report_success(&r);
	join_threads(&closing);
	_exit(0);
}
