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

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "capture/recorder.h"
#include "program/program.h"
#include "run/supervisor.h"
#include "verify/judge.h"

#define MERGED "merged.pcapng"

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

const char *run_stage_name(enum run_stage stage)
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

static void describe_captures(const struct topology *t, struct evidence *ev)
{
	struct capture_evidence *c = ev->captures;
	size_t buffer = recorder_buffer_size(t);

	if (ev->n_captures == 0)
		return;
	memcpy(ev->merged, MERGED, sizeof(MERGED));
	for (size_t n = 0; n < t->n_nodes; n++)
		for (size_t i = 0; i < t->nodes[n].n_interfaces; i++, c++) {
			const char *interface = t->nodes[n].interfaces[i].name;

			c->node = n;
			c->interface = i;
			c->buffer = buffer;
			snprintf(c->name, sizeof(c->name), "%.63s/%.15s", t->nodes[n].name,
				 interface);
			snprintf(c->file, sizeof(c->file), "%s.%s.pcapng", t->nodes[n].name,
				 interface);
		}
}

static size_t count_interfaces(const struct topology *t)
{
	size_t count = 0;

	for (size_t n = 0; n < t->n_nodes; n++)
		count += t->nodes[n].n_interfaces;
	return count;
}

int run_check_programs(const struct topology *t, struct err *e)
{
	cleanup_by(programs_done) struct programs programs = { 0 };

	return programs_of_transfers(t, "", &programs, e);
}

static int prepare(const struct run_request *request, struct programs *programs,
		   struct evidence **ret_evidence, struct err *e)
{
	const struct topology *t = request->planned->topology;
	bool record = t->capture.kind != CAPTURE_OFF;

	if (programs_of_transfers(t, request->folder, programs, e) != 0 ||
	    programs_make_folders(t, request->folder, e) != 0 ||
	    evidence_new(programs->n, t->n_nodes, record ? count_interfaces(t) : 0, ret_evidence,
			 e) != 0)
		return -1;
	programs_describe(programs, *ret_evidence);
	describe_captures(t, *ret_evidence);
	(*ret_evidence)->offloads_on = !record;
	(*ret_evidence)->started_ns = clock_ns();
	(*ret_evidence)->started_real_ns = clock_real_ns();
	return 0;
}

/* A first signal asks the supervisor to stop; the next one does not ask. */
static void pass_signal(const struct sandbox *s, int n)
{
	if (n == 1)
		send(s->control, "stop", 4, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		kill(s->pid, SIGKILL);
}

static int wait_supervisor(const struct run_request *request, const struct sandbox *s,
			   struct evidence *ev, struct err *e)
{
	const struct timespec tick = { .tv_nsec = 20 * NS_PER_MS };
	enum run_stage shown = STAGE_NEW;
	int n_passed = 0;
	sigset_t none;
	int status;

	sigemptyset(&none);
	for (;;) {
		struct pollfd fd = { .fd = s->pidfd, .events = POLLIN };
		int r = ppoll(&fd, 1, &tick, &none);
		enum run_stage stage = __atomic_load_n(&ev->stage, __ATOMIC_ACQUIRE);

		if (r > 0)
			break;
		if (r < 0 && errno != EINTR)
			return err_set(e, errno, "wait for the supervisor");
		while (n_passed < n_caught)
			pass_signal(s, ++n_passed);
		if (stage != shown)
			request->stage_began(request->arg, run_stage_name(stage));
		shown = stage;
	}
	if (waitpid(s->pid, &status, 0) < 0)
		return err_set(e, errno, "wait for the supervisor");
	if (WIFSIGNALED(status))
		ev->supervisor_signal = WTERMSIG(status);
	return 0;
}

static void sandbox_donep(struct sandbox *s)
{
	sandbox_done(s);
}

static int supervise(const struct run_request *request, const struct programs *programs,
		     struct evidence *ev, struct err *e)
{
	const struct supervised job = {
		.topology = request->planned->topology,
		.programs = programs,
		.folder = request->folder,
		.comment = request->comment,
		.evidence = ev,
	};
	cleanup_by(sandbox_donep) struct sandbox sandbox = { .pidfd = -1, .control = -1 };
	int r = sandbox_fork(&sandbox, e);

	if (r == 0) {
		supervisor_main(&job, &sandbox);
		_exit(0);
	}
	if (r < 0)
		return -1;
	return wait_supervisor(request, &sandbox, ev, e);
}

static uint64_t between(uint64_t from, uint64_t to)
{
	return from != 0 && to > from ? to - from : 0;
}

int run_once(const struct run_request *request, struct run_verdict *verdict, struct err *e)
{
	cleanup_by(programs_done) struct programs programs = { 0 };
	cleanup_by(evidence_freep) struct evidence *ev = NULL;
	struct judge_input input = { .topology = request->planned->topology };

	if (fs_mkdir_all(request->folder, e) != 0 || prepare(request, &programs, &ev, e) != 0 ||
	    supervise(request, &programs, ev, e) != 0)
		return -1;
	ev->interrupted = ev->interrupted || run_caught_signal() != 0;

	uint64_t judging_ns = clock_ns();

	request->stage_began(request->arg, "verifying");
	input.evidence = ev;
	input.folder = request->folder;
	judge_run(&input, verdict);
	verdict->lab_ns = between(ev->started_ns, ev->lab_up_ns);
	verdict->transfer_ns = between(ev->ready_ns, ev->sent_ns);
	verdict->stop_ns = between(ev->sent_ns, ev->drained_ns);
	verdict->verify_ns = clock_ns() - judging_ns;
	verdict->total_ns = clock_ns() - ev->started_ns;
	return 0;
}
