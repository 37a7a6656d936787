/* harness down LAB...: ends labs and waits until they are gone. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fdpass.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "live/request.h"

/* Longer than the supervisor gives captures to drain and merge. */
#define DEFAULT_TIMEOUT "180"
#define DEFAULT_SECONDS 180
/* How often the list of names is looked at, which nothing announces, and how long after a kill. */
#define LOOK_NS	     (5 * NS_PER_MS)
#define KILL_SECONDS 10

static const char help[] =
	"Usage: harness down [OPTION...] LAB...\n\n"
	"Ends labs that 'harness up' started: programs are told to stop, captures are drained and\n"
	"merged, and nothing else is left. Returns when they are gone.\n\n"
	"  -a, --all            all labs of this user (of all users: root)\n"
	"  -t, --timeout SECS   kill what has not ended by then; its captures are not merged\n"
	"                       (default: " DEFAULT_TIMEOUT ")\n"
	"  -h, --help           this text\n\n"
	"Exit status: 0 they are gone; 2 there is no such lab; 3 one had to be killed.\n";

struct down_options {
	bool all;
	uint64_t seconds;
};

static bool await_name(const struct registered *lab, uint64_t deadline_ns)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };

	while (registry_is_taken(lab)) {
		if (clock_ns() >= deadline_ns)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

/* Its last words, or false: there are none, as it was killed or the time is over. */
static bool await_farewell(int connection, uint64_t deadline_ns, char *words, size_t room)
{
	uint64_t now = clock_ns();
	int left_ms = deadline_ns > now ? (int)((deadline_ns - now) / NS_PER_MS) + 1 : 0;
	struct pollfd fd = { .fd = connection, .events = POLLIN };

	if (poll(&fd, 1, left_ms) <= 0)
		return false;

	ssize_t n = recv(connection, words, room - 1, MSG_DONTWAIT);

	words[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* With its process all that belongs to the lab goes. */
static int kill_lab(const struct registered *lab, pid_t pid, uint64_t seconds, struct err *e)
{
	if (pid != 0 && kill(pid, SIGKILL) != 0 && errno != ESRCH)
		return err_set(e, errno, "lab '%s': kill process %d", lab->name, pid);
	if (!await_name(lab, clock_ns() + KILL_SECONDS * NS_PER_SEC))
		return err_set(e, 0, "lab '%s' is still there", lab->name);
	printf("%s: killed after %llu s; its captures are not merged\n", lab->name,
	       (unsigned long long)seconds);
	return EXIT_MACHINE;
}

static int end_lab(const struct registered *lab, uint64_t seconds, struct err *e)
{
	uint64_t deadline = clock_ns() + seconds * NS_PER_SEC;
	cleanup_close int fd = -1;
	char words[4096];
	pid_t pid;

	switch (registry_connect(lab, REQUEST_DEADLINE, &fd, &pid)) {
	case REGISTRY_GONE:
		printf("%s: was going down already\n", lab->name);
		return await_name(lab, deadline) ? 0 : err_set(e, 0, "'%s' stays", lab->name);
	case REGISTRY_STARTING:
		return err_set(e, 0, "lab '%s' is not up yet: try again in a moment", lab->name);
	case REGISTRY_SILENT:
		return err_set(e, 0, "lab '%s' does not answer: kill its process by hand",
			       lab->name);
	case REGISTRY_CONNECTED:
		break;
	}
	fdpass_send(fd, REQUEST_DOWN, strlen(REQUEST_DOWN), NULL, 0);
	if (await_farewell(fd, deadline, words, sizeof(words)) && await_name(lab, deadline)) {
		printf("%s: %s\n", lab->name, words);
		return 0;
	}
	if (!registry_is_taken(lab)) {
		printf("%s: was killed meanwhile\n", lab->name);
		return EXIT_MACHINE;
	}
	return kill_lab(lab, pid, seconds, e);
}

/* All are tried; the worst status is the one of all. */
static int end_labs(const struct registered *labs, size_t n, uint64_t seconds, struct err *e)
{
	int worst = 0;

	for (size_t i = 0; i < n; i++) {
		struct err one;
		int r = end_lab(&labs[i], seconds, &one);

		if (r == -1 && worst != -1)
			*e = one;
		else if (r == -1)
			fprintf(stderr, "harness: %s\n", one.msg);
		if (worst != -1 && r != 0)
			worst = r;
	}
	return worst;
}

static int end_named(int argc, char **argv, uint64_t seconds, struct err *e)
{
	size_t n = (size_t)(argc - optind);
	cleanup_free struct registered *labs = array_new(n, sizeof(*labs));

	/* A wrong name among them, and none is touched. */
	for (size_t i = 0; i < n; i++)
		if (registry_find(argv[(size_t)optind + i], &labs[i], e) != 0)
			return -1;
	return end_labs(labs, n, seconds, e);
}

static int end_all(uint64_t seconds, struct err *e)
{
	cleanup_free struct registered *labs = NULL;
	size_t n;

	if (registry_list(&labs, &n, e) != 0)
		return -1;
	return end_labs(labs, n, seconds, e);
}

static int take_option(int c, void *options, struct err *e)
{
	struct down_options *o = options;

	if (c == 't')
		return options_number("timeout", 0, 86400, &o->seconds, e);
	o->all = true;
	return 0;
}

static int parse(int argc, char **argv, struct down_options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "timeout", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "at:h", longs, take_option };
	int r = options_read(argc, argv, &line, o, e);

	if (r != 1)
		return r;
	if (!o->all && optind == argc)
		return err_usage(e, "down: which lab? 'harness ps' lists them; --all ends all");
	if (o->all && optind < argc)
		return err_usage(e, "down: --all, or '%s'?", argv[optind]);
	return 1;
}

int cli_down(int argc, char **argv, struct err *e)
{
	struct down_options o = { .seconds = DEFAULT_SECONDS };
	int r = parse(argc, argv, &o, e);

	if (r != 1)
		return r;
	return o.all ? end_all(o.seconds, e) : end_named(argc, argv, o.seconds, e);
}
