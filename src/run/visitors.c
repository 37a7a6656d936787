#include "run/visitors.h"

#include <ctype.h>
#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"

/* Between SIGHUP and SIGKILL, and for the killed to be gone. */
#define GRACE_NS NS_PER_SEC
#define LOOK_NS	 (5 * NS_PER_MS)

/* Where a private /proc is refused (sandbox.c), its numbers are those of other processes. */
static bool proc_is_ours(void)
{
	char self[16];
	ssize_t len = readlink("/proc/self", self, sizeof(self) - 1);

	return len == 1 && self[0] == '1';
}

/* A zombie has ended: proc_pid_stat(5). */
static bool is_alive(const char *pid)
{
	cleanup_free char *path = text_format("/proc/%s/stat", pid);
	cleanup_free char *stat = NULL;
	struct err ignored;

	if (fs_read(path, 4096, &stat, NULL, &ignored) != 0)
		return false;

	const char *name_end = strrchr(stat, ')');

	return name_end != NULL && name_end[1] == ' ' && name_end[2] != 'Z' && name_end[2] != 'X';
}

/* How many there are; each gets the signals. */
static size_t signal_all(const struct visitors *v, const int *signals, size_t n_signals)
{
	cleanup_closedir DIR *proc = opendir("/proc");
	const struct dirent *d;
	size_t n = 0;

	while (proc != NULL && (d = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (!isdigit((unsigned char)d->d_name[0]) || pid == 1 || pid == v->recorder ||
		    pid == v->engine || !is_alive(d->d_name))
			continue;
		for (size_t i = 0; i < n_signals; i++)
			kill(pid, signals[i]);
		n++;
	}
	return n;
}

void visitors_end(const struct visitors *v)
{
	/* Interactive shells take SIGHUP alone for an end; what is stopped has to go on to end. */
	static const int politely[] = { SIGHUP, SIGTERM, SIGCONT };
	static const int finally[] = { SIGKILL };
	uint64_t deadline = clock_ns() + GRACE_NS;

	if (!proc_is_ours())
		return;
	signal_all(v, politely, 3);
	while (signal_all(v, NULL, 0) > 0 && clock_ns() < deadline)
		v->wait(v->arg, clock_ns() + LOOK_NS);
	deadline = clock_ns() + GRACE_NS;
	while (signal_all(v, finally, 1) > 0 && clock_ns() < deadline)
		v->wait(v->arg, clock_ns() + LOOK_NS);
}
