#include "lb_workers.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scope.h"

struct workers {
	const struct lb_config *config;
	struct lb_ring *ring;
	int listen_fd;
	unsigned n;
	pid_t pids[LB_WORKERS_MAX]; /* 0: it does not run */
	uint64_t forked;	    /* when one was last */
	bool stopping, failed;
};

static _Noreturn void work(const struct workers *w, unsigned i, pid_t parent)
{
	sigset_t set, none;
	struct fail f;

	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigprocmask(SIG_SETMASK, &set, NULL);
	prctl(PR_SET_PDEATHSIG, SIGUSR2);
	if (getppid() != parent)
		_exit(1);
	if (lb_loop_run(w->config, w->ring, i, w->listen_fd, &set, &f) == 0)
		_exit(0);
	fprintf(stderr, "balancer: worker %u: %s\n", i, f.msg);
	_exit(1);
}

static int start_worker(struct workers *w, unsigned i, struct fail *f)
{
	pid_t parent = getpid(), pid = fork();

	if (pid == 0)
		work(w, i, parent);
	if (pid < 0)
		return fail_set(f, errno, "start worker %u", i);
	w->pids[i] = pid;
	w->forked = time_now();
	return 0;
}

static int start_missing(struct workers *w, struct fail *f)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->pids[i] == 0 && start_worker(w, i, f) != 0)
			return -1;
	return 0;
}

/* The kernel has closed what it had open. */
static void bury(struct workers *w, unsigned i, int status)
{
	uint64_t open = atomic_exchange(&w->ring->worker_open[i], 0);

	w->pids[i] = 0;
	w->ring->open -= open;
	w->ring->stopped += open;
	if (status == 0)
		return;
	w->failed = w->failed || w->stopping;
	fprintf(stderr, "balancer: worker %u ended with %s %d and %llu connections\n", i,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
		(unsigned long long)open);
}

static void reap(struct workers *w)
{
	int status;

	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		for (unsigned i = 0; i < w->n; i++)
			if (w->pids[i] == pid)
				bury(w, i, status);
}

static unsigned n_running(const struct workers *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n; i++)
		n += w->pids[i] != 0;
	return n;
}

static void tell_to_stop(struct workers *w)
{
	w->stopping = true;
	if (w->ring->stop < LB_STOP_NOW)
		w->ring->stop++;
	for (unsigned i = 0; i < w->n; i++)
		if (w->pids[i] != 0)
			kill(w->pids[i], SIGUSR2);
}

/* A worker that dies at once would be replaced as fast as the machine can fork. */
static void replace_dead(struct workers *w)
{
	struct fail f;

	if (w->stopping || n_running(w) == w->n || time_now() - w->forked < NS_PER_SEC)
		return;
	if (start_missing(w, &f) != 0)
		fprintf(stderr, "balancer: %s\n", f.msg);
}

static void supervise(struct workers *w, const sigset_t *signals)
{
	const struct timespec second = { .tv_sec = 1 };

	while (!w->stopping || n_running(w) != 0) {
		int s = sigtimedwait(signals, NULL, &second);

		if (s == SIGTERM || s == SIGINT)
			tell_to_stop(w);
		else if (s == SIGUSR1)
			lb_loop_print_counters(w->config, w->ring);
		reap(w);
		replace_dead(w);
	}
}

int lb_workers_run(const struct lb_config *config, struct lb_ring *ring, unsigned n, int listen_fd,
		   const sigset_t *signals, struct fail *f)
{
	struct workers w = { .config = config, .ring = ring, .listen_fd = listen_fd, .n = n };

	if (start_missing(&w, f) != 0) {
		tell_to_stop(&w);
		return -1;
	}
	supervise(&w, signals);
	return w.failed ? fail_set(f, 0, "a worker failed while it stopped") : 0;
}
