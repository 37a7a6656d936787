#include "cli/run_options.h"

#include <getopt.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "report/report.h"

/* More would not fit into a report that anyone reads. */
#define MAX_REPEAT 10000
/* Each has its lab, and buffers for its captures. */
#define MAX_JOBS 256

static const char help[] =
	"Usage: harness run [OPTION...] TOPOLOGY\n\n"
	"Brings the topology up once for every combination of its 'vary' values, runs its\n"
	"programs, records every packet, and says with proof what arrived.\n\n"
	"  --only NAME=VALUE[,VALUE...]\n"
	"                      only the runs where NAME has one of these values (may be "
	"repeated)\n"
	"  --seed N            instead of the topology's seed\n"
	"  --repeat N          run each combination with N seeds: the seed, the next one, ...\n"
	"  --jobs N            so many runs at the same time, auto: as many as there are "
	"processors\n"
	"                      (default: 1, which is what figures of time should come from)\n"
	"  --fail-fast         start no further run when one did not pass\n"
	"  --keep WHICH        folders of runs that stay: all; failed; or few: of each "
	"combination\n"
	"                      the first 8 that did not pass (default: few with --repeat, else "
	"all)\n"
	"  --engine ENGINE     what impairs links: user, netem or auto (default: auto)\n"
	"  --captures FOLDER   where the evidence goes (default: captures)\n"
	"  --json              print report.json instead of the table\n"
	"  --color WHEN        always, never or auto (default: auto; NO_COLOR is honoured)\n"
	"  --skip-code N       exit with N instead of 3 when this machine cannot run it\n"
	"  -q, --quiet         no progress\n"
	"  -v, --verbose       digests, ledger and notes also of what passed\n"
	"  -h, --help          this text\n\n"
	"Evidence: FOLDER/TOPOLOGY/TIME/RUN, and FOLDER/TOPOLOGY/latest; beside it report.json,\n"
	"junit.xml and report.tap.\n\n"
	"Exit status: 0 all passed; 1 an expectation failed; 2 command line or topology wrong;\n"
	"3 this machine cannot run it, or the evidence is incomplete; 124 past the deadline;\n"
	"128+n ended by signal n.\n";

static int parse_color(const char *when, struct run_options *o, struct err *e)
{
	if (strcmp(when, "always") == 0)
		o->color = true;
	else if (strcmp(when, "never") == 0)
		o->color = false;
	else if (strcmp(when, "auto") != 0)
		return err_usage(e, "--color takes always, never or auto, not '%s'", when);
	return 0;
}

static int parse_keep(const char *which, enum keep *ret_keep, struct err *e)
{
	static const char *const words[] = {
		[KEEP_FEW] = "few",
		[KEEP_FAILED] = "failed",
		[KEEP_ALL] = "all",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(which, words[i]) == 0) {
			*ret_keep = (enum keep)i;
			return 0;
		}
	return err_usage(e, "--keep takes few, failed or all, not '%s'", which);
}

/* Of those that we may use: a container may have less than the machine. */
static uint64_t count_processors(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return CPU_COUNT(&set) < MAX_JOBS ? (uint64_t)CPU_COUNT(&set) : MAX_JOBS;
}

static int parse_jobs(uint64_t *ret_jobs, struct err *e)
{
	if (strcmp(optarg, "auto") != 0)
		return options_number("jobs", 1, MAX_JOBS, ret_jobs, e);
	*ret_jobs = count_processors();
	return 0;
}

static int take_option(int c, void *options, struct err *e)
{
	struct run_options *o = options;
	uint64_t number;

	switch (c) {
	case 'o':
		*(char **)array_add(&o->only, &o->n_only, &o->only_room, sizeof(char *)) = optarg;
		return 0;
	case 's':
		o->has_seed = true;
		return options_number("seed", 0, UINT64_MAX, &o->seed, e);
	case 'r':
		return options_number("repeat", 1, MAX_REPEAT, &o->repeat, e);
	case 'J':
		return parse_jobs(&o->jobs, e);
	case 'F':
		o->fail_fast = true;
		return 0;
	case 'K':
		o->has_keep = true;
		return parse_keep(optarg, &o->keep, e);
	case 'e':
		return options_engine(&o->engine, &o->has_engine, e);
	case 'c':
		o->captures = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'C':
		return parse_color(optarg, o, e);
	case 'k':
		if (options_number("skip-code", 0, 255, &number, e) != 0)
			return -1;
		o->skip_code = (int)number;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	default: /* 'v' */
		o->verbose = true;
		return 0;
	}
}

int run_options_parse(int argc, char **argv, struct run_options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "seed", required_argument, NULL, 's' },
		{ "repeat", required_argument, NULL, 'r' },
		{ "jobs", required_argument, NULL, 'J' },
		{ "fail-fast", no_argument, NULL, 'F' },
		{ "keep", required_argument, NULL, 'K' },
		{ "engine", required_argument, NULL, 'e' },
		{ "captures", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "color", required_argument, NULL, 'C' },
		{ "skip-code", required_argument, NULL, 'k' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "qvh", longs, take_option };

	*o = (struct run_options){
		.captures = "captures",
		.color = report_color_wanted(stdout),
		.skip_code = EXIT_MACHINE,
		.jobs = 1,
	};

	int r = options_read(argc, argv, &line, o, e);

	if (r != 1)
		return r;
	if (!o->has_keep)
		o->keep = o->repeat != 0 ? KEEP_FEW : KEEP_ALL;
	return options_operand(argc, argv,
			       "which topology? For example: harness run topologies/3alpine.conf",
			       &o->topology, e);
}

void run_options_done(struct run_options *o)
{
	free(o->only);
	o->only = NULL;
}
