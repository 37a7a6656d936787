/* harness logs LAB [PROGRAM]: what the programs of a lab have said, and say. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "live/request.h"

static const char help[] =
	"Usage: harness logs [OPTION...] LAB [PROGRAM]\n\n"
	"Prints what the programs of a lab have said on standard output and error. With several\n"
	"of them each line begins with the program's name.\n\n"
	"  -f, --follow      and what they say from now on, until the lab goes down\n"
	"  -n, --lines N     of each only the last N lines\n"
	"  -h, --help        this text\n\n"
	"Exit status: 0; 2 there is no such lab or program; 3 it does not answer.\n";

struct logs_options {
	bool follow, limited;
	uint64_t lines;
};

/* The log of one program, as far as it was printed. */
struct tail {
	const struct program_status *program;
	int fd;		  /* -1: there is none */
	struct text line; /* one that is not complete yet */
	bool named;	  /* each line begins with its name */
};

struct tails {
	struct tail *t;
	size_t n;
	int width; /* of the longest name */
};

static void tails_done(struct tails *tails)
{
	for (size_t i = 0; i < tails->n; i++) {
		if (tails->t[i].fd >= 0)
			close(tails->t[i].fd);
		text_done(&tails->t[i].line);
	}
	free(tails->t);
}

/* Where the last n lines begin. */
static off_t find_last_lines(int fd, uint64_t n)
{
	char buf[65536];
	off_t end = lseek(fd, 0, SEEK_END), at = end;
	uint64_t seen = 0;

	while (at > 0) {
		size_t len = at < (off_t)sizeof(buf) ? (size_t)at : sizeof(buf);
		ssize_t got = pread(fd, buf, len, at - (off_t)len);

		if (got != (ssize_t)len)
			return 0;
		at -= (off_t)len;
		for (size_t i = len; i > 0; i--)
			/* The feed at the very end ends a line and begins none. */
			if (buf[i - 1] == '\n' && at + (off_t)i != end && ++seen == n)
				return at + (off_t)i;
	}
	return n == 0 ? end : 0;
}

static void print_line(const struct tail *t, int width)
{
	if (t->named)
		printf("%-*s | ", width, t->program->name);
	fwrite(t->line.s, 1, t->line.len, stdout);
}

/* What is there now. Lines of several programs do not mix, so a line is printed when it is whole. */
static void print_new(struct tail *t, int width)
{
	char buf[65536];
	ssize_t n;

	while (t->fd >= 0 && (n = read(t->fd, buf, sizeof(buf))) > 0) {
		if (!t->named) {
			fwrite(buf, 1, (size_t)n, stdout);
			continue;
		}
		for (ssize_t i = 0; i < n; i++) {
			text_add_bytes(&t->line, &buf[i], 1);
			if (buf[i] != '\n')
				continue;
			print_line(t, width);
			text_done(&t->line);
		}
	}
}

static void print_all(struct tails *tails)
{
	for (size_t i = 0; i < tails->n; i++)
		print_new(&tails->t[i], tails->width);
	fflush(stdout);
}

static void print_rests(struct tails *tails)
{
	for (size_t i = 0; i < tails->n; i++) {
		if (tails->t[i].line.len == 0)
			continue;
		print_line(&tails->t[i], tails->width);
		printf("\n");
	}
	fflush(stdout);
}

static void add_tail(struct tails *tails, const struct program_status *p,
		     const struct logs_options *o)
{
	struct tail *t = &tails->t[tails->n++];
	int len = (int)strlen(p->name);

	t->program = p;
	t->fd = open(p->log, O_RDONLY | O_CLOEXEC);
	if (t->fd >= 0 && o->limited)
		lseek(t->fd, find_last_lines(t->fd, o->lines), SEEK_SET);
	tails->width = len > tails->width ? len : tails->width;
}

static int choose(const struct lab_status *s, const char *program, const struct logs_options *o,
		  struct tails *tails, struct err *e)
{
	tails->t = array_new(s->n_programs, sizeof(*tails->t));
	for (size_t i = 0; i < s->n_programs; i++)
		if (program == NULL || strcmp(s->programs[i].name, program) == 0)
			add_tail(tails, &s->programs[i], o);
	for (size_t i = 0; i < tails->n; i++)
		tails->t[i].named = tails->n > 1;
	if (tails->n > 0)
		return 0;
	if (program == NULL)
		return err_usage(e,
				 "lab '%s' has no programs of its own: what 'harness exec' runs "
				 "speaks for itself",
				 s->name);
	return err_usage(e, "lab '%s' has no program '%s'; 'harness ps %s' lists them", s->name,
			 program, s->name);
}

/* Until the lab is gone, which its connection tells. */
static int follow(struct tails *tails, int connection, struct err *e)
{
	cleanup_close int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd fds[] = {
		{ .fd = events, .events = POLLIN },
		{ .fd = connection, .events = POLLIN },
	};
	char buf[4096];

	if (events < 0)
		return err_set(e, errno, "watch logs");
	for (size_t i = 0; i < tails->n; i++)
		if (tails->t[i].fd >= 0 &&
		    inotify_add_watch(events, tails->t[i].program->log, IN_MODIFY) < 0)
			return err_set(e, errno, "watch %s", tails->t[i].program->log);
	do {
		while (read(events, buf, sizeof(buf)) > 0)
			continue;
		/* After they are watched: nothing is missed between the first look and that. */
		print_all(tails);
		if (ferror(stdout))
			return err_set(e, errno, "print");
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "watch logs");
	} while (fds[1].revents == 0);
	print_all(tails);
	return 0;
}

static int print_logs(const char *lab, const char *program, const struct logs_options *o,
		      struct err *e)
{
	cleanup_by(status_done) struct lab_status s = { 0 };
	cleanup_by(tails_done) struct tails tails = { 0 };
	cleanup_close int connection = -1;

	if (request_connect(lab, &connection, NULL, e) != 0)
		return -1;
	if (request_status(connection, &s, e) != 0)
		return err_prefix(e, "lab '%s'", lab);
	if (choose(&s, program, o, &tails, e) != 0)
		return -1;
	print_all(&tails);
	if (o->follow && follow(&tails, connection, e) != 0)
		return -1;
	print_rests(&tails);
	return 0;
}

static int take_option(int c, void *options, struct err *e)
{
	struct logs_options *o = options;

	if (c == 'f') {
		o->follow = true;
		return 0;
	}
	o->limited = true;
	return options_number("lines", 0, UINT64_MAX, &o->lines, e);
}

static int parse(int argc, char **argv, struct logs_options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "follow", no_argument, NULL, 'f' },
		{ "lines", required_argument, NULL, 'n' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "fn:h", longs, take_option };
	int r = options_read(argc, argv, &line, o, e);

	if (r != 1)
		return r;
	if (optind == argc)
		return err_usage(e, "logs: of which lab? 'harness ps' lists them");
	if (argc - optind > 2)
		return err_usage(e, "logs: a lab and a program, and there is '%s', too",
				 argv[optind + 2]);
	return 1;
}

int cli_logs(int argc, char **argv, struct err *e)
{
	struct logs_options o = { 0 };
	int r = parse(argc, argv, &o, e);

	if (r != 1)
		return r;
	return print_logs(argv[optind], optind + 1 < argc ? argv[optind + 1] : NULL, &o, e);
}
