#include "run/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "base/fs.h"
#include "capture/recorder.h"
#include "program/limits.h"
#include "program/program.h"
#include "run/inventory.h"
#include "run/supervisor.h"
#include "verify/judge.h"

struct run {
	struct run_request request;
	struct programs programs;
	struct evidence *evidence;
	struct limits *limits;
	struct sandbox sandbox;
	enum run_stage shown;
	int n_passed; /* signals that the supervisor was told of */
	enum run_phase phase;
	bool released; /* it ends by itself */
	bool reaped;
};

static volatile sig_atomic_t caught, n_caught;

static void catch (int signal)
{
	caught = signal;
	n_caught++;
}

int run_catch_signals(struct err *e)
{
	/* No SA_RESTART: ppoll(2) must return. */
	const struct sigaction action = { .sa_handler = catch };
	sigset_t set;

	/* Only ever delivered inside ppoll(): none is missed between a check and the wait. */
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0 ||
	    sigaction(SIGTERM, &action, NULL) != 0)
		return err_set(e, errno, "catch signals");
	return 0;
}

int run_caught_signal(void)
{
	const struct timespec now = { 0 };
	sigset_t none;

	/* Let one that is pending through. */
	sigemptyset(&none);
	ppoll(NULL, 0, &now, &none);
	return caught;
}

static const char *stage_name(enum run_stage stage)
{
	static const char *const names[] = {
		[STAGE_NEW] = "starting",
		[STAGE_LAB] = "building the lab",
		[STAGE_RECORDER] = "starting captures",
		[STAGE_RECEIVERS] = "starting receivers",
		[STAGE_TRANSFER] = "transfer",
		[STAGE_STOPPING] = "stopping receivers",
		[STAGE_DRAINING] = "draining captures",
		[STAGE_DONE] = "verifying",
	};

	return names[stage];
}

int run_check_programs(const struct topology *t, struct err *e)
{
	cleanup_by(programs_done) struct programs programs = { 0 };

	return programs_of_topology(t, "", 0, &programs, e);
}

static int prepare(struct run *r, struct err *e)
{
	const struct topology *t = r->request.planned->topology;
	bool record = t->capture.kind != CAPTURE_OFF;
	size_t n_captures = topology_count_interfaces(t) + topology_count_engines(t);

	if (programs_of_topology(t, r->request.folder, recorder_rate(t), &r->programs, e) != 0 ||
	    programs_make_folders(t, r->request.folder, e) != 0)
		return -1;

	const struct evidence_sizes sizes = {
		.n_programs = r->programs.n,
		.n_nodes = t->n_nodes,
		.n_captures = record ? n_captures : 0,
		.n_links = topology_count_engines(t),
		.n_faults = t->n_faults,
	};

	if (evidence_new(&sizes, &r->evidence, e) != 0)
		return -1;
	programs_describe(&r->programs, r->evidence);
	inventory_fill(t, r->request.engine, r->evidence);
	r->evidence->offloads_on = !record;
	r->evidence->started_ns = clock_ns();
	r->programs.id = r->evidence->started_ns;
	r->evidence->started_real_ns = clock_real_ns();
	return 0;
}

/* A first signal asks the supervisor to stop; the next one does not ask. */
static void pass_signal(const struct sandbox *s, int n)
{
	if (n == 1)
		send(s->control, SUPERVISOR_STOP, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		kill(s->pid, SIGKILL);
}

/* Once it is dead: how it ended. */
static int reap(struct run *r, struct err *e)
{
	int status;

	if (r->reaped)
		return 0;
	r->reaped = true;
	if (waitpid(r->sandbox.pid, &status, 0) < 0)
		return err_set(e, errno, "wait for the supervisor");
	if (WIFSIGNALED(status))
		r->evidence->supervisor_signal = WTERMSIG(status);
	return 0;
}

static void show_stage(struct run *r)
{
	enum run_stage stage = __atomic_load_n(&r->evidence->stage, __ATOMIC_ACQUIRE);

	if (stage != r->shown)
		r->request.stage_began(r->request.arg, stage_name(stage));
	r->shown = stage;
}

/* What the supervisor has to say; its death is an answer, too. */
static int hear(struct run *r, struct err *e)
{
	char message = SUPERVISOR_DONE[0];
	bool dead = recv(r->sandbox.control, &message, 1, MSG_DONTWAIT) != 1;

	if (message != SUPERVISOR_DONE[0]) {
		r->phase = RUN_READY;
		return 0;
	}
	r->phase = RUN_OVER;
	if (run_caught_signal() != 0)
		r->evidence->interrupted = true;
	return dead ? reap(r, e) : 0;
}

static int attend(struct run *r, bool spoke, struct err *e)
{
	show_stage(r);
	while (r->n_passed < n_caught)
		pass_signal(&r->sandbox, ++r->n_passed);
	return spoke ? hear(r, e) : 0;
}

int run_wait(struct run *const *runs, size_t n, struct err *e)
{
	const struct timespec tick = { .tv_nsec = 20 * NS_PER_MS };
	cleanup_free struct pollfd *fds = array_new(n, sizeof(*fds));
	sigset_t none;

	/* One that is over has nothing more to say; poll(2) passes over negative descriptors. */
	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){
			.fd = runs[i]->phase == RUN_OVER ? -1 : runs[i]->sandbox.control,
			.events = POLLIN,
		};
	sigemptyset(&none);
	if (ppoll(fds, n, &tick, &none) < 0) {
		if (errno != EINTR)
			return err_set(e, errno, "wait for supervisors");
		for (size_t i = 0; i < n; i++)
			fds[i].revents = 0;
	}
	for (size_t i = 0; i < n; i++)
		if (runs[i]->phase != RUN_OVER && attend(runs[i], fds[i].revents != 0, e) != 0)
			return -1;
	return 0;
}

static int fork_supervisor(struct run *r, struct err *e)
{
	const struct supervised job = {
		.topology = r->request.planned->topology,
		.programs = &r->programs,
		.limits = r->limits,
		.folder = r->request.folder,
		.comment = r->request.comment,
		.evidence = r->evidence,
		.keep = r->request.keep,
		.keeper = r->request.keep ? r->request.keeper : -1,
	};
	int n = sandbox_fork(&r->sandbox, e);

	if (n == 0) {
		supervisor_main(&job, &r->sandbox);
		_exit(0);
	}
	r->reaped = n < 0;
	return n < 0 ? -1 : 0;
}

int run_start(const struct run_request *request, struct run **ret_run, struct err *e)
{
	cleanup_by(run_freep) struct run *r = array_new(1, sizeof(*r));

	r->request = *request;
	r->sandbox = (struct sandbox){ .pidfd = -1, .control = -1 };
	r->reaped = true;
	if (fs_mkdir_all(request->folder, e) != 0 || prepare(r, e) != 0 ||
	    limits_open(&r->programs, r->evidence, &r->limits, e) != 0 ||
	    fork_supervisor(r, e) != 0)
		return -1;
	*ret_run = take_ptr(r);
	return 0;
}

enum run_phase run_phase(const struct run *r)
{
	return r->phase;
}

void run_go(struct run *r)
{
	r->evidence->performed_ns = clock_ns();
	if (r->phase == RUN_OVER)
		return;
	send(r->sandbox.control, SUPERVISOR_GO, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	r->phase = RUN_GOING;
}

int run_await(struct run *r, struct err *e)
{
	while (r->phase == RUN_RISING)
		if (run_wait(&r, 1, e) != 0)
			return -1;
	return 0;
}

int run_perform(struct run *r, struct err *e)
{
	run_go(r);
	while (r->phase != RUN_OVER)
		if (run_wait(&r, 1, e) != 0)
			return -1;
	return 0;
}

/* ---- a lab to work in ---- */

int run_begin(struct run *r, struct err *e)
{
	run_go(r);
	while (r->phase == RUN_GOING)
		if (run_wait(&r, 1, e) != 0)
			return -1;
	return 0;
}

int run_fd(const struct run *r)
{
	return r->sandbox.control;
}

int run_read(struct run *r, struct err *e)
{
	struct pollfd fd = { .fd = r->sandbox.control, .events = POLLIN };

	return attend(r, poll(&fd, 1, 0) > 0, e);
}

void run_stop(struct run *r)
{
	pass_signal(&r->sandbox, ++r->n_passed);
}

int run_let_in(const struct run *r, size_t node, int visitor)
{
	const struct supervisor_visit message = { .kind = SUPERVISOR_VISIT[0], .node = node };

	return fdpass_send(r->sandbox.control, &message, sizeof(message), &visitor, 1);
}

const struct evidence *run_evidence(const struct run *r)
{
	return r->evidence;
}

static uint64_t between(uint64_t from, uint64_t to)
{
	return from != 0 && to > from ? to - from : 0;
}

void run_judge(struct run *r, struct run_verdict *verdict)
{
	const struct evidence *ev = r->evidence;
	const struct judge_input input = { r->request.planned->topology, ev, r->request.folder };
	uint64_t judging_ns = clock_ns();

	r->request.stage_began(r->request.arg, stage_name(STAGE_DONE));
	judge_run(&input, verdict);
	verdict->lab_ns = between(ev->started_ns, ev->lab_up_ns);
	verdict->transfer_ns = between(ev->ready_ns, ev->sent_ns);
	verdict->stop_ns = between(ev->sent_ns, ev->drained_ns);
	verdict->verify_ns = clock_ns() - judging_ns;
	verdict->total_ns = between(ev->performed_ns, clock_ns()) +
			    between(ev->started_ns, ev->recording_ns);
}

void run_release(struct run *r)
{
	/* End of file. */
	shutdown(r->sandbox.control, SHUT_RDWR);
	r->released = true;
}

void run_free(struct run *r)
{
	struct err ignored;

	if (r == NULL)
		return;
	if (!r->released && !r->reaped)
		kill(r->sandbox.pid, SIGKILL);
	reap(r, &ignored);
	limits_close(r->limits);
	sandbox_done(&r->sandbox);
	programs_done(&r->programs);
	evidence_free(r->evidence);
	free(r->request.folder);
	free(r->request.comment);
	free(r);
}

void run_freep(struct run **r)
{
	run_free(*r);
}
