/* harness check CONF: the plan of a topology file, or everything that is wrong with it. */
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "capture/filter.h"
#include "cli/check_parts.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "topology/select.h"

static const char help[] =
	"Usage: harness check [OPTION...] TOPOLOGY\n\n"
	"Reads a topology file and prints what 'harness run' would do with it: nodes, links, "
	"runs,\n"
	"programs, faults, and what is expected of all that. Nothing is started.\n\n"
	"  --only NAME=VALUE[,VALUE...]  only the runs where NAME has one of these values\n"
	"  -h, --help                    this text\n\n"
	"A command that is not found in PATH is no mistake, as the file may be for another\n"
	"machine: there is a warning on standard error.\n\n"
	"Exit status: 0 the file is good; 2 it is not, and every mistake was printed as\n"
	"FILE:LINE: what is wrong; or the command line is wrong.\n";

/* The command line. */
struct options {
	const char *path;
	char **only; /* for plan_select() */
	size_t n_only, only_room;
};

static void options_done(struct options *o)
{
	free(o->only);
}

static int check(const struct options *o, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;
	cleanup_by(problems_done) struct problems problems = { 0 };

	if (plan_load(o->path, &plan, &problems) == 0 &&
	    packet_filter_check_plan(plan, &problems) == 0) {
		if (plan_select(plan, o->only, o->n_only, e) != 0)
			return -1;
		check_print_plan(plan);
		fflush(stdout);
		check_print_missing(plan);
		return 0;
	}
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s\n", problems.messages[i]);
	fprintf(stderr, "%zu mistake%s\n", problems.n, problems.n == 1 ? "" : "s");
	return EXIT_USAGE;
}

static int take_only(int c, void *options, struct err *e)
{
	struct options *o = options;

	(void)c;
	(void)e;
	*(char **)array_add(&o->only, &o->n_only, &o->only_room, sizeof(char *)) = optarg;
	return 0;
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "h", longs, take_only };
	int r = options_read(argc, argv, &line, o, e);

	return r != 1 ? r : options_operand(argc, argv, "which topology?", &o->path, e);
}

int cli_check(int argc, char **argv, struct err *e)
{
	cleanup_by(options_done) struct options o = { 0 };
	int r = parse(argc, argv, &o, e);

	return r != 1 ? r : check(&o, e);
}
