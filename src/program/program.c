#include "program/program.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/cgroup.h"

/* In every program's environment: ID.NUMBER. Children inherit it, whatever they do. */
#define MARK "HARNESS_PROGRAM"

struct start {
	const struct programs *programs;
	size_t number;
	const struct program_place *place;
	int report; /* what went wrong is written here */
};

static const struct program *program_of(const struct start *s)
{
	return &s->programs->p[s->number];
}

static int redirect(const struct start *s, struct err *e)
{
	const struct program *p = program_of(s);
	const char *input = p->command != NULL && p->command->input != NULL ? p->command->input
									    : "/dev/null";
	cleanup_free char *log = text_format("%s/%s", s->place->folder, p->log);
	cleanup_close int in = open(input, O_RDONLY | O_CLOEXEC);
	cleanup_close int out = s->place->output >= 0
					? fcntl(s->place->output, F_DUPFD_CLOEXEC, 3)
					: open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
					       0644);

	if (in < 0)
		return err_set(e, errno, "open %s", input);
	if (out < 0)
		return err_set(e, errno, "create %s", log);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return err_set(e, errno, "redirect output");
	return 0;
}

static int set_environment(const struct start *s, struct err *e)
{
	const struct command *c = program_of(s)->command;
	cleanup_free char *mark = text_format("%" PRIx64 ".%zu", s->programs->id, s->number);

	for (char **v = c != NULL ? c->env : NULL; v != NULL && *v != NULL; v++)
		if (putenv(*v) != 0)
			return err_set(e, errno, "set %s", *v);
	return setenv(MARK, mark, 1) == 0 ? 0 : err_set(e, errno, "mark its environment");
}

/* Its folder first: the user may be nobody, who is let in nowhere. */
static int become(const struct start *s, const struct command *c, struct err *e)
{
	cleanup_free char *own = text_format("%s/%s", s->place->folder, program_of(s)->home);
	const char *cwd = c->cwd != NULL ? c->cwd : own;
	const struct passwd *user;

	if (chdir(cwd) != 0)
		return err_set(e, errno, "enter %s", cwd);
	if (c->user == NULL)
		return 0;
	user = getpwnam(c->user);
	if (user == NULL)
		return err_set(e, 0, "there is no user %s", c->user);
	if (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
	    setuid(user->pw_uid) != 0)
		return err_set(e, errno, "become user %s", c->user);
	if (setenv("USER", user->pw_name, 1) != 0 || setenv("LOGNAME", user->pw_name, 1) != 0 ||
	    setenv("HOME", user->pw_dir, 1) != 0)
		return err_set(e, errno, "prepare its environment");
	return 0;
}

/* No shell, no inherited descriptors, default signals, and no core files in people's folders. */
static int prepare(const struct start *s, struct err *e)
{
	const struct program *p = program_of(s);
	const struct rlimit no_core = { 0, 0 };
	sigset_t none;

	/* First: what it needs from here on counts, and in its node the file is out of sight. */
	if (s->place->cgroup >= 0 && cgroup_enter(s->place->cgroup, e) != 0)
		return -1;
	if (redirect(s, e) != 0 || set_environment(s, e) != 0)
		return -1;
	if (setrlimit(RLIMIT_CORE, &no_core) != 0)
		return err_set(e, errno, "forbid core files");
	for (int n = 1; n < NSIG; n++)
		signal(n, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (lab_enter(s->place->lab, p->node, e) != 0)
		return -1;
	return p->command == NULL ? 0 : become(s, p->command, e);
}

static _Noreturn void child(const struct start *s)
{
	const struct program *p = program_of(s);
	struct err e;

	setsid();
	if (prepare(s, &e) == 0) {
		execv(p->argv[0], p->argv);
		err_set(&e, errno, "execute %s", p->argv[0]);
	}
	if (write(s->report, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

int program_start(const struct programs *programs, size_t i, const struct program_place *place,
		  pid_t *ret_pid, struct err *e)
{
	int report[2];
	pid_t pid;

	/* Close-on-exec: end of file says that the program runs (the self-pipe trick). */
	if (pipe2(report, O_CLOEXEC) != 0 || (pid = fork()) < 0)
		return err_set(e, errno, "start %s", programs->p[i].name);
	if (pid == 0) {
		const struct start s = { programs, i, place, report[1] };

		child(&s);
	}
	close(report[1]);

	ssize_t n;

	while ((n = read(report[0], e, sizeof(*e))) < 0 && errno == EINTR)
		continue;
	close(report[0]);
	*ret_pid = pid;
	if (n == sizeof(*e))
		return err_prefix(e, "start %s", programs->p[i].name);
	return 0;
}

/*
 * Of a process that is about to become another program nothing can be read for a moment. One that
 * has wiped it out looks the same, so there is an end to looking.
 */
static int read_environment(const char *pid, char **ret_text, size_t *ret_len)
{
	cleanup_free char *path = text_format("/proc/%s/environ", pid);
	const struct timespec moment = { 0, 200000 };
	struct err ignored;

	for (int i = 0; i < 10; i++) {
		free(*ret_text);
		*ret_text = NULL;
		if (fs_read(path, 1 << 20, ret_text, ret_len, &ignored) != 0)
			return -1;
		if (*ret_len > 0)
			return 0;
		nanosleep(&moment, NULL);
	}
	return -1;
}

/* Which of these programs' environment this process has; -1: none's. */
static long marked(const struct programs *programs, const char *pid)
{
	cleanup_free char *mark = text_format("%s=%" PRIx64 ".", MARK, programs->id);
	cleanup_free char *environment = NULL;
	size_t len = 0;

	if (read_environment(pid, &environment, &len) != 0)
		return -1;
	for (size_t at = 0; at < len; at += strlen(environment + at) + 1)
		if (strncmp(environment + at, mark, strlen(mark)) == 0)
			return strtol(environment + at + strlen(mark), NULL, 10);
	return -1;
}

/* A zombie has ended; it only waits for pid 1. */
static bool read_name(const char *pid, char name[16])
{
	cleanup_free char *path = text_format("/proc/%s/stat", pid);
	cleanup_free char *stat = NULL;
	struct err ignored;

	if (fs_read(path, 4096, &stat, NULL, &ignored) != 0)
		return false;

	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');

	if (open == NULL || close == NULL || close - open - 1 > 15 || close[1] != ' ')
		return false;
	memcpy(name, open + 1, (size_t)(close - open - 1));
	name[close - open - 1] = '\0';
	return close[2] != 'Z' && close[2] != 'X';
}

int programs_leftovers(const struct programs *programs, const struct evidence *ev,
		       leftover_fn *found, void *arg, struct err *e)
{
	cleanup_closedir DIR *proc = opendir("/proc");
	const struct dirent *d;

	if (proc == NULL)
		return err_set(e, errno, "list processes");
	while ((d = readdir(proc)) != NULL) {
		char name[16];
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (!isdigit((unsigned char)d->d_name[0]) || pid == 1)
			continue;

		if (!read_name(d->d_name, name))
			continue;

		long program = marked(programs, d->d_name);

		if (program < 0 || (size_t)program >= ev->n_programs ||
		    ev->programs[program].state == PROGRAM_RUNNING)
			continue;
		found(arg, (size_t)program, pid, name);
	}
	return 0;
}
