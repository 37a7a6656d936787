#include "run/crew.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/array.h"
#include "base/clock.h"

/* Of the programs of transfers, between SIGTERM and SIGKILL. */
#define STOP_GRACE_NS (2 * NS_PER_SEC)
/* Before a program is started again by its own policy: doubled each time, as docker(1) does. */
#define RESTART_PAUSE_NS     (100 * NS_PER_MS)
#define MAX_RESTART_PAUSE_NS (10 * NS_PER_SEC)

void crew_init(struct crew *c)
{
	c->members = array_new(c->programs->n, sizeof(*c->members));
}

static void note_leftover(void *arg, size_t program, pid_t pid, const char *name)
{
	struct program_evidence *p = &((struct evidence *)arg)->programs[program];

	(void)pid;
	p->left_behind++;
	memcpy(p->left_name, name, sizeof(p->left_name));
}

static bool wants_restart(const struct crew *c, size_t i)
{
	const struct command *command = c->programs->p[i].command;
	const struct program_evidence *p = &c->evidence->programs[i];

	if (command == NULL || p->told_to_stop || p->past_deadline || p->past_own_deadline ||
	    c->stopping || (command->max_restarts != 0 && p->restarts >= command->max_restarts))
		return false;
	return command->restart == RESTART_ALWAYS ||
	       (command->restart == RESTART_ON_FAILURE &&
		(p->state == PROGRAM_KILLED || p->status != 0));
}

static void plan_restart(struct crew *c, size_t i)
{
	uint64_t pause = RESTART_PAUSE_NS;

	for (unsigned n = 0; n < c->evidence->programs[i].restarts; n++)
		pause = pause < MAX_RESTART_PAUSE_NS / 2 ? pause * 2 : MAX_RESTART_PAUSE_NS;
	c->members[i].restart_ns = clock_ns() + pause;
}

static void program_ended(struct crew *c, size_t i, int status)
{
	struct program_evidence *p = &c->evidence->programs[i];
	struct err ignored;

	p->ended_ns = clock_ns();
	p->status = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
	p->state = WIFEXITED(status) ? PROGRAM_EXITED : PROGRAM_KILLED;
	p->out_of_memory = limits_were_hit(c->limits, i);
	p->left_behind = 0;
	programs_leftovers(c->programs, c->evidence, c->lab, note_leftover, c->evidence, &ignored);
	if (p->restart)
		program_faults_ended(&c->faults, i);
	else if (wants_restart(c, i))
		plan_restart(c, i);
}

bool crew_ended(struct crew *c, pid_t pid, int status)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];

		if (p->pid != pid || p->state != PROGRAM_RUNNING)
			continue;
		program_ended(c, i, status);
		return true;
	}
	return false;
}

/* By neither a port nor a line does it say that it is ready. */
static bool is_silent(const struct program *p)
{
	return p->n_listens == 0 && (p->command == NULL || p->command->ready_output == NULL);
}

int crew_start_one(struct crew *c, size_t i, struct err *e)
{
	struct program_evidence *p = &c->evidence->programs[i];
	const struct program_place place = {
		.lab = c->lab,
		.folder = c->folder,
		.output = output_fd(c->output, i),
		.cgroup = limits_cgroup(c->limits, i),
	};

	p->started_ns = clock_ns();
	p->ready = false;
	c->members[i] = (struct crew_member){ .ready_lines = p->ready_lines };
	if (program_start(c->programs, i, &place, &p->pid, e) != 0) {
		memcpy(p->error, e->msg, sizeof(p->error) - 1);
		return -1;
	}
	p->state = PROGRAM_RUNNING;
	/* One that tells nothing may have ended before anybody looks at it. */
	if (p->role == ROLE_RECEIVER && is_silent(&c->programs->p[i])) {
		p->ready = true;
		p->ready_ns = clock_ns();
	}
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

/* ---- stopping ---- */

/*
 * A stranger's shell scripts have children of their own, which a terminal's Ctrl-C reaches, too;
 * ours have none that they do not care for.
 */
static void send_signal(struct crew *c, size_t i, int signal)
{
	pid_t pid = c->evidence->programs[i].pid;
	pid_t to = c->programs->p[i].command != NULL ? -pid : pid;

	kill(to, signal);
	/* A fault may have paused it. */
	kill(to, SIGCONT);
}

void crew_stop_one(struct crew *c, size_t i)
{
	const struct command *command = c->programs->p[i].command;

	c->evidence->programs[i].told_to_stop = true;
	c->members[i].kill_ns = clock_ns() +
				(command != NULL ? command->stop_grace_ns : STOP_GRACE_NS);
	send_signal(c, i, command != NULL ? command->stop_signal : SIGTERM);
}

uint64_t crew_kill_late(struct crew *c)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];
		uint64_t due = c->members[i].kill_ns;

		if (p->state != PROGRAM_RUNNING || due == 0)
			continue;
		if (due > clock_ns()) {
			next = due < next ? due : next;
		} else if (!p->ignored_stop) {
			p->ignored_stop = true;
			send_signal(c, i, SIGKILL);
		}
	}
	return next;
}

void crew_stop(struct crew *c, enum program_role role)
{
	c->stopping = true;
	c->wait(c->arg, 0);
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		struct program_evidence *p = &c->evidence->programs[i];

		if (p->role != role || p->state != PROGRAM_RUNNING)
			continue;
		p->past_deadline = p->past_deadline ||
				   (c->evidence->past_deadline && crew_waits_for(c, i));
		if (c->members[i].kill_ns == 0)
			crew_stop_one(c, i);
	}
	while (crew_count_running(c, role) > 0)
		c->wait(c->arg, crew_kill_late(c));
}

static void kill_leftover(void *arg, size_t program, pid_t pid, const char *name)
{
	(void)arg;
	(void)program;
	(void)name;
	kill(pid, SIGKILL);
}

/* What a program shares its signals with has as much time as itself. */
static void await_groups(struct crew *c)
{
	for (size_t i = 0; i < c->evidence->n_programs; i++) {
		const struct program_evidence *p = &c->evidence->programs[i];

		while (c->programs->p[i].command != NULL && p->told_to_stop &&
		       p->state != PROGRAM_RUNNING && kill(-p->pid, 0) == 0 &&
		       clock_ns() < c->members[i].kill_ns)
			c->wait(c->arg, clock_ns() + NS_PER_MS);
	}
}

void crew_kill_leftovers(struct crew *c)
{
	const struct programs *programs = c->programs;
	struct err ignored;

	await_groups(c);
	for (size_t i = 0; i < c->evidence->n_programs; i++)
		c->evidence->programs[i].left_behind = 0;
	programs_leftovers(programs, c->evidence, c->lab, note_leftover, c->evidence, &ignored);
	programs_leftovers(programs, c->evidence, c->lab, kill_leftover, NULL, &ignored);
}
