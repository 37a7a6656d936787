#include "base/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

static void reap(struct child *c)
{
	while (!c->ended) {
		int status;
		pid_t pid = waitpid(c->pid, &status, 0);

		if (pid == c->pid)
			child_ended(c, status);
		else if (errno != EINTR) /* ECHILD: it was reaped, and nobody told us */
			child_ended(c, -1);
	}
}

static void kill_and_reap(struct child *c)
{
	if (!c->ended)
		syscall(SYS_pidfd_send_signal, c->pidfd, SIGKILL, NULL, 0);
	reap(c);
}

int child_start(struct child *c, const char *name, child_fn *run, const void *arg, struct err *e)
{
	int ends[2];

	*c = (struct child)CHILD_NONE;
	c->name = name;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(e, errno, "make a socket pair for %s", name);

	cleanup_close int theirs = ends[1];

	c->control = ends[0];
	c->pid = fork();
	if (c->pid < 0)
		return err_set(e, errno, "fork %s", name);
	if (c->pid == 0) {
		/* Or the end of the parent would not be seen. */
		close(c->control);
		run(arg, theirs);
		_exit(1);
	}
	c->ended = false;
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	if (c->pidfd < 0) {
		err_set(e, errno, "open the process of %s", name);
		kill(c->pid, SIGKILL);
		reap(c);
		return -1;
	}
	return 0;
}

int child_receive(const struct child *c, void *ret_message, size_t size, uint64_t deadline_ns)
{
	for (;;) {
		uint64_t now = clock_ns();
		uint64_t left_ms = now < deadline_ns ? (deadline_ns - now) / NS_PER_MS + 1 : 0;
		int timeout = deadline_ns == CHILD_NO_DEADLINE ? -1 : (int)(left_ms % (1U << 30));
		struct pollfd p = { .fd = c->control, .events = POLLIN };

		if (poll(&p, 1, timeout) == 0 && left_ms == 0)
			return -1;

		ssize_t n = recv(c->control, ret_message, size, MSG_DONTWAIT);

		if (n == (ssize_t)size)
			return 1;
		if (n >= 0 || (errno != EAGAIN && errno != EINTR))
			return 0;
	}
}

void child_send(const struct child *c, const void *message, size_t size)
{
	(void)send(c->control, message, size, MSG_NOSIGNAL);
}

void child_ended(struct child *c, int wait_status)
{
	c->ended = true;
	c->status = wait_status;
}

static int describe_end(const struct child *c, struct err *e)
{
	int signal;

	if (c->status == -1)
		return err_set(e, 0, "%s ended", c->name);
	if (!WIFSIGNALED(c->status))
		return err_set(e, 0, "%s exited with status %d", c->name, WEXITSTATUS(c->status));
	signal = WTERMSIG(c->status);
	return err_set(e, 0, "%s was killed by signal %d (%s)", c->name, signal, strsignal(signal));
}

int child_blame(struct child *c, int received, struct err *e)
{
	if (received < 0) {
		kill_and_reap(c);
		return err_set(e, 0, "%s was not finished at its deadline", c->name);
	}
	reap(c);
	return describe_end(c, e);
}

void child_done(struct child *c)
{
	kill_and_reap(c);
	if (c->pidfd >= 0)
		close(c->pidfd);
	if (c->control >= 0)
		close(c->control);
	*c = (struct child)CHILD_NONE;
}
