/*
 * cli: one function per subcommand, in a file of its own. Each gets its own
 * name as argv[0] and returns the exit status, or -1 with *e filled.
 */
#ifndef HARNESS_CLI_CLI_H
#define HARNESS_CLI_CLI_H

#include "base/err.h"

/* Exit statuses beside 0 (sysexits would be finer than anyone reads). */
enum exit_status {
	EXIT_EXPECTATION = 1, /* an expectation failed */
	EXIT_USAGE = 2,	      /* command line or topology are wrong */
	EXIT_MACHINE = 3,     /* this machine cannot run it, or the evidence is incomplete */
	EXIT_DEADLINE = 124,  /* as timeout(1) */
	EXIT_SIGNAL = 128,    /* plus the signal's number */
};

int cli_run(int argc, char **argv, struct err *e);
int cli_check(int argc, char **argv, struct err *e);
int cli_up(int argc, char **argv, struct err *e);
int cli_ps(int argc, char **argv, struct err *e);
int cli_exec(int argc, char **argv, struct err *e);
int cli_shell(int argc, char **argv, struct err *e);
int cli_logs(int argc, char **argv, struct err *e);
int cli_down(int argc, char **argv, struct err *e);
int cli_shrink(int argc, char **argv, struct err *e);
int cli_calibrate(int argc, char **argv, struct err *e);
int cli_doctor(int argc, char **argv, struct err *e);

#endif
