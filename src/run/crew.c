#include "run/crew.h"

#include <signal.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define READY_DEADLINE_NS (10 * NS_PER_SEC)
/* Between SIGTERM and SIGKILL. */
#define STOP_GRACE_NS (2 * NS_PER_SEC)
/* For receivers to read what has arrived before they are told to stop. */
#define QUIET_DEADLINE_NS (500 * NS_PER_MS)

static void note_leftover(void *arg, size_t program, pid_t pid, const char *name)
{
	struct program_evidence *p = &((struct evidence *)arg)->programs[program];

	(void)pid;
	p->left_behind++;
	memcpy(p->left_name, name, sizeof(p->left_name));
}

static void program_ended(struct crew *c, struct program_evidence *p, int status)
{
	struct err ignored;

	p->ended_ns = clock_ns();
	p->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	p->state = WIFEXITED(status) ? PROGRAM_EXITED : PROGRAM_KILLED;
	p->left_behind = 0;
	programs_leftovers(c->programs, c->evidence, note_leftover, c->evidence, &ignored);
	if (p->restart)
		program_faults_ended(&c->faults, (size_t)(p - c->evidence->programs));
}

bool crew_ended(struct crew *c, pid_t pid, int status)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];

		if (p->pid != pid || p->state != PROGRAM_RUNNING)
			continue;
		program_ended(c, p, status);
		return true;
	}
	return false;
}

int crew_start_one(struct crew *c, size_t i, struct err *e)
{
	struct program_evidence *p = &c->evidence->programs[i];

	p->started_ns = clock_ns();
	if (program_start(c->programs, i, c->lab, c->folder, &p->pid, e) != 0) {
		memcpy(p->error, e->msg, sizeof(p->error) - 1);
		return -1;
	}
	p->state = PROGRAM_RUNNING;
	return 0;
}

int crew_start(struct crew *c, enum program_role role, struct err *e)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++)
		if (c->evidence->programs[i].role == role && crew_start_one(c, i, e) != 0)
			return -1;
	return 0;
}

size_t crew_count_running(const struct crew *c, enum program_role role)
{
	size_t n = 0;

	for (size_t i = 0; i < c->evidence->n_programs; i++)
		n += c->evidence->programs[i].role == role &&
		     c->evidence->programs[i].state == PROGRAM_RUNNING;
	return n;
}

/* ---- readiness ---- */

/* Whether the program has all its ports. */
static int look_for_ports(struct crew *c, size_t i, bool *ret_found, struct err *e)
{
	const struct program *p = &c->programs->p[i];

	*ret_found = true;
	for (size_t k = 0; k < p->n_listens && *ret_found; k++) {
		struct socket_evidence socket;

		if (lab_find_socket(c->lab, p->node, &p->listens[k], &socket, e) != 0)
			return -1;
		*ret_found = socket.seen;
	}
	return 0;
}

/* Whether every receiver has its ports, or has ended (which is judged later). */
static int check_ready(struct crew *c, bool *ret_ready, struct err *e)
{
	*ret_ready = true;
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];

		if (p->role != ROLE_RECEIVER || p->ready || p->state != PROGRAM_RUNNING)
			continue;
		if (look_for_ports(c, i, &p->ready, e) != 0)
			return -1;
		if (p->ready)
			p->ready_ns = clock_ns();
		else
			*ret_ready = false;
	}
	return 0;
}

static void blame_unready(struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];

		const struct program *program = &c->programs->p[i];
		cleanup_by(text_done) struct text ports = { 0 };

		if (p->role != ROLE_RECEIVER || p->ready || p->state != PROGRAM_RUNNING)
			continue;
		for (size_t k = 0; k < program->n_listens; k++)
			text_add(&ports, "%s%s port %u", k != 0 ? ", " : "",
				 program->listens[k].protocol == IPPROTO_TCP ? "TCP" : "UDP",
				 program->listens[k].port);
		snprintf(p->error, sizeof(p->error), "not ready after %u s: it did not bind %.180s",
			 (unsigned)((clock_ns() - p->started_ns) / NS_PER_SEC), text_str(&ports));
	}
}

/* sock_diag(7) announces no binds, so look again, soon at first. */
int crew_wait_ready(struct crew *c, bool *ret_ready, struct err *e)
{
	uint64_t deadline = clock_ns() + READY_DEADLINE_NS;
	uint64_t pause = 200 * NS_PER_US;

	for (;;) {
		if (check_ready(c, ret_ready, e) != 0)
			return -1;
		if (*ret_ready || c->must_stop(c->arg) || clock_ns() >= deadline)
			break;
		c->wait(c->arg, clock_ns() + pause);
		pause = pause < 5 * NS_PER_MS ? pause * 2 : pause;
	}
	if (!*ret_ready)
		blame_unready(c);
	return 0;
}

/* ---- stopping ---- */

/* All UDP sockets of the program together. */
static int look_at_program(struct crew *c, size_t i, struct socket_evidence *s, struct err *e)
{
	const struct program *p = &c->programs->p[i];

	*s = (struct socket_evidence){ 0 };
	for (size_t k = 0; k < p->n_listens; k++) {
		struct socket_evidence one;

		if (p->listens[k].protocol != IPPROTO_UDP)
			continue;
		if (lab_find_socket(c->lab, p->node, &p->listens[k], &one, e) != 0)
			return -1;
		s->seen = s->seen || one.seen;
		s->queued += one.queued;
		s->drops += one.drops;
		s->buffer += one.buffer;
	}
	return 0;
}

/* Snapshots for the ledger. Sets *ret_quiet when nothing is queued and nothing moved since before. */
static int look_at_sockets(struct crew *c, uint64_t *moved, bool *ret_quiet, struct err *e)
{
	uint64_t total = 0, queued = 0, backlog;

	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		const struct program_evidence *p = &c->evidence->programs[i];
		struct udp_counters n;

		if (p->role != ROLE_RECEIVER)
			continue;
		if (lab_read_udp_counters(c->lab, p->node, &n, e) != 0)
			return -1;
		total += n.in_datagrams + n.in_errors + n.no_ports;
		if (p->state != PROGRAM_RUNNING)
			continue;
		if (look_at_program(c, i, &c->evidence->sockets[i], e) != 0)
			return -1;
		queued += c->evidence->sockets[i].queued;
	}
	if (lab_read_backlog(&backlog, e) != 0)
		return -1;
	*ret_quiet = queued == 0 && backlog == 0 && total == *moved;
	*moved = total;
	return 0;
}

int crew_wait_quiet(struct crew *c, struct err *e)
{
	uint64_t deadline = clock_ns() + QUIET_DEADLINE_NS;
	uint64_t moved = UINT64_MAX;
	bool quiet;

	for (;;) {
		/* Before looking: what leaves a link meanwhile is not seen to arrive. */
		bool held = c->held(c->arg) != 0 && !c->must_stop(c->arg);

		if (look_at_sockets(c, &moved, &quiet, e) != 0)
			return -1;
		if (held) {
			deadline = clock_ns() + QUIET_DEADLINE_NS;
			moved = UINT64_MAX;
		} else if (quiet || clock_ns() >= deadline) {
			return 0;
		}
		if (crew_count_running(c, ROLE_RECEIVER) == 0)
			return 0;
		c->wait(c->arg, clock_ns() + 500 * NS_PER_US);
	}
}

static void signal_role(struct crew *c, enum program_role role, int signal)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];

		if (p->role != role || p->state != PROGRAM_RUNNING)
			continue;
		p->past_deadline = p->past_deadline ||
				   (c->evidence->past_deadline && role == ROLE_SENDER);
		p->told_to_stop = true;
		p->ignored_stop = signal == SIGKILL;
		kill(p->pid, signal);
		/* A fault may have paused it. */
		kill(p->pid, SIGCONT);
	}
}

void crew_stop(struct crew *c, enum program_role role)
{
	uint64_t deadline = clock_ns() + STOP_GRACE_NS;

	c->wait(c->arg, 0);
	signal_role(c, role, SIGTERM);
	while (crew_count_running(c, role) > 0 && clock_ns() < deadline)
		c->wait(c->arg, deadline);
	signal_role(c, role, SIGKILL);
	while (crew_count_running(c, role) > 0)
		c->wait(c->arg, clock_ns() + NS_PER_SEC);
}

static void kill_leftover(void *arg, size_t program, pid_t pid, const char *name)
{
	(void)arg;
	(void)program;
	(void)name;
	kill(pid, SIGKILL);
}

void crew_kill_leftovers(struct crew *c)
{
	const struct programs *programs = c->programs;
	struct err ignored;

	for (size_t i = 0; i < c->evidence->n_programs; i++)
		c->evidence->programs[i].left_behind = 0;
	programs_leftovers(programs, c->evidence, note_leftover, c->evidence, &ignored);
	programs_leftovers(programs, c->evidence, kill_leftover, NULL, &ignored);
}
