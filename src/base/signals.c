#include "base/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
	[SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
	[SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
	[SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
	[SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM", [SIGXCPU] = "SIGXCPU",
	[SIGXFSZ] = "SIGXFSZ", [SIGSYS] = "SIGSYS",
};

const char *signal_name(int number, char buf[16])
{
	if (number > 0 && (size_t)number < sizeof(names) / sizeof(names[0]) &&
	    names[number] != NULL)
		return names[number];
	if (snprintf(buf, 16, "signal %d", number) < 0)
		buf[0] = '\0';
	return buf;
}

int signal_number(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i] != NULL &&
		    (strcmp(name, names[i]) == 0 || strcmp(name, names[i] + 3) == 0))
			return (int)i;
	return 0;
}
