#include "program/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "lab/cgroup.h"

/* Each step takes the kernel milliseconds. */
#define GUARD_DEADLINE_NS (20 * NS_PER_SEC)
/* For processes that the kernel is about to kill, when nobody waits for the guard any more. */
#define ORPHAN_DEADLINE_NS (120 * NS_PER_SEC)

struct limits {
	struct child guard;
	int hold; /* on the run's folder: it is in use even when somebody kills the guard */
	size_t n; /* as programs */
	int *cgroups;
	uint64_t *kills; /* of which limits_were_hit() has told */
};

/* From the guard: when everything is made, and when it is removed. */
struct guard_report {
	bool failed;
	struct err error;
	char path[PATH_MAX]; /* of the run's folder */
};

static bool has_limits(const struct program *p)
{
	return p->command != NULL && command_has_limits(p->command);
}

static unsigned controllers_for(const struct programs *programs)
{
	unsigned needed = 0;

	for (size_t i = 0; i < programs->n; i++) {
		const struct command *c = programs->p[i].command;

		if (c == NULL)
			continue;
		needed |= c->cpus > 0 ? CGROUP_CPU : 0;
		needed |= c->memory != 0 ? CGROUP_MEMORY : 0;
	}
	return needed;
}

/* ---- the guard ---- */

/* Ctrl-C and hang-ups are for the harness, and its descriptors are not to stay open here. */
static void leave_the_harness(int control)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_NAME, "guard");
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (control > 3)
		syscall(SYS_close_range, 3, control - 1, 0);
	syscall(SYS_close_range, control + 1, ~0U, 0);
}

static int make_all(const struct programs *programs, struct cgroup *ret, struct err *e)
{
	if (cgroup_make(controllers_for(programs), ret, e) != 0)
		return -1;
	for (size_t i = 0; i < programs->n; i++) {
		const struct program *p = &programs->p[i];
		char name[32];

		snprintf(name, sizeof(name), "%zu", i);
		if (has_limits(p) &&
		    cgroup_add(ret, name, p->command->cpus, p->command->memory, e) != 0)
			return -1;
	}
	return 0;
}

/* control reads its end of file when harness and supervisor have both gone. */
static _Noreturn void guard(const void *arg, int control)
{
	struct cgroup cgroup = CGROUP_NONE;
	struct guard_report report = { 0 };
	struct err late;
	char told;

	leave_the_harness(control);
	report.failed = make_all(arg, &cgroup, &report.error) != 0;
	if (cgroup.path != NULL)
		snprintf(report.path, sizeof(report.path), "%s", cgroup.path);
	send(control, &report, sizeof(report), MSG_NOSIGNAL);

	bool orphan = recv(control, &told, 1, 0) != 1;
	uint64_t patience = orphan ? ORPHAN_DEADLINE_NS : GUARD_DEADLINE_NS / 2;

	if (cgroup.path != NULL)
		cgroup_remove(&cgroup, clock_ns() + patience, &late);
	_exit(0);
}

/* ---- the harness ---- */

static void note_unlimited(const struct programs *programs, struct evidence *ev,
			   const struct err *why)
{
	for (size_t i = 0; i < programs->n; i++)
		if (has_limits(&programs->p[i]))
			snprintf(ev->programs[i].unlimited, sizeof(ev->programs[i].unlimited),
				 "%.255s", why->msg);
}

static int open_cgroups(struct limits *l, const struct programs *programs, const char *path,
			struct err *e)
{
	l->hold = cgroup_hold(path, e);
	if (l->hold < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) {
		char child[PATH_MAX + 32];

		if (!has_limits(&programs->p[i]))
			continue;
		snprintf(child, sizeof(child), "%s/%zu", path, i);
		l->cgroups[i] = open(child, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (l->cgroups[i] < 0)
			return err_set(e, errno, "open %s", child);
	}
	return 0;
}

/* Why it cannot be done is in *why. */
static int await_cgroups(struct limits *l, const struct programs *programs, struct err *why)
{
	cleanup_free struct guard_report *report = array_new(1, sizeof(*report));
	int received = child_receive(&l->guard, report, sizeof(*report),
				     clock_ns() + GUARD_DEADLINE_NS);

	if (received != 1)
		return child_blame(&l->guard, received, why);
	*why = report->error;
	return report->failed ? -1 : open_cgroups(l, programs, report->path, why);
}

int limits_open(const struct programs *programs, struct evidence *ev, struct limits **ret_limits,
		struct err *e)
{
	struct limits *l;
	struct err why;

	*ret_limits = NULL;
	if (controllers_for(programs) == 0)
		return 0;
	l = array_new(1, sizeof(*l));
	*l = (struct limits){ .hold = -1,
			      .n = programs->n,
			      .cgroups = array_new(programs->n, sizeof(*l->cgroups)),
			      .kills = array_new(programs->n, sizeof(*l->kills)) };
	for (size_t i = 0; i < l->n; i++)
		l->cgroups[i] = -1;
	if (child_start(&l->guard, "the guard of limits", guard, programs, e) != 0) {
		limits_close(l);
		return -1;
	}
	if (await_cgroups(l, programs, &why) != 0)
		note_unlimited(programs, ev, &why);
	*ret_limits = l;
	return 0;
}

int limits_cgroup(const struct limits *l, size_t program)
{
	return l != NULL ? l->cgroups[program] : -1;
}

bool limits_were_hit(struct limits *l, size_t program)
{
	uint64_t kills, before;

	if (limits_cgroup(l, program) < 0)
		return false;
	before = l->kills[program];
	kills = cgroup_count_kills(l->cgroups[program]);
	l->kills[program] = kills;
	return kills > before;
}

void limits_close(struct limits *l)
{
	char nothing;

	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (l->cgroups[i] >= 0)
			close(l->cgroups[i]);
	if (l->hold >= 0)
		close(l->hold);
	/* It says nothing more, and ends: that is the answer. */
	if (l->guard.pid > 0 && !l->guard.ended) {
		child_send(&l->guard, "", 1);
		child_receive(&l->guard, &nothing, 1, clock_ns() + GUARD_DEADLINE_NS);
	}
	child_done(&l->guard);
	/* When it was killed its work is left to do; otherwise there is nothing. */
	cgroup_sweep();
	free(l->cgroups);
	free(l->kills);
	free(l);
}
