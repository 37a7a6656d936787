#include "crew.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "scope.h"

#define GRACE_NS   NS_PER_SEC  /* between being told to stop and being killed */
#define STACK_SIZE (256 << 10) /* of a thread: its large buffers are on the heap */

const char *const crew_mode_names[N_MODES] = {
	[MODE_MULTI_PROCESS] = "multi-process",
	[MODE_MULTI_THREAD] = "multi-thread",
	[MODE_MULTI_PROCESS_ASYNC] = "multi-process-async",
	[MODE_MULTI_THREAD_ASYNC] = "multi-thread-async",
	[MODE_EVENT_LOOP] = "event-loop",
	[MODE_SEQUENTIAL] = "sequential",
};

struct worker {
	struct crew *crew;
	size_t first; /* the job it was started for; pooled ones have none */
	bool alive, joinable;
	pid_t pid;
	pthread_t thread;
};

struct crew {
	struct plan plan; /* the rate is that of one worker */
	job_runner *runner;
	job_listener *listener;
	void *ctx;
	bool pooled;
	_Atomic size_t *queue; /* the next job of a pool; shared with processes */
	int signal_fd;
	int stop_fd;  /* readable once everything has to stop */
	int ready[2]; /* pipe: numbers of jobs that have ended */
	struct worker *workers;
	size_t n_workers, n_alive;
	bool *told;
	size_t n_told;
	int signal;
	uint64_t kill_at;
};

/* Told by a worker: the number of the job goes to the crew. Atomic, being shorter than PIPE_BUF. */
static void notify_crew(void *ctx, size_t job)
{
	struct crew *c = ctx;

	while (write(c->ready[1], &job, sizeof(job)) < 0 && errno == EINTR)
		;
}

/* In the crew's own thread. */
static void tell(struct crew *c, size_t job)
{
	if (c->told[job])
		return;
	c->told[job] = true;
	c->n_told++;
	c->listener(c->ctx, job);
}

static bool is_stopping(const struct crew *c)
{
	struct pollfd p = { .fd = c->stop_fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static void work_off_queue(struct crew *c)
{
	size_t job;

	while ((job = atomic_fetch_add(c->queue, 1)) < c->plan.n_jobs) {
		if (is_stopping(c)) {
			job_end(&c->plan.jobs[job], "not started");
			notify_crew(c, job);
		} else {
			c->runner(&c->plan, &job, 1, c->stop_fd, notify_crew, c);
		}
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct crew *c = w->crew;

	if (c->pooled)
		work_off_queue(c);
	else
		c->runner(&c->plan, &w->first, 1, c->stop_fd, notify_crew, c);
	return NULL;
}

static int start_process(struct worker *w)
{
	pid_t parent = getpid();

	w->pid = fork();
	if (w->pid < 0)
		return errno;
	if (w->pid > 0)
		return 0;
	/* Die with the crew, also when it died before this line. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		work(w);
	_exit(0);
}

static int start_thread(struct worker *w)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);

	int num = pthread_create(&w->thread, &attr, work, w);

	pthread_attr_destroy(&attr);
	w->joinable = num == 0;
	return num;
}

static bool in_processes(const struct crew *c)
{
	return c->plan.mode == MODE_MULTI_PROCESS || c->plan.mode == MODE_MULTI_PROCESS_ASYNC;
}

static void fail_job(struct crew *c, size_t job, const char *text)
{
	enum job_state state = job_state(&c->plan.jobs[job]);

	if (state == JOB_WAITING || state == JOB_RUNNING)
		job_end(&c->plan.jobs[job], text);
	tell(c, job);
}

static void start_workers(struct crew *c)
{
	for (size_t i = 0; i < c->n_workers; i++) {
		struct worker *w = &c->workers[i];

		*w = (struct worker){ .crew = c, .first = i };

		int num = in_processes(c) ? start_process(w) : start_thread(w);
		struct fail f;

		w->alive = num == 0;
		c->n_alive += w->alive;
		if (w->alive || c->pooled)
			continue;
		fail_set(&f, num, "start a worker");
		fail_job(c, i, f.msg);
	}
}

/* What a worker process that ended like this leaves to be said. */
static void bury(struct crew *c, struct worker *w, int status)
{
	char text[128] = "its worker process ended without a result";

	w->alive = false;
	c->n_alive--;
	if (WIFSIGNALED(status))
		snprintf(text, sizeof(text), "worker process %d was killed by signal %d (%s)",
			 (int)w->pid, WTERMSIG(status), strsignal(WTERMSIG(status)));
	for (size_t i = 0; i < c->plan.n_jobs; i++) {
		bool its = c->pooled ? c->plan.jobs[i].result->worker == w->pid : i == w->first;

		if (its)
			fail_job(c, i, text);
	}
}

static void reap(struct crew *c)
{
	for (size_t i = 0; i < c->n_workers; i++) {
		struct worker *w = &c->workers[i];
		int status;

		if (w->alive && waitpid(w->pid, &status, WNOHANG) == w->pid)
			bury(c, w, status);
	}
}

static void read_signals(struct crew *c)
{
	struct signalfd_siginfo s;

	while (read(c->signal_fd, &s, sizeof(s)) == sizeof(s)) {
		uint64_t one = 1;

		if (s.ssi_signo == SIGCHLD) {
			reap(c);
			continue;
		}
		c->signal = (int)s.ssi_signo;
		if (write(c->stop_fd, &one, sizeof(one)) < 0)
			c->kill_at = 0;
		c->kill_at = time_earlier(c->kill_at, time_now() + GRACE_NS);
	}
}

static void read_ready(struct crew *c)
{
	size_t jobs[256];
	ssize_t n = read(c->ready[0], jobs, sizeof(jobs));

	for (ssize_t i = 0; i < n / (ssize_t)sizeof(jobs[0]); i++)
		tell(c, jobs[i]);
}

/* Processes that did not stop when they had to (stopped themselves, perhaps). */
static void kill_late(struct crew *c)
{
	c->kill_at = UINT64_MAX;
	for (size_t i = 0; in_processes(c) && i < c->n_workers; i++)
		if (c->workers[i].alive)
			kill(c->workers[i].pid, SIGKILL);
}

static int timeout_ms(const struct crew *c)
{
	uint64_t now = time_now();

	if (c->kill_at == UINT64_MAX)
		return -1;
	if (c->kill_at <= now)
		return 0;
	uint64_t ms = (c->kill_at - now) / NS_PER_MS + 1;

	return ms < INT_MAX ? (int)ms : INT_MAX;
}

/* Until every job has a result. */
static void wait_for_all(struct crew *c)
{
	struct pollfd p[] = { { .fd = c->ready[0], .events = POLLIN },
			      { .fd = c->signal_fd, .events = POLLIN } };

	while (c->n_told < c->plan.n_jobs) {
		if (c->n_alive == 0) { /* a pool died out */
			for (size_t i = 0; i < c->plan.n_jobs; i++)
				fail_job(c, i, "no worker is left");
			break;
		}
		if (poll(p, 2, timeout_ms(c)) <= 0) {
			if (time_now() >= c->kill_at)
				kill_late(c);
			continue;
		}
		if (p[0].revents != 0)
			read_ready(c);
		if (p[1].revents != 0)
			read_signals(c);
	}
}

static void join(struct crew *c)
{
	for (size_t i = 0; i < c->n_workers; i++) {
		struct worker *w = &c->workers[i];

		if (w->joinable)
			pthread_join(w->thread, NULL);
		else if (w->alive && in_processes(c))
			waitpid(w->pid, NULL, 0);
	}
}

static void run_workers(struct crew *c)
{
	const struct plan *plan = &c->plan;

	c->pooled = plan->mode == MODE_MULTI_PROCESS_ASYNC || plan->mode == MODE_MULTI_THREAD_ASYNC;
	c->n_workers = c->pooled && plan->workers < plan->n_jobs ? plan->workers : plan->n_jobs;
	c->plan.rate_bps = (plan->rate_bps + c->n_workers - 1) / c->n_workers;
	c->workers = scope_alloc(c->n_workers, sizeof(*c->workers));
	if (plan->deadline_ns != UINT64_MAX)
		c->kill_at = plan->deadline_ns + GRACE_NS;
	start_workers(c);
	wait_for_all(c);
	join(c);
	free(c->workers);
}

/* In this thread; the signal descriptor itself says when to stop. */
static void run_here(struct crew *c)
{
	const struct plan *plan = &c->plan;
	size_t *all = scope_alloc(plan->n_jobs, sizeof(*all));

	for (size_t i = 0; i < plan->n_jobs; i++)
		all[i] = i;
	c->stop_fd = c->signal_fd;
	if (plan->mode == MODE_EVENT_LOOP) {
		c->runner(plan, all, plan->n_jobs, c->stop_fd, c->listener, c->ctx);
	} else {
		for (size_t i = 0; i < plan->n_jobs; i++) {
			if (is_stopping(c))
				fail_job(c, i, "not started");
			else
				c->runner(plan, &all[i], 1, c->stop_fd, c->listener, c->ctx);
		}
	}
	free(all);

	struct signalfd_siginfo s;

	if (read(c->signal_fd, &s, sizeof(s)) == sizeof(s))
		c->signal = (int)s.ssi_signo;
}

static int open_signals(const struct plan *plan)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (plan->mode == MODE_MULTI_PROCESS || plan->mode == MODE_MULTI_PROCESS_ASYNC)
		sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int crew_run(const struct plan *plan, job_listener *listener, void *ctx, int *ret_signal,
	     struct fail *f)
{
	scope_free bool *told = scope_alloc(plan->n_jobs, sizeof(*told));
	struct crew c = {
		.plan = *plan,
		.runner = plan->raw ? raw_run : reliable_run,
		.listener = listener,
		.ctx = ctx,
		.kill_at = UINT64_MAX,
		.told = told,
	};
	scope_close int signal_fd = open_signals(plan);
	scope_close int stop_fd = eventfd(0, EFD_CLOEXEC);

	if (signal_fd < 0 || stop_fd < 0 || pipe2(c.ready, O_CLOEXEC) != 0)
		return fail_set(f, errno, "set up the crew");
	c.signal_fd = signal_fd;
	c.stop_fd = stop_fd;
	c.queue = mmap(NULL, sizeof(*c.queue), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (c.queue == MAP_FAILED)
		return fail_set(f, errno, "share memory with workers");
	if (plan->mode == MODE_EVENT_LOOP || plan->mode == MODE_SEQUENTIAL)
		run_here(&c);
	else
		run_workers(&c);
	munmap(c.queue, sizeof(*c.queue));
	close(c.ready[0]);
	close(c.ready[1]);
	*ret_signal = c.signal;
	return 0;
}
