/*
 * options: what the command lines of all subcommands have in common. argv[0] is the subcommand's
 * name, and it stands in every message.
 */
#ifndef HARNESS_CLI_OPTIONS_H
#define HARNESS_CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/plan.h"

/* What a subcommand understands. */
struct command_line {
	const char *help;
	const char *shorts; /* as getopt_long(3) wants them; 'h' is among both, and asks for help */
	const struct option *longs;
	/* Keep one option, its value in optarg. NULL when there is none but 'h'. */
	int (*take)(int option, void *options, struct err *e);
};

/*
 * Give every option to take(). 1: all were good, and operands begin at optind; 0: help was asked
 * for, and printed, which is all there is to do; -1: one is none, lacks its value or was refused.
 */
int options_read(int argc, char **argv, const struct command_line *line, void *options,
		 struct err *e);
/* The one argument behind the options: 1, or -1; `what` says what to give when there is none. */
int options_operand(int argc, char **argv, const char *what, const char **ret_operand,
		    struct err *e);
/* A whole number, optarg of --name. */
int options_number(const char *name, uint64_t least, uint64_t most, uint64_t *ret, struct err *e);
/*
 * optarg of --engine; auto is ENGINE_USER, which works everywhere. ret_given, which may be NULL, gets
 * whether it is any other word.
 */
int options_engine(enum link_engine *ret_engine, bool *ret_given, struct err *e);
/* Read the topology; -1 after its mistakes were told. *ret_plan is the caller's also then. */
int options_load(const char *path, struct plan **ret_plan);
/* Whether it can do what the plan wants of links: 0, or the exit status; -1 and *e. */
int options_check_engine(enum link_engine engine, const struct plan *plan, struct err *e);

#endif
