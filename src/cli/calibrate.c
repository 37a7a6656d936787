/* harness calibrate CONF: what impaired links really do, asked against measured. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "calibrate/calibrate.h"
#include "cli/calibrate_report.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "report/report.h"
#include "run/run.h"

#define DEFAULT_PACKETS 100000
#define DEFAULT_PPS	10000
#define DEFAULT_SECONDS 30

static const char help[] =
	"Usage: harness calibrate [OPTION...] TOPOLOGY\n\n"
	"Measures every impaired direction of every link of the topology: sends known streams of\n"
	"numbered datagrams across it, in a lab of two nodes of its own, compares what was\n"
	"captured on both sides of the link, and prints asked against measured.\n\n"
	"  --packets N      how many, for loss and the like (default: 100000)\n"
	"  --pps N          how many per second, at most (default: 10000)\n"
	"  --seconds N      how long each stream may take, at most (default: 30)\n"
	"  --engine ENGINE  what impairs links: user, netem or auto (default: auto)\n"
	"  --seed N         instead of the topology's seed\n"
	"  --json           print JSON instead of the table\n"
	"  -q, --quiet      no progress\n"
	"  -h, --help       this text\n\n"
	"Exit status: 0 everything is as asked; 1 something is not; 2 command line or topology\n"
	"wrong; 3 this machine cannot run it; 128+n ended by signal n.\n";

struct options {
	const char *topology;
	struct limits limits;
	enum link_engine engine;
	bool has_seed;
	uint64_t seed;
	bool json, quiet;
};

/* ---- the command line ---- */

static int take_option(int c, void *options, struct err *e)
{
	struct options *o = options;
	uint64_t seconds;

	switch (c) {
	case 'n':
		return options_number("packets", 1, 10000000, &o->limits.packets, e);
	case 'p':
		return options_number("pps", 1, 1000000, &o->limits.pps, e);
	case 't':
		if (options_number("seconds", 1, 3600, &seconds, e) != 0)
			return -1;
		o->limits.duration_ns = seconds * NS_PER_SEC;
		return 0;
	case 'e':
		return options_engine(&o->engine, NULL, e);
	case 's':
		o->has_seed = true;
		return options_number("seed", 0, UINT64_MAX, &o->seed, e);
	case 'j':
		o->json = true;
		return 0;
	default: /* 'q' */
		o->quiet = true;
		return 0;
	}
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "packets", required_argument, NULL, 'n' },
		{ "pps", required_argument, NULL, 'p' },
		{ "seconds", required_argument, NULL, 't' },
		{ "engine", required_argument, NULL, 'e' },
		{ "seed", required_argument, NULL, 's' },
		{ "json", no_argument, NULL, 'j' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "qh", longs, take_option };

	*o = (struct options){ .limits = { .packets = DEFAULT_PACKETS,
					   .pps = DEFAULT_PPS,
					   .duration_ns = DEFAULT_SECONDS * NS_PER_SEC } };

	int r = options_read(argc, argv, &line, o, e);

	return r != 1 ? r : options_operand(argc, argv, "which topology?", &o->topology, e);
}

/* ---- */

static void tell(const struct options *o, const struct calibration *all, size_t i)
{
	const struct calibrated *c = &all->c[i];
	double seconds = 0;

	if (o->quiet)
		return;
	for (int s = 0; s < N_STREAMS; s++)
		if (c->plans[s].wanted)
			seconds += (double)c->plans[s].count / (double)c->plans[s].pps;
	fprintf(stderr, "[%zu/%zu] %s %s: %s (%.0f s)\n", i + 1, all->n, c->link,
		c->direction == LINK_OUT ? "out" : "in", c->asked, seconds);
}

static int measure_all(const struct options *o, const struct plan *plan, const char *folder,
		       struct calibration *all, struct err *e)
{
	for (size_t i = 0; i < all->n; i++) {
		tell(o, all, i);
		if (calibration_measure(all, i, plan, o->engine, folder, e) != 0)
			return -1;
	}
	return 0;
}

/* Captures that are read once and go: where temporary files belong. */
static int measure_in_folder(const struct options *o, const struct plan *plan,
			     struct calibration *all, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	cleanup_free char *folder = text_format("%s/harness-XXXXXX",
						tmp != NULL && tmp[0] == '/' ? tmp : "/tmp");
	struct err ignored;
	int r;

	if (mkdtemp(folder) == NULL)
		return err_set(e, errno, "create a folder %s", folder);
	r = measure_all(o, plan, folder, all, e);
	fs_remove_tree(folder, &ignored);
	return r;
}

static int load(const struct options *o, struct plan **ret_plan)
{
	int r = options_load(o->topology, ret_plan);

	for (size_t i = 0; r == 0 && o->has_seed && i < (*ret_plan)->n_runs; i++)
		(*ret_plan)->runs[i].topology->seed = o->seed;
	return r;
}

static int calibrate(const struct options *o, const struct plan *plan, struct err *e)
{
	cleanup_by(calibration_done) struct calibration all;

	calibration_begin(&all, plan, &o->limits);
	if (all.n == 0)
		return err_usage(e, "no link of %s is impaired: there is nothing to measure",
				 o->topology);
	if (run_catch_signals(e) != 0 || measure_in_folder(o, plan, &all, e) != 0)
		return -1;
	if (!o->json)
		calibrate_report_table(stdout, &all, report_color_wanted(stdout));
	else if (calibrate_report_json(stdout, &all, plan->runs[0].topology, e) != 0)
		return -1;
	return all.off ? EXIT_EXPECTATION : 0;
}

int cli_calibrate(int argc, char **argv, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;
	struct options o;
	int status = parse(argc, argv, &o, e);

	if (status != 1)
		return status;
	if (load(&o, &plan) != 0)
		return EXIT_USAGE;
	status = options_check_engine(o.engine, plan, e);
	if (status == 0)
		status = calibrate(&o, plan, e);
	if (status < 0 && run_caught_signal() != 0) {
		fprintf(stderr, "harness: %s\n", e->msg);
		return EXIT_SIGNAL + run_caught_signal();
	}
	return status;
}
