#include "verify/log_tail.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define LAST_LINES 10
#define MAX_OUTPUT 4096 /* bytes of a log that are shown */
/* A line of NAME.times: 1700000000.123456789. */
#define TIME_LEN 21

/* Where the last lines of these bytes begin. */
static size_t last_lines(const char *s, size_t len)
{
	size_t lines = 0, at = len;

	if (at > 0 && s[at - 1] == '\n')
		at--;
	for (; at > 0; at--)
		if (s[at - 1] == '\n' && ++lines == LAST_LINES)
			return at;
	return at;
}

/* Bytes of well-formed UTF-8 at s that are for showing; 0 when there are none. */
static size_t printable(const char *s, size_t left)
{
	unsigned char c = (unsigned char)*s;

	if (c == '\n' || c == '\t' || (c >= ' ' && c < 0x7f))
		return 1;
	/* U+0080 to U+009F are control characters, too (ECMA-48). */
	for (size_t len = 2; c >= 0xc2 && len <= 4 && len <= left; len++)
		if (text_is_utf8(s, len))
			return c == 0xc2 && (unsigned char)s[1] < 0xa0 ? 0 : len;
	return 0;
}

/* Escapes make it longer: what does not fit is cut off in front, where the older lines are. */
static char *sanitised(const char *s, size_t len)
{
	struct text t = { 0 };

	for (size_t i = 0; i < len;) {
		size_t n = printable(s + i, len - i);

		if (n != 0)
			text_add_bytes(&t, s + i, n);
		else
			text_add(&t, "\\x%02x", (unsigned char)s[i]);
		i += n != 0 ? n : 1;
	}
	if (t.len <= MAX_OUTPUT)
		return text_take(&t);

	size_t from = t.len - MAX_OUTPUT;

	while (((unsigned char)t.s[from] & 0xc0) == 0x80)
		from++;

	char *end = text_dup(t.s + from);

	text_done(&t);
	return end;
}

/* ---- when they came ---- */

/* Of a log whose every line has its time; that of a transfer's program has none. */
static bool has_times(const struct trial *t, const char *log)
{
	for (size_t i = 0; i < t->evidence->n_programs; i++) {
		const struct program_evidence *p = &t->evidence->programs[i];

		if (strcmp(p->log, log) == 0)
			return p->transfer == NO_TRANSFER && p->output == p->output_kept;
	}
	return false;
}

/* Since every server was ready, or, when that never came, since the run began. */
static double seconds_since_ready(const struct trial *t, const char *line)
{
	const struct evidence *ev = t->evidence;
	uint64_t ready = ev->ready_ns != 0 ? ev->ready_ns - ev->started_ns : 0;
	uint64_t origin = ev->started_real_ns + ready;
	char *rest;
	uint64_t s = strtoull(line, &rest, 10);
	uint64_t ns = *rest == '.' ? strtoull(rest + 1, NULL, 10) : 0;

	return ((double)s - (double)(origin / NS_PER_SEC)) +
	       ((double)ns - (double)(origin % NS_PER_SEC)) / 1e9;
}

/* Those of the last n lines; false when there are none, or not so many. */
static bool read_times(const struct trial *t, const char *log, size_t n, double *ret_seconds)
{
	size_t stem = strlen(log) - strlen(".log");
	cleanup_free char *path = text_format("%s/%.*s.times", t->folder, (int)stem, log);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char lines[LAST_LINES * TIME_LEN + 1] = { 0 };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || st.st_size >= (off_t)MAX_LOG_TIMES * TIME_LEN ||
	    st.st_size < (off_t)(n * TIME_LEN) ||
	    pread(fd, lines, n * TIME_LEN, st.st_size - (off_t)(n * TIME_LEN)) !=
		    (ssize_t)(n * TIME_LEN))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (lines[i * TIME_LEN + TIME_LEN - 1] != '\n')
			return false;
		ret_seconds[i] = seconds_since_ready(t, lines + i * TIME_LEN);
	}
	return true;
}

/* ---- both ---- */

static size_t count_lines(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += s[i] == '\n' || i + 1 == len;
	return n;
}

static void add_with_times(struct text *t, const char *s, size_t len, const double *seconds)
{
	for (size_t at = 0, line = 0; at < len; line++) {
		const char *end = memchr(s + at, '\n', len - at);
		size_t n = end != NULL ? (size_t)(end - s) + 1 - at : len - at;

		text_add(t, "%8.3f s  ", seconds[line]);
		text_add_bytes(t, s + at, n);
		at += n;
	}
}

char *log_tail(const struct trial *t, const char *log)
{
	cleanup_free char *path = text_format("%s/%s", t->folder, log);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	double seconds[LAST_LINES];
	char buf[MAX_OUTPUT];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return NULL;

	off_t from = st.st_size > MAX_OUTPUT ? st.st_size - MAX_OUTPUT : 0;
	ssize_t n = pread(fd, buf, sizeof(buf), from);

	if (n <= 0)
		return NULL;

	size_t start = last_lines(buf, (size_t)n), len = (size_t)n - start;

	if (!has_times(t, log) || !read_times(t, log, count_lines(buf + start, len), seconds))
		return sanitised(buf + start, len);

	cleanup_by(text_done) struct text timed = { 0 };

	add_with_times(&timed, buf + start, len, seconds);
	return sanitised(timed.s, timed.len);
}
