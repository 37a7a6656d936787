#include "program/program.h"

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
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/cgroup.h"

/* In every program's environment: ID.NUMBER. Children inherit it, whatever they do. */

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

/* Never waits, as for a writer of a FIFO: whoever starts programs waits for this one's exec. */
static int open_input(const char *path, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fcntl(fd, F_SETFL, 0) != 0)
		return err_set(e, errno, "open %s", path);
	return take_fd(&fd);
}

static int redirect(const struct start *s, struct err *e)
{
	const struct program *p = program_of(s);
	const char *input = p->command != NULL && p->command->input != NULL ? p->command->input
									    : "/dev/null";
	cleanup_free char *log = text_format("%s/%s", s->place->folder, p->log);
	cleanup_close int in = open_input(input, e);
	cleanup_close int out = s->place->output >= 0
					? fcntl(s->place->output, F_DUPFD_CLOEXEC, 3)
					: open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
					       0644);

	if (in < 0)
		return -1;
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
	return setenv(PROGRAM_MARK, mark, 1) == 0 ? 0 : err_set(e, errno, "mark its environment");
}

/* Its folder first: the user may be nobody, who is let in nowhere. */
static int become(const struct start *s, const struct command *c, struct err *e)
{
	cleanup_free char *own = text_format("%s/%s", s->place->folder, program_of(s)->home);
	const char *cwd = c->cwd != NULL ? c->cwd : own;
	cleanup_free char *here = NULL;
	const struct passwd *user;

	if (chdir(cwd) != 0)
		return err_set(e, errno, "enter %s", cwd);
	/* Or programs that trust it are where the harness was started. */
	here = getcwd(NULL, 0);
	if (here != NULL && setenv("PWD", here, 1) != 0)
		return err_set(e, errno, "prepare its environment");
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
