#include "lab/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"

#define SANDBOX_FLAGS (CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

/* clone3(2) used as fork(2): no stack of its own, the memory is copied. */
static pid_t clone_process(uint64_t flags, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int write_proc(pid_t pid, const char *name, const char *content, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);

	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		return err_set(e, errno, "write %s", path);
	return 0;
}

/* The caller is root inside, and nobody else exists: user_namespaces(7). */
static int map_user(pid_t pid, struct err *e)
{
	char map[64];

	snprintf(map, sizeof(map), "0 %u 1", geteuid());
	if (write_proc(pid, "uid_map", map, e) != 0 || write_proc(pid, "setgroups", "deny", e) != 0)
		return -1;
	snprintf(map, sizeof(map), "0 %u 1", getegid());
	return write_proc(pid, "gid_map", map, e);
}

static int refused(int num, struct err *e)
{
	if (num == EPERM || num == EACCES || num == ENOSPC || num == EUSERS)
		return err_set(e, num,
			       "create namespaces: run as root (sudo ./harness ...), or let users "
			       "create user namespaces; 'harness doctor' says how");
	return err_set(e, num, "create namespaces");
}

int sandbox_fork(struct sandbox *ret_sandbox, struct err *e)
{
	int pair[2];
	int pidfd = -1;
	bool user = false;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return err_set(e, errno, "create a socket pair");

	pid_t pid = clone_process(SANDBOX_FLAGS, &pidfd);

	if (pid < 0 && errno == EPERM) {
		user = true;
		pid = clone_process(SANDBOX_FLAGS | CLONE_NEWUSER, &pidfd);
	}

	int num = errno;
	cleanup_close int mine = pair[pid == 0];

	close(pair[pid != 0]);
	if (pid < 0)
		return refused(num, e);
	*ret_sandbox = (struct sandbox){ .pid = pid, .pidfd = pid == 0 ? -1 : pidfd };
	if (pid > 0 && ((user && map_user(pid, e) != 0) || write(mine, "", 1) != 1)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		sandbox_done(ret_sandbox);
		return user ? -1 : err_set(e, errno, "start the supervisor");
	}
	ret_sandbox->control = take_fd(&mine);
	return pid == 0 ? 0 : 1;
}

/* After PR_SET_PDEATHSIG the parent may have died just before: its socket tells. */
static int die_with_parent(const struct sandbox *s, struct err *e)
{
	char mapped;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return err_set(e, errno, "ask to die with the harness");
	/* Waits until the parent has written the user maps; end of file: the parent is gone. */
	if (read(s->control, &mapped, 1) != 1)
		return err_set(e, 0, "the harness died while the lab was starting");
	return 0;
}

static int private_mounts(struct err *e)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return err_set(e, errno, "make mounts private");
	/* Not possible in a user namespace below a masked /proc (proc(5), containers): the old
	 * one still names our own process correctly, so the lab works without. */
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 &&
	    errno != EPERM)
		return err_set(e, errno, "mount /proc");
	if (mount("harness", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m") != 0)
		return err_set(e, errno, "mount a private /run");
	return 0;
}

int sandbox_enter(const struct sandbox *s, struct err *e)
{
	if (die_with_parent(s, e) != 0)
		return -1;
	if (setsid() < 0)
		return err_set(e, errno, "start a session");
	return private_mounts(e);
}

void sandbox_done(struct sandbox *s)
{
	if (s->pidfd >= 0)
		close(s->pidfd);
	if (s->control >= 0)
		close(s->control);
	s->pidfd = s->control = -1;
}
