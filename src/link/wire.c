#include "link/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "link/relay.h"

#define LOG_NAME "links.log"
/* Beyond what wire_stop() is given: to close the log, and to be scheduled at all. */
#define GRACE_NS (10 * NS_PER_SEC)

struct wire {
	struct child child;
	struct evidence *ev;
};

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
		received = child_receive(&w->child, &report, sizeof(report), deadline_ns);
	while (received == 1 && report.kind == RELAY_FAULT);
	if (received == 1 && report.kind == wanted)
		return 0;
	if (received == 1)
		*e = report.error;
	else
		child_blame(&w->child, received, e);
	return blame(w, e);
}

struct relay_start {
	const struct wire_config *config;
	pid_t parent;
};

static void run(const void *arg, int control)
{
	const struct relay_start *start = arg;

	relay_run(start->config, start->parent, control);
}

int wire_start(const struct wire_config *config, struct wire **ret_wire, struct err *e)
{
	cleanup_by(wire_freep) struct wire *w = array_new(1, sizeof(*w));
	struct wire_evidence *evidence = &config->evidence->wire;

	struct relay_start start = { config, getpid() };

	w->child = (struct child)CHILD_NONE;
	w->ev = config->evidence;
	if (evidence->log[0] == '\0')
		snprintf(evidence->log, sizeof(evidence->log), "%s", LOG_NAME);
	if (child_start(&w->child, "the wire", run, &start, e) != 0)
		return blame(w, e);
	if (await(w, RELAY_READY, CHILD_NO_DEADLINE, e) != 0)
		return -1;
	*ret_wire = take_ptr(w);
	return 0;
}

pid_t wire_pid(const struct wire *w)
{
	return w->child.pid;
}

void wire_ended(struct wire *w, int wait_status)
{
	child_ended(&w->child, wait_status);
}

/* When it is gone, waiting for its answer says so. */
static void order(const struct wire *w, enum relay_order_kind kind, uint64_t ns)
{
	struct relay_order message = { .kind = kind, .ns = ns };

	child_send(&w->child, &message, sizeof(message));
}

void wire_begin(const struct wire *w, uint64_t ready_ns)
{
	order(w, RELAY_BEGIN, ready_ns);
}

int wire_fd(const struct wire *w)
{
	return w->child.control;
}

int wire_read(const struct wire *w, size_t *ret_fault)
{
	struct relay_report report;

	if (recv(w->child.control, &report, sizeof(report), MSG_DONTWAIT) != sizeof(report) ||
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
	child_done(&w->child);
	free(w);
}

void wire_freep(struct wire **w)
{
	wire_free(*w);
	*w = NULL;
}
