/*
 * Three processes:
 *
 *	caller	enters the lab's pid namespace for its children; waits
 *	porter	is there; waits for the command, and says over a socket how it ended
 *	command	enters the node, executes
 *
 * The porter is because of what the kernel does at the end of a pid namespace: it waits until those
 * of its processes whose parents are outside have been reaped (zap_pid_ns_processes()). A caller
 * that is stopped would keep the lab from going down. So the caller lets the kernel reap: it
 * ignores SIGCHLD, and learns how the command ended from the porter.
 */
#include "live/visit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

/* From command or porter; the first one counts. */
struct report {
	int status;
	struct err error; /* msg: why it could not be executed, or "" */
};

/* Signals that are meant for the command. */
static const int forwarded[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
/* The terminal sends these to the command as well: whether they end it is its own business. */
static const int ignored[] = { SIGINT, SIGQUIT, SIGCHLD };

#define N_FORWARDED (sizeof(forwarded) / sizeof(forwarded[0]))
#define N_IGNORED   (sizeof(ignored) / sizeof(ignored[0]))

struct dispositions {
	struct sigaction ignored[N_IGNORED], forwarded[N_FORWARDED];
	sigset_t mask;
};

static volatile sig_atomic_t forward_to;

static void forward(int signal)
{
	int saved = errno;

	if (forward_to > 0)
		kill((pid_t)forward_to, signal);
	errno = saved;
}

/* Forwarded ones stay blocked until there is somebody to forward them to. */
static void set_signals(struct dispositions *before)
{
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	const struct sigaction pass_on = { .sa_handler = forward, .sa_flags = SA_RESTART };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < N_FORWARDED; i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &before->mask);
	for (size_t i = 0; i < N_FORWARDED; i++)
		sigaction(forwarded[i], &pass_on, &before->forwarded[i]);
	for (size_t i = 0; i < N_IGNORED; i++)
		sigaction(ignored[i], &ignore, &before->ignored[i]);
}

static void restore_signals(const struct dispositions *before)
{
	for (size_t i = 0; i < N_FORWARDED; i++)
		sigaction(forwarded[i], &before->forwarded[i], NULL);
	for (size_t i = 0; i < N_IGNORED; i++)
		sigaction(ignored[i], &before->ignored[i], NULL);
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static void unblock(const struct dispositions *before, pid_t child)
{
	forward_to = child;
	sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

static void tell(int socket, int status, const struct err *e)
{
	struct report report = { .status = status };

	if (e != NULL)
		report.error = *e;
	send(socket, &report, sizeof(report), MSG_NOSIGNAL);
}

/* ---- in the lab ---- */

static void take_terminal(void)
{
	void (*before)(int) = signal(SIGTTOU, SIG_IGN);

	if (setpgid(0, 0) == 0)
		tcsetpgrp(STDIN_FILENO, getpid());
	signal(SIGTTOU, before);
}

static int enter(const struct visit *v, const char *cwd, struct err *e)
{
	if (door_enter_node(v->door, cwd, e) != 0)
		return err_prefix(e, "node %s", v->node);
	if (setenv("HARNESS_LAB", v->lab, 1) != 0 || setenv("HARNESS_NODE", v->node, 1) != 0)
		return err_set(e, errno, "prepare its environment");
	if (v->foreground)
		take_terminal();
	return 0;
}

static _Noreturn void command(const struct visit *v, pid_t porter, int socket, const char *cwd,
			      const struct dispositions *before)
{
	struct err e;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != porter)
		_exit(126);
	if (enter(v, cwd, &e) != 0) {
		tell(socket, 0, &e);
		_exit(126);
	}
	if (v->extra_fd >= 0)
		fcntl(v->extra_fd, F_SETFD, 0);
	restore_signals(before);
	execvp(v->argv[0], v->argv);

	int status = errno == ENOENT ? 127 : 126;

	err_set(&e, errno, "node %s: execute %s", v->node, v->argv[0]);
	tell(socket, status, &e);
	_exit(status);
}

static bool is_hung_up(int socket)
{
	struct pollfd fd = { .fd = socket };

	return poll(&fd, 1, 0) > 0 && (fd.revents & POLLHUP) != 0;
}

static _Noreturn void porter(const struct visit *v, int socket, const struct dispositions *before)
{
	cleanup_free char *cwd = getcwd(NULL, 0);
	pid_t self = getpid();
	struct err e;
	int status;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (is_hung_up(socket))
		_exit(1);
	/* This one has children to wait for. */
	signal(SIGCHLD, SIG_DFL);

	pid_t pid = fork();

	if (pid == 0)
		command(v, self, socket, cwd, before);
	if (pid < 0) {
		err_set(&e, errno, "start %s", v->argv[0]);
		tell(socket, 0, &e);
		_exit(1);
	}
	unblock(before, pid);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	tell(socket, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), NULL);
	_exit(0);
}

/* ---- outside ---- */

static int await_report(const struct visit *v, int socket, int *ret_status, struct err *e)
{
	struct report report;
	ssize_t n;

	while ((n = recv(socket, &report, sizeof(report), 0)) < 0 && errno == EINTR)
		continue;
	if (n != sizeof(report)) {
		*ret_status = 128 + SIGKILL;
		return err_set(e, 0, "%s was killed: lab '%s' is gone", v->argv[0], v->lab);
	}
	*ret_status = report.status;
	if (report.error.msg[0] == '\0')
		return 0;
	*e = report.error;
	return -1;
}

/* A shell in the lab had the terminal; its process group is gone. */
static void give_back_terminal(pid_t group)
{
	if (group != getpgrp())
		return;

	void (*before)(int) = signal(SIGTTOU, SIG_IGN);

	tcsetpgrp(STDIN_FILENO, group);
	signal(SIGTTOU, before);
}

int visit_run(const struct visit *v, int *ret_status, struct err *e)
{
	pid_t group = tcgetpgrp(STDIN_FILENO);
	struct dispositions before;
	int ends[2];

	*ret_status = 0;
	if (door_enter_lab(v->door, e) != 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(e, errno, "create a socket pair");
	set_signals(&before);

	cleanup_close int mine = ends[0];
	pid_t pid = fork();

	if (pid == 0) {
		close(mine);
		porter(v, ends[1], &before);
	}

	int num = errno;

	close(ends[1]);
	/* Or the lab's network would stay for as long as we do. */
	door_done(v->door);
	if (pid > 0)
		unblock(&before, pid);

	int r = pid > 0 ? await_report(v, mine, ret_status, e)
			: err_set(e, num, num == ENOMEM ? "lab '%s' is gone" : "enter lab '%s'",
				  v->lab);

	give_back_terminal(group);
	restore_signals(&before);
	return r;
}
