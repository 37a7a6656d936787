#include "program/output.h"

#include <fcntl.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/array.h"
#include "base/child.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "program/logger.h"

/* What is in pipes is read at once; the disk may be slow. */
#define STOP_DEADLINE_NS (60 * NS_PER_SEC)

struct output {
	struct child child;
	size_t n; /* as programs */
	int *ends;
};

static int make_pipe(struct output *o, size_t program, int *ret_in, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_set(e, errno, "make a pipe for a program's output");
	*ret_in = ends[0];
	o->ends[program] = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0
		       ? 0
		       : err_set(e, errno, "make a pipe of output non-blocking");
}

static void run(const void *arg, int control)
{
	logger_run(arg, control);
}

static int await(struct output *o, uint64_t deadline_ns, struct err *e)
{
	struct logger_report report;
	int received = child_receive(&o->child, &report, sizeof(report), deadline_ns);

	if (received != 1)
		return child_blame(&o->child, received, e);
	if (report.failed)
		*e = report.error;
	return report.failed ? -1 : 0;
}

static int make_pipes(struct output *o, const struct programs *programs,
		      struct logger_config *config, struct err *e)
{
	for (size_t i = 0; i < programs->n; i++) {
		if (programs->p[i].command == NULL)
			continue;
		config->streams[config->n_streams].program = i;
		if (make_pipe(o, i, &config->streams[config->n_streams].in, e) != 0)
			return -1;
		config->n_streams++;
	}
	return 0;
}

static int start_process(struct output *o, struct logger_config *config, struct err *e)
{
	int r = child_start(&o->child, "the logger", run, config, e);

	for (size_t i = 0; i < config->n_streams; i++)
		close(config->streams[i].in);
	return r != 0 ? -1 : await(o, CHILD_NO_DEADLINE, e);
}

int output_start(const struct programs *programs, struct evidence *ev, const char *folder,
		 struct output **ret_output, struct err *e)
{
	struct output *o = array_new(1, sizeof(*o));
	cleanup_free struct logger_stream *streams = array_new(programs->n, sizeof(*streams));
	struct logger_config config = { programs, ev, folder, streams, 0 };

	*o = (struct output){ CHILD_NONE, programs->n, array_new(programs->n, sizeof(int)) };
	for (size_t i = 0; i < o->n; i++)
		o->ends[i] = -1;
	*ret_output = NULL;
	if (make_pipes(o, programs, &config, e) != 0 ||
	    (config.n_streams != 0 && start_process(o, &config, e) != 0)) {
		output_free(o);
		return -1;
	}
	*ret_output = o;
	return 0;
}

int output_fd(const struct output *o, size_t program)
{
	return o != NULL ? o->ends[program] : -1;
}

bool output_ended(struct output *o, pid_t pid, int status)
{
	if (o == NULL || o->child.ended || pid != o->child.pid)
		return false;
	child_ended(&o->child, status);
	return true;
}

int output_stop(struct output *o, struct err *e)
{
	if (o == NULL || o->child.pid == 0)
		return 0;
	child_send(&o->child, "", 1);
	return await(o, clock_ns() + STOP_DEADLINE_NS, e);
}

void output_free(struct output *o)
{
	if (o == NULL)
		return;
	child_done(&o->child);
	for (size_t i = 0; i < o->n; i++)
		if (o->ends[i] >= 0)
			close(o->ends[i]);
	free(o->ends);
	free(o);
}
