#include "link/wire.h"

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
#include "link/relay.h"

#define LOG_NAME "links.log"
/* Beyond what wire_stop() is given: to close the log, and to be scheduled at all. */
#define GRACE_NS    (10 * NS_PER_SEC)
#define NO_DEADLINE UINT64_MAX

struct wire {
	pid_t pid;
	int control;
	bool ended; /* and was reaped, with this status, or -1 when somebody else has it */
	int status;
	struct evidence *ev;
};

static void reap(struct wire *w)
{
	while (!w->ended) {
		int status;
		pid_t pid = waitpid(w->pid, &status, 0);

		if (pid == w->pid)
			wire_ended(w, status);
		else if (errno != EINTR) /* ECHILD: it was reaped, and nobody told us */
			wire_ended(w, -1);
	}
}

/* Nobody else reaps it before wire_ended() is called, so the number is still its own. */
static void kill_and_reap(struct wire *w)
{
	if (!w->ended)
		kill(w->pid, SIGKILL);
	reap(w);
}

/* 1 and a report, 0 when it ended without one, -1 at the deadline (CLOCK_MONOTONIC). */
static int receive(const struct wire *w, uint64_t deadline_ns, struct relay_report *ret)
{
	for (;;) {
		uint64_t now = clock_ns();
		uint64_t left_ms = now < deadline_ns ? (deadline_ns - now) / NS_PER_MS + 1 : 0;
		int timeout = deadline_ns == NO_DEADLINE ? -1 : (int)(left_ms % (1U << 30));
		struct pollfd p = { .fd = w->control, .events = POLLIN };

		if (poll(&p, 1, timeout) == 0 && left_ms == 0)
			return -1;

		ssize_t n = recv(w->control, ret, sizeof(*ret), MSG_DONTWAIT);

		if (n == sizeof(*ret))
			return 1;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return 0;
	}
}

static int describe_end(const struct wire *w, struct err *e)
{
	int signal;

	if (w->status == -1)
		return err_set(e, 0, "the wire ended");
	if (!WIFSIGNALED(w->status))
		return err_set(e, 0, "the wire exited with status %d", WEXITSTATUS(w->status));
	signal = WTERMSIG(w->status);
	return err_set(e, 0, "the wire was killed by signal %d (%s)", signal, strsignal(signal));
}

static int blame(const struct wire *w, const struct err *e)
{
	size_t len = strlen(e->msg);

	if (len >= sizeof(w->ev->wire.error))
		len = sizeof(w->ev->wire.error) - 1;
	memcpy(w->ev->wire.error, e->msg, len);
	w->ev->wire.error[len] = '\0';
	return -1;
}

/* For this report. What became of the wire when it cannot give one is in the evidence, too. */
static int await(struct wire *w, enum relay_report_kind wanted, uint64_t deadline_ns, struct err *e)
{
	struct relay_report report;
	int received;

	do
		received = receive(w, deadline_ns, &report);
	while (received == 1 && report.kind == RELAY_FAULT);
	if (received == 1 && report.kind == wanted)
		return 0;
	if (received == 1) {
		*e = report.error;
	} else if (received < 0) {
		kill_and_reap(w);
		err_set(e, 0, "the wire was not finished at its deadline");
	} else {
		reap(w);
		describe_end(w, e);
	}
	return blame(w, e);
}

static int start_process(const struct wire_config *config, struct wire *w, struct err *e)
{
	pid_t self = getpid();
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(e, errno, "make a socket pair for the wire");

	cleanup_close int theirs = ends[1];

	w->control = ends[0];
	w->pid = fork();
	if (w->pid < 0)
		return err_set(e, errno, "fork the wire");
	if (w->pid == 0) {
		/* Or the end of the parent would not be seen. */
		close(w->control);
		relay_run(config, self, theirs);
	}
	w->ended = false;
	return 0;
}

int wire_start(const struct wire_config *config, struct wire **ret_wire, struct err *e)
{
	cleanup_by(wire_freep) struct wire *w = array_new(1, sizeof(*w));
	struct wire_evidence *evidence = &config->evidence->wire;

	w->control = -1;
	w->ended = true;
	w->ev = config->evidence;
	if (evidence->log[0] == '\0')
		snprintf(evidence->log, sizeof(evidence->log), "%s", LOG_NAME);
	if (start_process(config, w, e) != 0)
		return blame(w, e);
	if (await(w, RELAY_READY, NO_DEADLINE, e) != 0)
		return -1;
	*ret_wire = take_ptr(w);
	return 0;
}

pid_t wire_pid(const struct wire *w)
{
	return w->pid;
}

void wire_ended(struct wire *w, int wait_status)
{
	w->ended = true;
	w->status = wait_status;
}

/* When it is gone, waiting for its answer says so. */
static void order(const struct wire *w, enum relay_order_kind kind, uint64_t ns)
{
	struct relay_order message = { .kind = kind, .ns = ns };

	(void)send(w->control, &message, sizeof(message), MSG_NOSIGNAL);
}

void wire_begin(const struct wire *w, uint64_t ready_ns)
{
	order(w, RELAY_BEGIN, ready_ns);
}

int wire_fd(const struct wire *w)
{
	return w->control;
}

int wire_read(const struct wire *w, size_t *ret_fault)
{
	struct relay_report report;

	if (recv(w->control, &report, sizeof(report), MSG_DONTWAIT) != sizeof(report) ||
	    report.kind != RELAY_FAULT)
		return 0;
	*ret_fault = report.fault;
	return 1;
}

uint64_t wire_held(const struct evidence *ev)
{
	uint64_t held = 0;

	for (size_t i = 0; i < ev->n_links; i++)
		for (int d = 0; d < N_DIRECTIONS; d++)
			held += __atomic_load_n(&ev->links[i].directions[d].held, __ATOMIC_RELAXED);
	return held;
}

int wire_stop(struct wire *w, uint64_t deadline_ns, struct err *e)
{
	order(w, RELAY_STOP, deadline_ns);
	return await(w, RELAY_DONE, clock_ns() + deadline_ns + GRACE_NS, e);
}

void wire_free(struct wire *w)
{
	if (w == NULL)
		return;
	kill_and_reap(w);
	if (w->control >= 0)
		close(w->control);
	free(w);
}

void wire_freep(struct wire **w)
{
	wire_free(*w);
	*w = NULL;
}
