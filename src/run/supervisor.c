#include "run/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "capture/recorder.h"
#include "lab/door.h"
#include "lab/lab.h"
#include "run/crew.h"
#include "run/engine.h"
#include "run/visitors.h"

#define DRAIN_DEADLINE_NS (120 * NS_PER_SEC)
/* For the kernel to look at what has arrived: how often it is asked, and how long. */
#define SETTLE_LOOK_NS	   NS_PER_MS
#define SETTLE_DEADLINE_NS (500 * NS_PER_MS)
/* For frames that links hold when no program is left. */
#define ENGINE_DEADLINE_NS NS_PER_SEC

struct supervisor {
	const struct supervised *job;
	struct evidence *ev;
	struct lab *lab;
	struct recorder *recorder;
	struct engine *engine; /* NULL: no link has one */
	struct crew crew;
	int control;
	int signals; /* signalfd(2) of SIGCHLD */
	uint64_t deadline_ns;
	bool told_to_go;
	bool recorder_ended, engine_ended, output_ended;
	struct udp_counters *counters; /* per node, when recording began */
};

static void enter_stage(struct supervisor *s, enum run_stage stage)
{
	__atomic_store_n(&s->ev->stage, stage, __ATOMIC_RELEASE);
}

/* ---- processes ---- */

/* As pid 1 we inherit every orphan of the lab, too. */
static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (s->recorder != NULL && pid == recorder_pid(s->recorder)) {
			recorder_ended(s->recorder, status);
			s->recorder_ended = true;
			continue;
		}
		if (engine_ended(s->engine, pid, status)) {
			s->engine_ended = true;
			continue;
		}
		if (output_ended(s->crew.output, pid, status)) {
			s->output_ended = true;
			continue;
		}
		crew_ended(&s->crew, pid, status);
	}
}

/* A visitor that is gone already needs no answer. */
static void let_in(struct supervisor *s, const struct supervisor_visit *v, int visitor)
{
	struct err ignored;

	if (s->lab != NULL && v->node < s->ev->n_nodes)
		door_hand_out(s->lab, v->node, visitor, &ignored);
}

static void read_control(struct supervisor *s)
{
	struct supervisor_visit message;
	int fds[1] = { -1 };
	size_t n_fds;
	ssize_t n = fdpass_receive(s->control, &message, sizeof(message), fds, 1, &n_fds,
				   MSG_DONTWAIT);
	cleanup_close int visitor = n_fds == 1 ? fds[0] : -1;

	if (n == 0)
		_exit(1); /* the harness is gone, and the kernel is about to tell us */
	if (n == sizeof(message) && message.kind == SUPERVISOR_VISIT[0])
		let_in(s, &message, visitor);
	else if (n > 0 && message.kind == SUPERVISOR_GO[0])
		s->told_to_go = true;
	else if (n > 0)
		s->ev->interrupted = true;
}

static void read_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) > 0)
		continue;
	reap(s);
}

/* Faults of programs that the engine counted datagrams for. */
static void read_engine(struct supervisor *s)
{
	size_t fault;

	while (engine_read_fault(s->engine, &fault) == 1)
		program_faults_fire(&s->crew.faults, fault);
}

/* Wait for something to happen: a process ended, the harness spoke, or this time came. */
static void wait_event(void *arg, uint64_t until_ns)
{
	struct supervisor *s = arg;
	struct pollfd fds[] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = s->control, .events = POLLIN },
		{ .fd = engine_fd(s->engine), .events = POLLIN },
	};
	uint64_t until = clock_earlier(until_ns, clock_earlier(program_faults_next(&s->crew.faults),
							       engine_next(s->engine)));
	uint64_t now = clock_ns();
	uint64_t left = until > now ? until - now : 0;
	struct timespec timeout = { (time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC) };
	int n = ppoll(fds, 3, &timeout, NULL);

	program_faults_act(&s->crew.faults, clock_ns());
	engine_act(s->engine, clock_ns());
	if (n <= 0)
		return;
	if (fds[0].revents != 0)
		read_signals(s);
	if (fds[1].revents != 0)
		read_control(s);
	if (fds[2].revents != 0)
		read_engine(s);
}

/* Whether the run should go no further. */
static bool must_stop(void *arg)
{
	struct supervisor *s = arg;

	if (clock_ns() >= s->deadline_ns)
		s->ev->past_deadline = true;
	return s->ev->interrupted || s->ev->past_deadline || s->recorder_ended || s->engine_ended ||
	       s->output_ended;
}

/* ---- the run ---- */

static int read_counters(struct supervisor *s, struct udp_counters *counters, struct err *e)
{
	for (size_t n = 0; n < s->ev->n_nodes; n++)
		if (lab_read_udp_counters(s->lab, n, &counters[n], e) != 0)
			return -1;
	return 0;
}

/*
 * What links let go last may still wait for a processor that has other things to do. The counters
 * are what they will be when nothing waits and they stand still.
 */
static int settle(struct supervisor *s, struct err *e)
{
	uint64_t deadline = clock_ns() + SETTLE_DEADLINE_NS;
	cleanup_free struct udp_counters *before = array_new(s->ev->n_nodes, sizeof(*before));
	cleanup_free struct udp_counters *now = array_new(s->ev->n_nodes, sizeof(*now));
	uint64_t waiting;

	do {
		size_t size = s->ev->n_nodes * sizeof(*now);

		memcpy(before, now, size);
		wait_event(s, clock_ns() + SETTLE_LOOK_NS);
		if (lab_read_backlog(&waiting, e) != 0 || read_counters(s, now, e) != 0)
			return -1;
		if (waiting == 0 && memcmp(before, now, size) == 0)
			return 0;
	} while (clock_ns() < deadline);
	return 0;
}

static int finish_counters(struct supervisor *s, struct err *e)
{
	cleanup_free struct udp_counters *end = array_new(s->ev->n_nodes, sizeof(*end));

	if (s->engine != NULL && settle(s, e) != 0)
		return -1;
	if (read_counters(s, end, e) != 0)
		return -1;
	for (size_t n = 0; n < s->ev->n_nodes; n++) {
		const struct udp_counters *b = &s->counters[n], *a = &end[n];

		s->ev->nodes[n].counted = true;
		s->ev->nodes[n].udp = (struct udp_counters){
			.in_datagrams = a->in_datagrams - b->in_datagrams,
			.no_ports = a->no_ports - b->no_ports,
			.in_errors = a->in_errors - b->in_errors,
			.rcvbuf_errors = a->rcvbuf_errors - b->rcvbuf_errors,
			.csum_errors = a->csum_errors - b->csum_errors,
			.out_datagrams = a->out_datagrams - b->out_datagrams,
			.sndbuf_errors = a->sndbuf_errors - b->sndbuf_errors,
			.reasm_fails = a->reasm_fails - b->reasm_fails,
			.loopback = a->loopback - b->loopback,
		};
	}
	return 0;
}

static uint64_t held(void *arg)
{
	return engine_held(((struct supervisor *)arg)->engine);
}

static int start_recorder(struct supervisor *s, struct err *e)
{
	struct recorder_config config = {
		.topology = s->job->topology,
		.netns = lab_netns(s->lab),
		.network_netns = lab_network_netns(s->lab),
		.n_captures = s->ev->n_captures,
		.captures = s->ev->captures,
		.evidence = s->ev,
		.folder = s->job->folder,
		.merged = s->ev->merged,
		.comment = s->job->comment,
		.stop_deadline_ns = DRAIN_DEADLINE_NS,
	};

	if (s->ev->n_captures == 0)
		return 0;
	enter_stage(s, STAGE_RECORDER);
	return recorder_start(&config, &s->recorder, e);
}

static int start_engine(struct supervisor *s, struct err *e)
{
	const struct engine_config config = { s->job->topology, s->ev, s->job->folder };

	return engine_start(&config, &s->engine, e);
}

static void tell(const struct supervisor *s, const char *message)
{
	send(s->control, message, 1, MSG_NOSIGNAL);
}

/* The lab waits, recorded, for the run before it to be over. Its deadline counts from here. */
static void await_go(struct supervisor *s)
{
	tell(s, SUPERVISOR_READY);
	while (!s->told_to_go && !s->ev->interrupted && !s->recorder_ended && !s->engine_ended)
		wait_event(s, UINT64_MAX);
	if (!s->job->keep)
		s->deadline_ns = clock_ns() + s->job->topology->deadline_ns;
}

/* Servers are ready: all else begins. */
static void begin(struct supervisor *s)
{
	s->ev->ready_ns = clock_ns();
	s->crew.begun = true;
	if (s->job->keep) {
		enter_stage(s, STAGE_TRANSFER);
		tell(s, SUPERVISOR_READY);
		return;
	}
	s->crew.faults.ready_ns = s->ev->ready_ns;
	engine_begin(s->engine, s->ev->ready_ns);
	enter_stage(s, STAGE_TRANSFER);
}

static int perform(struct supervisor *s, struct err *e)
{
	enter_stage(s, STAGE_RECEIVERS);
	while (!must_stop(s)) {
		if (crew_act(&s->crew, e) != 0)
			return -1;
		/* A lab to work in stays until somebody ends it. */
		if (s->crew.gave_up || (s->crew.begun && !s->job->keep && crew_is_done(&s->crew)))
			break;
		if (!s->crew.begun && crew_is_ready(&s->crew))
			begin(s);
		else
			wait_event(s, clock_earlier(crew_next(&s->crew), s->deadline_ns));
	}
	if (s->crew.begun)
		s->ev->sent_ns = clock_ns();
	return 0;
}

/* What has begun is always brought to its end; the first error is the one to tell. */
static void also(int r, int *result, struct err *e, const struct err *new)
{
	if (r != 0 && *result == 0) {
		*result = r;
		*e = *new;
	}
}

static void end_visitors(struct supervisor *s)
{
	const struct visitors v = {
		.recorder = s->recorder != NULL ? recorder_pid(s->recorder) : 0,
		.engine = engine_pid(s->engine),
		.wait = wait_event,
		.arg = s,
	};

	visitors_end(&v);
}

static int stop_programs(struct supervisor *s, struct err *e)
{
	enter_stage(s, STAGE_STOPPING);
	crew_stop(&s->crew, ROLE_SENDER);

	int r = crew_wait_quiet(&s->crew, e);
	struct err next;

	also(crew_wait_streams(&s->crew, &next), &r, e, &next);
	s->crew.faults.ready_ns = 0;

	crew_stop(&s->crew, ROLE_RECEIVER);
	crew_kill_leftovers(&s->crew);
	also(output_stop(s->crew.output, &next), &r, e, &next);
	if (s->job->keep)
		end_visitors(s);
	s->ev->stopped_ns = clock_ns();
	return r;
}

static int carry_out(struct supervisor *s, struct err *e)
{
	struct err next;
	int r = 0;

	const struct lab_config config = {
		.topology = s->job->topology,
		.offloads = s->ev->offloads_on,
		.engine = s->ev->n_links > 0 ? s->ev->links[0].engine : ENGINE_USER,
	};

	enter_stage(s, STAGE_LAB);
	if (lab_up(&config, &s->lab, e) != 0)
		return -1;
	s->crew.lab = s->lab;
	s->ev->lab_up_ns = clock_ns();
	if (start_recorder(s, e) != 0 || start_engine(s, e) != 0 ||
	    output_start(s->job->programs, s->ev, s->job->folder, &s->crew.output, e) != 0 ||
	    read_counters(s, s->counters, e) != 0)
		return -1;
	s->ev->recording_ns = clock_ns();
	await_go(s);
	if (!must_stop(s))
		also(perform(s, &next), &r, e, &next);
	also(stop_programs(s, &next), &r, e, &next);
	enter_stage(s, STAGE_DRAINING);
	also(engine_stop(s->engine, ENGINE_DEADLINE_NS, &next), &r, e, &next);
	also(finish_counters(s, &next), &r, e, &next);
	if (s->recorder != NULL)
		also(recorder_stop(s->recorder, &next), &r, e, &next);
	s->ev->drained_ns = clock_ns();
	if (r == 0)
		enter_stage(s, STAGE_DONE);
	return r;
}

static int watch_children(int *ret_fd, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return err_set(e, errno, "block SIGCHLD");
	*ret_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *ret_fd >= 0 ? 0 : err_set(e, errno, "create a signalfd");
}

void supervisor_main(const struct supervised *job, const struct sandbox *sandbox)
{
	struct evidence *ev = job->evidence;
	struct supervisor s = {
		.job = job,
		.ev = ev,
		.control = sandbox->control,
		.signals = -1,
		.deadline_ns = UINT64_MAX,
		.counters = array_new(ev->n_nodes, sizeof(struct udp_counters)),
	};

	char released;

	if (job->keeper >= 0)
		close(job->keeper);
	s.crew = (struct crew){
		.topology = job->topology,
		.programs = job->programs,
		.limits = job->limits,
		.evidence = ev,
		.folder = job->folder,
		.faults = { .topology = job->topology, .evidence = ev, .crew = &s.crew },
		.wait = wait_event,
		.must_stop = must_stop,
		.held = held,
		.arg = &s,
	};
	crew_init(&s.crew);
	if (sandbox_enter(sandbox, &ev->error) != 0 ||
	    watch_children(&s.signals, &ev->error) != 0 || carry_out(&s, &ev->error) != 0)
		ev->failed = true;
	ev->ended_ns = clock_ns();
	tell(&s, SUPERVISOR_DONE);
	/* The lab stays until the harness lets go. */
	while (recv(s.control, &released, 1, 0) > 0)
		continue;
}
