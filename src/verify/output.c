#include "verify/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

/* One expression over one output: far beyond what 64 MiB take when it does not backtrack. */
#define MAX_SEARCH (60 * NS_PER_SEC)
/* Lines between two looks at the clock. */
#define CLOCK_LINES 256

/* "logs/a/x.log" has its times in "logs/a/x.times". */
static char *times_path(const char *log)
{
	size_t len = strlen(log);

	if (len > 4 && strcmp(log + len - 4, ".log") == 0)
		len -= 4;
	return text_format("%.*s.times", (int)len, log);
}

/* Logs of programs that never ran are not there; times of those that nobody keeps are not. */
int output_open(struct output *o, const struct trial *t, const struct program_evidence *p,
		struct err *e)
{
	cleanup_free char *times = NULL;
	struct err missing;

	*o = (struct output){ .path = text_format("%s/%s", t->folder, p->log) };
	times = times_path(o->path);
	o->has_gap = p->output_kept < p->output;
	o->until_ns = clock_ns() + MAX_SEARCH;
	if (fs_map_open(&o->times, times, &missing) != 0)
		o->times = (struct fs_map){ .data = NULL };
	return fs_map_open(&o->log, o->path, e);
}

/* "1700000000.123456789\n": digits but for the point. */
static uint64_t next_time(struct output *o)
{
	const uint8_t *s = o->times.data;
	uint64_t seconds = 0, fraction = 0, unit = NS_PER_SEC;

	if (o->times_at >= o->times.len)
		return 0;
	for (; o->times_at < o->times.len && s[o->times_at] >= '0' && s[o->times_at] <= '9';
	     o->times_at++)
		seconds = seconds * 10 + (s[o->times_at] - '0');
	if (o->times_at < o->times.len && s[o->times_at] == '.')
		o->times_at++;
	for (; o->times_at < o->times.len && s[o->times_at] >= '0' && s[o->times_at] <= '9';
	     o->times_at++) {
		unit /= 10;
		fraction += unit * (s[o->times_at] - '0');
	}
	while (o->times_at < o->times.len && s[o->times_at++] != '\n')
		;
	return seconds * NS_PER_SEC + fraction;
}

bool output_next(struct output *o, struct output_line *ret_line)
{
	const char *s = (const char *)o->log.data + o->at;
	size_t left = o->log.len - o->at;

	if (left == 0)
		return false;

	const char *end = memchr(s, '\n', left);
	size_t len = end != NULL ? (size_t)(end - s) : left;

	o->at += end != NULL ? len + 1 : len;
	if (end != NULL && len > 0 && s[len - 1] == '\r')
		len--;
	*ret_line = (struct output_line){ s, len, ++o->number, next_time(o) };
	return true;
}

int output_find(struct output *o, const struct pattern *p, struct output_line *ret_line,
		struct err *e)
{
	struct output_line line;

	while (output_next(o, &line)) {
		int found = pattern_match(p, line.text, line.len, 0, NULL, 0, e);

		if (found < 0)
			return err_prefix(e, "line %llu", (unsigned long long)line.number);
		if (found > 0) {
			*ret_line = line;
			return 1;
		}
		if (line.number % CLOCK_LINES == 0 && clock_ns() > o->until_ns)
			return err_set(e, 0, "it takes too long: given up in line %llu",
				       (unsigned long long)line.number);
	}
	return 0;
}

void output_done(struct output *o)
{
	fs_map_close(&o->log);
	fs_map_close(&o->times);
	free(o->path);
	o->path = NULL;
}
