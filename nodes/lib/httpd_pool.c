#include "httpd_pool.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "door.h"
#include "scope.h"

#define AGAIN_NS NS_PER_SEC /* least time between two starts in one place */
#define KILL_NS	 NS_PER_SEC /* beyond the grace that workers keep themselves */

struct worker {
	pid_t pid; /* 0: none */
	uint64_t started;
};

struct pool {
	struct httpd_config config; /* of one worker */
	struct worker *workers;
	unsigned n_alive;
	int signal_fd;
	bool stopping;
};

/* In the worker. */
static void serve(const struct pool *p)
{
	struct fail f;
	int status = httpd_server_run(&p->config, &f);

	if (status != 0)
		fprintf(stderr, "httpd: worker %d: %s\n", (int)getpid(), f.msg);
	_exit(status == 0 ? 0 : 1);
}

static int start(struct pool *p, struct worker *w)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	w->started = time_now();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		close(p->signal_fd);
		/* Die with the pool, also when it died before this line. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			serve(p);
		_exit(1);
	}
	w->pid = pid;
	p->n_alive++;
	return 0;
}

/* Start who is missing and may be started again. Returns when to call again. */
static uint64_t start_missing(struct pool *p, uint64_t now)
{
	uint64_t again = UINT64_MAX;

	for (unsigned i = 0; i < p->config.workers; i++) {
		struct worker *w = &p->workers[i];

		if (w->pid != 0)
			continue;
		if ((w->started != 0 && now < w->started + AGAIN_NS) || start(p, w) != 0)
			again = time_earlier(again, w->started + AGAIN_NS);
	}
	return again;
}

static void bury(struct pool *p, struct worker *w, int status)
{
	int pid = (int)w->pid;

	w->pid = 0;
	p->n_alive--;
	if (p->stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	if (WIFSIGNALED(status))
		fprintf(stderr, "httpd: worker %d was killed by signal %d (%s)\n", pid,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		fprintf(stderr, "httpd: worker %d ended with status %d\n", pid,
			WEXITSTATUS(status));
}

static void reap(struct pool *p)
{
	for (unsigned i = 0; i < p->config.workers; i++) {
		int status;

		if (p->workers[i].pid != 0 &&
		    waitpid(p->workers[i].pid, &status, WNOHANG) == p->workers[i].pid)
			bury(p, &p->workers[i], status);
	}
}

static void tell_all(const struct pool *p, int signal)
{
	for (unsigned i = 0; i < p->config.workers; i++)
		if (p->workers[i].pid != 0)
			kill(p->workers[i].pid, signal);
}

/* Wait until that time or a signal; true when it is one to stop. */
static bool wait_for_signal(struct pool *p, uint64_t until)
{
	struct pollfd pfd = { .fd = p->signal_fd, .events = POLLIN };
	uint64_t now = time_now(), ms = until > now ? (until - now) / NS_PER_MS + 1 : 0;
	struct signalfd_siginfo info;
	bool stop = false;

	poll(&pfd, 1, until == UINT64_MAX ? -1 : ms < INT_MAX ? (int)ms : INT_MAX);
	while (read(p->signal_fd, &info, sizeof(info)) == sizeof(info))
		stop = stop || info.ssi_signo != SIGCHLD;
	reap(p);
	return stop;
}

/* A second signal is passed on, too: workers then leave at once. */
static void stop(struct pool *p)
{
	uint64_t kill_at = time_now() + p->config.grace_ns + KILL_NS;

	p->stopping = true;
	door_shut(p->config.listen_fd);
	tell_all(p, SIGTERM);
	while (p->n_alive != 0) {
		if (wait_for_signal(p, kill_at))
			tell_all(p, SIGTERM);
		if (time_now() >= kill_at) {
			tell_all(p, SIGKILL);
			kill_at = UINT64_MAX;
		}
	}
}

int httpd_pool_run(const struct httpd_config *config, struct fail *f)
{
	scope_free struct worker *workers = scope_alloc(config->workers, sizeof(*workers));
	scope_close int signal_fd = httpd_server_signals(true);
	struct pool p = { .config = *config, .workers = workers, .signal_fd = signal_fd };

	if (signal_fd < 0)
		return fail_set(f, errno, "watch for signals");
	p.config.limit = (config->limit + config->workers - 1) / config->workers;
	while (!wait_for_signal(&p, start_missing(&p, time_now())))
		;
	stop(&p);
	return 0;
}
