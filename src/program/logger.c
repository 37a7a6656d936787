#include "program/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/pattern.h"
#include "base/text.h"
#include "program/output.h"

#define CHUNK ((size_t)64 << 10)
/* As much of a line as is looked at for ready-output. */
#define MAX_LINE ((size_t)8 << 10)

struct stream {
	struct program_evidence *evidence;
	int in, log;
	FILE *times;
	uint64_t n_times;
	bool in_line; /* the last byte was not the end of a line */
	struct pattern *ready;
	struct text line; /* the beginning of the line that is not complete yet */
	bool line_matched;
	char *tail; /* a ring of OUTPUT_TAIL bytes, once the head is full */
	uint64_t tail_bytes;
	bool broken; /* nothing more can be written, for this reason */
	struct err why;
};

/* ---- a chunk of output ---- */

/*
 * A full disk is no fault of the program: it is read on, so that it does not die of SIGPIPE. What
 * was not kept shows in its evidence.
 */
static void give_up_times(struct stream *s)
{
	if (!s->broken)
		err_set(&s->why, errno, "write the times of %s", s->evidence->log);
	s->broken = true;
}

static bool write_log(struct stream *s, const char *bytes, size_t len)
{
	if (!s->broken && fs_write_fd(s->log, bytes, len, &s->why) != 0) {
		err_prefix(&s->why, "write %s", s->evidence->log);
		s->broken = true;
	}
	return !s->broken;
}

/* At most a ring full. */
static void keep_tail(struct stream *s, const char *bytes, size_t len)
{
	size_t at = (size_t)(s->tail_bytes % OUTPUT_TAIL);
	size_t first = len < OUTPUT_TAIL - at ? len : (size_t)OUTPUT_TAIL - at;

	if (s->tail == NULL)
		s->tail = array_new(OUTPUT_TAIL, 1);
	memcpy(s->tail + at, bytes, first);
	memcpy(s->tail, bytes + first, len - first);
	s->tail_bytes += len;
}

_Static_assert(CHUNK <= OUTPUT_TAIL, "a chunk goes into the ring at once");

static void keep_bytes(struct stream *s, const char *bytes, size_t len)
{
	struct program_evidence *p = s->evidence;
	uint64_t room = OUTPUT_HEAD - p->output_kept;
	size_t head = len < room ? len : (size_t)room;

	p->output += len;
	if (write_log(s, bytes, head))
		p->output_kept += head;
	if (len > head)
		keep_tail(s, bytes + head, len - head);
}

static void keep_time(struct stream *s, const struct timespec *now)
{
	if (s->broken || s->n_times++ >= MAX_LOG_TIMES || s->tail != NULL)
		return;
	if (fprintf(s->times, "%lld.%09ld\n", (long long)now->tv_sec, now->tv_nsec) < 0)
		give_up_times(s);
}

/* A prompt is not followed by the end of a line: what there is of it is looked at, too. */
static void look_at_line(struct stream *s)
{
	struct err ignored; /* beyond its bounds: no match */

	if (s->line_matched ||
	    pattern_match(s->ready, text_str(&s->line), s->line.len, 0, NULL, 0, &ignored) != 1)
		return;
	s->line_matched = true;
	__atomic_add_fetch(&s->evidence->ready_lines, 1, __ATOMIC_RELEASE);
}

/* Of one line, with its end or without. */
static void look_for_ready(struct stream *s, const char *bytes, size_t len)
{
	bool ends = bytes[len - 1] == '\n';
	size_t room = MAX_LINE - s->line.len;

	len -= ends;
	text_add_bytes(&s->line, bytes, len < room ? len : room);
	look_at_line(s);
	if (!ends)
		return;
	text_done(&s->line);
	s->line_matched = false;
}

static void keep_line(struct stream *s, const char *bytes, size_t len, const struct timespec *now)
{
	if (!s->in_line)
		keep_time(s, now);
	s->in_line = bytes[len - 1] != '\n';
	if (s->ready != NULL)
		look_for_ready(s, bytes, len);
}

static void keep(struct stream *s, const char *bytes, size_t len)
{
	struct timespec now;
	size_t at = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	keep_bytes(s, bytes, len);
	while (at < len) {
		const char *end = memchr(bytes + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - bytes) + 1 - at : len - at;

		keep_line(s, bytes + at, n, &now);
		at += n;
	}
	/* People look at both while the program runs. */
	if (fflush(s->times) != 0)
		give_up_times(s);
}

/* 1: there was something, 0: not now, -1. */
static int read_some(struct stream *s, struct err *e)
{
	static char buf[CHUNK];
	ssize_t n = read(s->in, buf, sizeof(buf));

	if (n > 0) {
		keep(s, buf, (size_t)n);
		return 1;
	}
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return err_set(e, errno, "read the output of %s", s->evidence->name);
	return 0;
}

/* ---- its beginning and end ---- */

static FILE *create_times(const char *folder, const char *log)
{
	cleanup_free char *path = text_format("%s/%.*s.times", folder,
					      (int)(strlen(log) - strlen(".log")), log);

	return fopen(path, "we");
}

static int open_stream(const struct logger_config *config, const struct logger_stream *k,
		       struct stream *s, struct err *e)
{
	const struct command *c = config->programs->p[k->program].command;
	cleanup_free char *log = NULL;

	s->evidence = &config->evidence->programs[k->program];
	s->in = k->in;
	log = text_format("%s/%s", config->folder, s->evidence->log);
	s->log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	s->times = create_times(config->folder, s->evidence->log);
	if (s->log < 0 || s->times == NULL)
		return err_set(e, errno, "create %s", log);
	return c->ready_output == NULL ? 0 : pattern_new(c->ready_output, &s->ready, NULL, e);
}

static void write_tail(struct stream *s)
{
	struct program_evidence *p = s->evidence;
	uint64_t kept = s->tail_bytes < OUTPUT_TAIL ? s->tail_bytes : OUTPUT_TAIL;
	uint64_t left_out = s->tail_bytes - kept;
	size_t from = (size_t)(s->tail_bytes - kept) % OUTPUT_TAIL;
	size_t first = (size_t)(kept < OUTPUT_TAIL - from ? kept : OUTPUT_TAIL - from);
	cleanup_free char *gap = text_format("\n[harness left out %" PRIu64 " bytes here]\n",
					     left_out);

	if (left_out != 0)
		write_log(s, gap, strlen(gap));
	write_log(s, s->tail + from, first);
	if (write_log(s, s->tail, (size_t)kept - first))
		p->output_kept += kept;
}

static int finish_stream(struct stream *s, struct err *e)
{
	int r;

	while ((r = read_some(s, e)) == 1)
		continue;
	if (s->tail != NULL)
		write_tail(s);
	if (fclose(s->times) != 0)
		give_up_times(s);
	if (r == 0 && s->broken)
		*e = s->why;
	return s->broken ? -1 : r;
}

/* ---- the process ---- */

/* Until there is a message; then *ret_gone says whether it was the end of the parent. */
static int keep_all(struct stream *streams, size_t n, int control, bool *ret_gone, struct err *e)
{
	cleanup_free struct pollfd *fds = array_new(n + 1, sizeof(*fds));

	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){ .fd = streams[i].in, .events = POLLIN };
	fds[n] = (struct pollfd){ .fd = control, .events = POLLIN };
	for (;;) {
		char message;

		if (poll(fds, n + 1, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "wait for output");
		for (size_t i = 0; i < n; i++)
			if (fds[i].revents != 0 && read_some(&streams[i], e) < 0)
				return -1;
		if (fds[n].revents != 0) {
			*ret_gone = recv(control, &message, 1, 0) != 1;
			return 0;
		}
	}
}

static int carry_out(const struct logger_config *config, int control, struct err *e)
{
	struct stream *streams = array_new(config->n_streams, sizeof(*streams));
	struct logger_report ready = { 0 };
	bool gone = false;
	int r = 0;

	for (size_t i = 0; i < config->n_streams; i++)
		if (open_stream(config, &config->streams[i], &streams[i], e) != 0)
			return -1;
	(void)send(control, &ready, sizeof(ready), MSG_NOSIGNAL);
	if (keep_all(streams, config->n_streams, control, &gone, e) != 0)
		return -1;
	for (size_t i = 0; i < config->n_streams && !gone; i++) {
		struct err other;

		if (finish_stream(&streams[i], r == 0 ? e : &other) != 0)
			r = -1;
	}
	return r;
}

void logger_run(const struct logger_config *config, int control)
{
	struct logger_report report = { 0 };

	/* The terminal's are for the harness, which tells us when to end. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	report.failed = carry_out(config, control, &report.error) != 0;
	(void)send(control, &report, sizeof(report), MSG_NOSIGNAL);
	_exit(report.failed);
}
