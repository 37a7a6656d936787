#include "verify/signals.h"

#include <signal.h>
#include <stddef.h>
#include <stdio.h>

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
