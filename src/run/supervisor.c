#include "run/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "capture/recorder.h"
#include "lab/lab.h"

#define READY_DEADLINE_NS (10 * NS_PER_SEC)
/* Between SIGTERM and SIGKILL. */
#define STOP_GRACE_NS (2 * NS_PER_SEC)
/* For receivers to read what has arrived before they are told to stop. */
#define QUIET_DEADLINE_NS (500 * NS_PER_MS)
#define DRAIN_DEADLINE_NS (120 * NS_PER_SEC)

struct supervisor {
	const struct supervised *job;
	struct evidence *ev;
	struct lab *lab;
	struct recorder *recorder;
	int control;
	int signals; /* signalfd(2) of SIGCHLD */
	uint64_t deadline_ns;
	bool told_to_go;
	bool recorder_ended;
	struct udp_counters *counters; /* per node, when recording began */
};

static void enter_stage(struct supervisor *s, enum run_stage stage)
{
	__atomic_store_n(&s->ev->stage, stage, __ATOMIC_RELEASE);
}

/* ---- processes ---- */

static void note_leftover(void *arg, size_t program, pid_t pid, const char *name)
{
	struct program_evidence *p = &((struct evidence *)arg)->programs[program];

	(void)pid;
	p->left_behind++;
	memcpy(p->left_name, name, sizeof(p->left_name));
}

static void program_ended(struct supervisor *s, struct program_evidence *p, int status)
{
	struct err ignored;

	p->ended_ns = clock_ns();
	p->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	p->state = WIFEXITED(status) ? PROGRAM_EXITED : PROGRAM_KILLED;
	p->left_behind = 0;
	programs_leftovers(s->ev, s->recorder != NULL ? recorder_pid(s->recorder) : 0,
			   note_leftover, s->ev, &ignored);
}

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
		for (size_t i = 0; i < s->ev->n_programs; i++)
			if (s->ev->programs[i].pid == pid &&
			    s->ev->programs[i].state == PROGRAM_RUNNING)
				program_ended(s, &s->ev->programs[i], status);
	}
}

static void read_control(struct supervisor *s)
{
	char message[16];
	ssize_t n = recv(s->control, message, sizeof(message), MSG_DONTWAIT);

	if (n == 0)
		_exit(1); /* the harness is gone, and the kernel is about to tell us */
	if (n > 0 && message[0] == SUPERVISOR_GO[0])
		s->told_to_go = true;
	else if (n > 0)
		s->ev->interrupted = true;
}

/* Wait for something to happen: a process ended, the harness spoke, or this time came. */
static void wait_event(struct supervisor *s, uint64_t until_ns)
{
	struct pollfd fds[] = {
		{ .fd = s->signals, .events = POLLIN },
		{ .fd = s->control, .events = POLLIN },
	};
	uint64_t now = clock_ns();
	uint64_t left = until_ns > now ? until_ns - now : 0;
	struct timespec timeout = { (time_t)(left / NS_PER_SEC), (long)(left % NS_PER_SEC) };

	if (ppoll(fds, 2, &timeout, NULL) <= 0)
		return;
	if (fds[0].revents != 0) {
		struct signalfd_siginfo info;

		while (read(s->signals, &info, sizeof(info)) > 0)
			continue;
		reap(s);
	}
	if (fds[1].revents != 0)
		read_control(s);
}

/* Whether the run should go no further. */
static bool must_stop(struct supervisor *s)
{
	if (clock_ns() >= s->deadline_ns)
		s->ev->past_deadline = true;
	return s->ev->interrupted || s->ev->past_deadline || s->recorder_ended;
}

static int start_program(struct supervisor *s, size_t i, struct err *e)
{
	struct program_evidence *p = &s->ev->programs[i];

	p->started_ns = clock_ns();
	if (program_start(s->job->programs, i, s->lab, s->job->folder, &p->pid, e) != 0) {
		memcpy(p->error, e->msg, sizeof(p->error) - 1);
		return -1;
	}
	p->state = PROGRAM_RUNNING;
	return 0;
}

static int start_role(struct supervisor *s, enum program_role role, struct err *e)
{
	for (size_t i = 0; i < s->ev->n_programs; i++)
		if (s->ev->programs[i].role == role && start_program(s, i, e) != 0)
			return -1;
	return 0;
}

static size_t count_running(const struct supervisor *s, enum program_role role)
{
	size_t n = 0;

	for (size_t i = 0; i < s->ev->n_programs; i++)
		n += s->ev->programs[i].role == role && s->ev->programs[i].state == PROGRAM_RUNNING;
	return n;
}

/* ---- readiness ---- */

/* Whether every receiver has its port, or has ended (which is judged later). */
static int check_ready(struct supervisor *s, bool *ret_ready, struct err *e)
{
	*ret_ready = true;
	for (size_t i = 0; i < s->ev->n_programs; i++) {
		struct program_evidence *p = &s->ev->programs[i];
		struct socket_evidence socket;

		if (p->role != ROLE_RECEIVER || p->ready || p->state != PROGRAM_RUNNING)
			continue;
		if (lab_find_socket(s->lab, p->node, s->job->programs->p[i].port, &socket, e) != 0)
			return -1;
		p->ready = socket.seen;
		if (p->ready)
			p->ready_ns = clock_ns();
		else
			*ret_ready = false;
	}
	return 0;
}

static void blame_unready(struct supervisor *s)
{
	for (size_t i = 0; i < s->ev->n_programs; i++) {
		struct program_evidence *p = &s->ev->programs[i];

		if (p->role == ROLE_RECEIVER && !p->ready && p->state == PROGRAM_RUNNING)
			snprintf(p->error, sizeof(p->error),
				 "not ready after %u s: it did not bind UDP port %u",
				 (unsigned)((clock_ns() - p->started_ns) / NS_PER_SEC),
				 s->job->programs->p[i].port);
	}
}

/* sock_diag(7) announces no binds, so look again, soon at first. */
static int wait_ready(struct supervisor *s, bool *ret_ready, struct err *e)
{
	uint64_t deadline = clock_ns() + READY_DEADLINE_NS;
	uint64_t pause = 200 * NS_PER_US;

	for (;;) {
		if (check_ready(s, ret_ready, e) != 0)
			return -1;
		if (*ret_ready || must_stop(s) || clock_ns() >= deadline)
			break;
		wait_event(s, clock_ns() + pause);
		pause = pause < 5 * NS_PER_MS ? pause * 2 : pause;
	}
	if (!*ret_ready)
		blame_unready(s);
	return 0;
}

/* ---- stopping ---- */

/* Snapshots for the ledger. Sets *ret_quiet when nothing is queued and nothing moved since before. */
static int look_at_sockets(struct supervisor *s, uint64_t *moved, bool *ret_quiet, struct err *e)
{
	uint64_t total = 0, queued = 0;

	for (size_t i = 0; i < s->ev->n_programs; i++) {
		struct program_evidence *p = &s->ev->programs[i];
		struct udp_counters c;

		if (p->role != ROLE_RECEIVER)
			continue;
		if (lab_read_udp_counters(s->lab, p->node, &c, e) != 0)
			return -1;
		total += c.in_datagrams + c.in_errors + c.no_ports;
		if (p->state != PROGRAM_RUNNING)
			continue;
		if (lab_find_socket(s->lab, p->node, s->job->programs->p[i].port,
				    &s->ev->sockets[i], e) != 0)
			return -1;
		queued += s->ev->sockets[i].queued;
	}
	*ret_quiet = queued == 0 && total == *moved;
	*moved = total;
	return 0;
}

/* Receivers may still be reading what the senders left: wait until the counters stand still. */
static int wait_quiet(struct supervisor *s, struct err *e)
{
	uint64_t deadline = clock_ns() + QUIET_DEADLINE_NS;
	uint64_t moved = UINT64_MAX;
	bool quiet;

	for (;;) {
		if (look_at_sockets(s, &moved, &quiet, e) != 0)
			return -1;
		if (quiet || clock_ns() >= deadline || count_running(s, ROLE_RECEIVER) == 0)
			return 0;
		wait_event(s, clock_ns() + 500 * NS_PER_US);
	}
}

static void signal_role(struct supervisor *s, enum program_role role, int signal)
{
	for (size_t i = 0; i < s->ev->n_programs; i++) {
		struct program_evidence *p = &s->ev->programs[i];

		if (p->role != role || p->state != PROGRAM_RUNNING)
			continue;
		p->past_deadline = p->past_deadline ||
				   (s->ev->past_deadline && role == ROLE_SENDER);
		p->told_to_stop = true;
		p->ignored_stop = signal == SIGKILL;
		kill(p->pid, signal);
	}
}

static void stop_role(struct supervisor *s, enum program_role role)
{
	uint64_t deadline = clock_ns() + STOP_GRACE_NS;

	reap(s);
	signal_role(s, role, SIGTERM);
	while (count_running(s, role) > 0 && clock_ns() < deadline)
		wait_event(s, deadline);
	signal_role(s, role, SIGKILL);
	while (count_running(s, role) > 0)
		wait_event(s, clock_ns() + NS_PER_SEC);
}

static void kill_leftover(void *arg, size_t program, pid_t pid, const char *name)
{
	(void)arg;
	(void)program;
	(void)name;
	kill(pid, SIGKILL);
}

/* Programs that were told to stop may have left something; nothing may send while captures drain. */
static void kill_leftovers(struct supervisor *s)
{
	pid_t recorder = s->recorder != NULL ? recorder_pid(s->recorder) : 0;
	struct err ignored;

	for (size_t i = 0; i < s->ev->n_programs; i++)
		s->ev->programs[i].left_behind = 0;
	programs_leftovers(s->ev, recorder, note_leftover, s->ev, &ignored);
	programs_leftovers(s->ev, recorder, kill_leftover, NULL, &ignored);
}

/* ---- the run ---- */

static int read_counters(struct supervisor *s, struct udp_counters *counters, struct err *e)
{
	for (size_t n = 0; n < s->ev->n_nodes; n++)
		if (lab_read_udp_counters(s->lab, n, &counters[n], e) != 0)
			return -1;
	return 0;
}

static int finish_counters(struct supervisor *s, struct err *e)
{
	cleanup_free struct udp_counters *end = array_new(s->ev->n_nodes, sizeof(*end));

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
		};
	}
	return 0;
}

static int start_recorder(struct supervisor *s, struct err *e)
{
	struct recorder_config config = {
		.topology = s->job->topology,
		.netns = lab_netns(s->lab),
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

static void tell(const struct supervisor *s, const char *message)
{
	send(s->control, message, 1, MSG_NOSIGNAL);
}

/* The lab waits, recorded, for the run before it to be over. Its deadline counts from here. */
static void await_go(struct supervisor *s)
{
	tell(s, SUPERVISOR_READY);
	while (!s->told_to_go && !s->ev->interrupted && !s->recorder_ended)
		wait_event(s, UINT64_MAX);
	s->deadline_ns = clock_ns() + s->job->topology->deadline_ns;
}

static int transfer(struct supervisor *s, struct err *e)
{
	bool ready;

	enter_stage(s, STAGE_RECEIVERS);
	if (start_role(s, ROLE_RECEIVER, e) != 0 || wait_ready(s, &ready, e) != 0)
		return -1;
	s->ev->ready_ns = clock_ns();
	if (!ready || must_stop(s))
		return 0;
	enter_stage(s, STAGE_TRANSFER);
	if (start_role(s, ROLE_SENDER, e) != 0)
		return -1;
	while (count_running(s, ROLE_SENDER) > 0 && !must_stop(s))
		wait_event(s, s->deadline_ns);
	s->ev->sent_ns = clock_ns();
	return 0;
}

static int stop_programs(struct supervisor *s, struct err *e)
{
	enter_stage(s, STAGE_STOPPING);
	stop_role(s, ROLE_SENDER);

	int r = wait_quiet(s, e);

	stop_role(s, ROLE_RECEIVER);
	kill_leftovers(s);
	s->ev->stopped_ns = clock_ns();
	return r;
}

/* What has begun is always brought to its end; the first error is the one to tell. */
static void also(int r, int *result, struct err *e, const struct err *new)
{
	if (r != 0 && *result == 0) {
		*result = r;
		*e = *new;
	}
}

static int carry_out(struct supervisor *s, struct err *e)
{
	struct err next;
	int r = 0;

	enter_stage(s, STAGE_LAB);
	if (lab_up(s->job->topology, s->ev->offloads_on, &s->lab, e) != 0)
		return -1;
	s->ev->lab_up_ns = clock_ns();
	if (start_recorder(s, e) != 0 || read_counters(s, s->counters, e) != 0)
		return -1;
	s->ev->recording_ns = clock_ns();
	await_go(s);
	if (!must_stop(s))
		also(transfer(s, &next), &r, e, &next);
	also(stop_programs(s, &next), &r, e, &next);
	enter_stage(s, STAGE_DRAINING);
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
		.counters = array_new(ev->n_nodes, sizeof(struct udp_counters)),
	};

	char released;

	if (sandbox_enter(sandbox, &ev->error) != 0 ||
	    watch_children(&s.signals, &ev->error) != 0 || carry_out(&s, &ev->error) != 0)
		ev->failed = true;
	ev->ended_ns = clock_ns();
	tell(&s, SUPERVISOR_DONE);
	/* The lab stays until the harness lets go. */
	while (recv(s.control, &released, 1, 0) > 0)
		continue;
}
