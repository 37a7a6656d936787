/* The lab of `harness up`, from its start to its end, in the foreground or by itself. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "cli/up.h"
#include "live/keeper.h"
#include "run/run.h"

#define LOG "up.log"
/* Of a program's output in an error message. */
#define MAX_OUTPUT 4000

static void ignore_stage(void *arg, const char *stage)
{
	(void)arg;
	(void)stage;
}

static void note(void *arg, const char *text)
{
	const struct up *u = arg;
	time_t now = time(NULL);
	struct tm tm;
	char at[16];

	localtime_r(&now, &tm);
	strftime(at, sizeof(at), "%H:%M:%S", &tm);
	fprintf(stderr, "%s lab %s: %s\n", at, u->identity.name, text);
}

/* ---- why it is not up ---- */

/* The end of what the program has said. */
static void add_output(struct text *t, const struct up *u, const struct program_evidence *p)
{
	cleanup_free char *path = text_format("%s/%s/%s", u->identity.folder, u->identity.run,
					      p->log);
	cleanup_free char *output = NULL;
	size_t len;
	struct err ignored;

	if (fs_read(path, (size_t)1 << 24, &output, &len, &ignored) != 0 || len == 0)
		return;

	const char *last = output + (len > MAX_OUTPUT ? len - MAX_OUTPUT : 0);

	while (len > 0 && output[len - 1] == '\n')
		output[--len] = '\0';
	/* Its last line says most. */
	if (strrchr(last, '\n') != NULL)
		last = strrchr(last, '\n') + 1;
	text_add(t, "; it said: %.300s", last);
}

static bool is_unready(const struct program_evidence *p)
{
	return p->error[0] != '\0' || (!p->ready && !p->told_to_stop &&
				       (p->state == PROGRAM_EXITED || p->state == PROGRAM_KILLED));
}

/* The exit status, with *e; 0: they are all ready. */
static int check_ready(const struct up *u, const struct evidence *ev, struct err *e)
{
	for (size_t i = 0; i < ev->n_programs; i++) {
		const struct program_evidence *p = &ev->programs[i];
		cleanup_by(text_done) struct text why = { 0 };

		if (!is_unready(p))
			continue;
		if (p->error[0] != '\0')
			text_add(&why, "%s", p->error);
		else
			text_add(&why, "%s %d before it was ready",
				 p->state == PROGRAM_EXITED ? "exited with status"
							    : "was killed by signal",
				 p->status);
		add_output(&why, u, p);
		err_set(e, 0, "program %s of lab %s: %s (%s/%s/%s)", p->name, u->identity.name,
			text_str(&why), u->session.folder, u->identity.run, p->log);
		return EXIT_EXPECTATION;
	}
	return 0;
}

/* Main prints errors that end the program with 2 or 3; this is another status. */
static int failed_to_start(const struct up *u, const struct evidence *ev, struct err *e)
{
	int status = ev->interrupted && run_caught_signal() != 0 ? EXIT_SIGNAL + run_caught_signal()
								 : check_ready(u, ev, e);

	if (status == EXIT_EXPECTATION)
		fprintf(stderr, "harness: %s\n", e->msg);
	if (status != 0)
		return status;
	if (ev->failed) {
		*e = ev->error;
		return err_prefix(e, "lab %s", u->identity.name);
	}
	return err_set(e, 0, "lab %s ended before it was up", u->identity.name);
}

/* ---- how it ended ---- */

static uint64_t count_packets(const struct evidence *ev, uint64_t *ret_dropped)
{
	uint64_t n = 0;

	*ret_dropped = 0;
	for (size_t i = 0; i < ev->n_captures; i++) {
		n += ev->captures[i].packets;
		*ret_dropped += ev->captures[i].dropped;
	}
	return n;
}

static void describe_end(const struct up *u, const struct evidence *ev, struct text *t)
{
	const char *folder = u->identity.folder, *run = u->identity.run;
	uint64_t dropped, packets = count_packets(ev, &dropped);

	text_add(t, "down");
	if (ev->n_captures == 0)
		text_add(t, "; logs: %s/%s/logs", folder, run);
	else if (ev->stage == STAGE_DONE)
		text_add(t, "; %llu packets: %s/%s/%s", (unsigned long long)packets, folder, run,
			 ev->merged);
	else
		text_add(t, "; its captures are not complete: %s/%s", folder, run);
	if (dropped > 0)
		text_add(t,
			 "; %llu packets were not recorded: give 'capture { buffer = }' more than "
			 "%zu bytes",
			 (unsigned long long)dropped, u->topology.capture.buffer);
}

/* Ended by its user is a good end; anything else is not. */
static int end_status(const struct up *u, const struct evidence *ev, struct err *e)
{
	if (ev->failed) {
		*e = ev->error;
		return err_prefix(e, "lab %s", u->identity.name);
	}
	if (ev->supervisor_signal != 0)
		return err_set(e, 0, "lab %s: its supervisor was killed by signal %d",
			       u->identity.name, ev->supervisor_signal);
	if (!ev->interrupted)
		return err_set(e, 0, "lab %s: its recorder or its link engine ended",
			       u->identity.name);
	return 0;
}

/* ---- from start to end ---- */

static int start_run(struct up *u, struct run **ret_run, struct err *e)
{
	const struct run_request request = {
		.planned = &u->live,
		.folder = text_format("%s/%s", u->identity.folder, u->identity.run),
		.comment = text_format("topology %s, lab %s, %s\n%s", u->topology.path,
				       u->identity.name, u->identity.run, u->session.command),
		.engine = u->options->run.engine,
		.keep = true,
		.keeper = u->listener,
		.stage_began = ignore_stage,
	};

	if (run_start(&request, ret_run, e) != 0 || run_await(*ret_run, e) != 0)
		return -1;
	return run_begin(*ret_run, e);
}

static int serve(struct up *u, struct run *run, int (*ready)(void *arg, struct err *e), void *arg,
		 struct err *e)
{
	const struct keeper_config config = {
		.run = run,
		.topology = &u->topology,
		.identity = &u->identity,
		.listener = u->listener,
		.note = note,
		.arg = u,
	};
	struct keeper *keeper = NULL;
	struct text end = { 0 };

	int r = keeper_start(&config, &keeper, e);

	if (r == 0)
		r = ready(arg, e);
	if (r == 0)
		r = keeper_serve(keeper, e);
	describe_end(u, run_evidence(run), &end);
	if (r == 0)
		r = end_status(u, run_evidence(run), e);
	note(u, text_str(&end));
	run_release(run);
	run_free(run);
	keeper_free(keeper, text_str(&end));
	text_done(&end);
	return r;
}

int up_lab(struct up *u, int (*ready)(void *arg, struct err *e), void *arg, struct err *e)
{
	struct run *run = NULL;

	u->identity.pid = getpid();
	signal(SIGPIPE, SIG_IGN);
	if (run_catch_signals(e) != 0)
		return -1;

	int r = start_run(u, &run, e);

	if (r == 0 && run_phase(run) != RUN_OVER)
		r = check_ready(u, run_evidence(run), e);
	if (r == EXIT_EXPECTATION)
		fprintf(stderr, "harness: %s\n", e->msg);
	else if (r == 0 && run_phase(run) == RUN_OVER)
		r = failed_to_start(u, run_evidence(run), e);
	else if (r == 0)
		return serve(u, run, ready, arg, e);
	run_free(run);
	return r;
}

/* ---- by itself ---- */

/* What the lab's process says when it is up or has failed. */
struct report {
	int status; /* -1: see error; 0: it is up */
	struct err error;
};

static int report_ready(void *arg, struct err *e)
{
	const struct report report = { .status = 0 };

	if (send(*(const int *)arg, &report, sizeof(report), MSG_NOSIGNAL) < 0)
		return err_set(e, errno, "nobody waits for the lab any more");
	return 0;
}

static int leave_terminal(const struct up *u, struct err *e)
{
	cleanup_free char *path = text_format("%s/" LOG, u->session.folder);
	cleanup_close int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cleanup_close int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (in < 0 || out < 0)
		return err_set(e, errno, "open %s", in < 0 ? "/dev/null" : path);
	if (setsid() < 0 || dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		return err_set(e, errno, "leave the terminal");
	return 0;
}

static _Noreturn void daemon_main(struct up *u, int socket)
{
	struct report report = { 0 };
	struct err late;

	report.status = leave_terminal(u, &report.error);
	if (report.status == 0)
		report.status = up_lab(u, report_ready, &socket, &report.error);
	if (report.status == -1)
		fprintf(stderr, "harness: %s\n", report.error.msg);
	if (session_write(&u->session, &u->options->run, &late) != 0)
		fprintf(stderr, "harness: %s\n", late.msg);
	/* When it was up nobody is there to read this any more. */
	send(socket, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(report.status == 0 ? 0 : EXIT_MACHINE);
}

int up_detached(struct up *u, struct err *e)
{
	struct report report;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set(e, errno, "create a socket pair");

	cleanup_close int mine = ends[0];
	pid_t pid = fork();

	if (pid == 0) {
		close(take_fd(&mine));
		daemon_main(u, ends[1]);
	}
	close(ends[1]);
	if (pid < 0)
		return err_set(e, errno, "start the lab's process");
	if (recv(mine, &report, sizeof(report), 0) != sizeof(report))
		return err_set(e, 0, "the lab's process was killed; its log: %s/" LOG,
			       u->session.folder);
	if (report.status == 0)
		return up_print(u, e);
	*e = report.error;
	/* The log has it, and nobody is to look for it there. */
	if (report.status == EXIT_EXPECTATION)
		fprintf(stderr, "harness: %s\n", e->msg);
	return report.status;
}
