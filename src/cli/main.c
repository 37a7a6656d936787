/* main: the table of subcommands, and the one place that prints errors. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv, struct err *e);
	const char *help;
} commands[] = {
	{ "run", cli_run, "run a topology and judge what arrived" },
	{ "check", cli_check, "read a topology and print its plan, without running it" },
	{ "up", cli_up, "bring a topology up as a lab to work in" },
	{ "ps", cli_ps, "list the labs that are up, or what is in one" },
	{ "exec", cli_exec, "run a command in a node of a lab" },
	{ "shell", cli_shell, "open a shell in a node of a lab" },
	{ "logs", cli_logs, "print what the programs of a lab have said" },
	{ "down", cli_down, "end a lab" },
	{ "shrink", cli_shrink, "find the lost datagrams that make a run fail" },
	{ "calibrate", cli_calibrate, "measure what impaired links really do" },
	{ "doctor", cli_doctor, "say what this machine has and lacks for it" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int usage(FILE *out, int status)
{
	fprintf(out, "Usage: harness COMMAND [OPTION...]\n\n"
		     "Builds a small network on this machine, runs programs in its nodes, records\n"
		     "every packet, and proves what arrived.\n\n"
		     "Commands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-9s  %s\n", commands[i].name, commands[i].help);
	fprintf(out, "\n'harness COMMAND --help' says more. To begin with:\n"
		     "  sudo ./harness run topologies/3alpine.conf\n");
	return status;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc < 2)
		return usage(stderr, EXIT_USAGE);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return usage(stdout, 0);
	if (strcmp(argv[1], "--version") == 0) {
		puts("harness " HARNESS_VERSION);
		return 0;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;

		int status = commands[i].run(argc - 1, argv + 1, &e);

		if (status >= 0)
			return status;
		fprintf(stderr, "harness: %s\n", e.msg);
		return e.class == ERR_USAGE ? EXIT_USAGE : EXIT_MACHINE;
	}
	fprintf(stderr, "harness: there is no command '%s'; 'harness --help' lists them\n",
		argv[1]);
	return EXIT_USAGE;
}
