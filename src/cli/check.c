/* harness check CONF: the plan of a topology file, or everything that is wrong with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
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

/* ---- the plan ---- */

static bool has_routing(const struct plan *plan)
{
	for (size_t r = 0; r < plan->n_runs; r++)
		for (size_t i = 0; i < plan->runs[r].topology->n_nodes; i++) {
			const struct node *n = &plan->runs[r].topology->nodes[i];

			if (n->forward || n->n_routes + n->n_settings != 0)
				return true;
		}
	return false;
}

/* One part of every run: said once where following runs do not differ. */
static void print_part(const struct plan *plan, const char *name,
		       void (*add)(const struct topology *, struct text *))
{
	for (size_t first = 0, next; first < plan->n_runs; first = next) {
		struct text part = { 0 }, other = { 0 };

		add(plan->runs[first].topology, &part);
		for (next = first + 1; next < plan->n_runs; next++) {
			add(plan->runs[next].topology, &other);

			bool same = strcmp(text_str(&part), text_str(&other)) == 0;

			text_done(&other);
			if (!same)
				break;
		}
		if (first == 0 && next == plan->n_runs)
			printf("\n%s\n%s", name, text_str(&part));
		else
			printf("\n%s from run %zu, %s\n%s", name, first + 1,
			       plan->runs[first].label, text_str(&part));
		text_done(&part);
	}
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_plan(const struct plan *plan)
{
	const struct topology *t = plan->runs[0].topology;

	printf("%s: %zu node%s, %zu network%s, %zu transfer%s, %zu run%s\n", t->path, t->n_nodes,
	       plural(t->n_nodes), t->n_networks, plural(t->n_networks), t->n_transfers,
	       plural(t->n_transfers), plan->n_runs, plural(plan->n_runs));
	if (t->title != NULL)
		printf("  %s\n", t->title);
	print_part(plan, "settings", check_settings);
	print_part(plan, "nodes", check_nodes);
	print_part(plan, "links", check_links);
	if (has_routing(plan))
		print_part(plan, "routing", check_routing);
	printf("\nruns\n");
	for (size_t i = 0; i < plan->n_runs; i++)
		printf("  %zu  %s\n", i + 1, plan->runs[i].label);
	print_part(plan, "programs", check_programs);
	if (t->n_faults > 0)
		print_part(plan, "faults", check_faults);
	if (t->n_metrics > 0)
		print_part(plan, "metrics", check_metrics);
	print_part(plan, "expectations", check_expectations);
}

/* Runs differ in what they start, and mostly do not. */
static void print_missing(const struct plan *plan)
{
	cleanup_by(problems_done) struct problems warnings = { 0 };

	for (size_t i = 0; i < plan->n_runs; i++)
		check_missing(plan->runs[i].topology, &warnings);
	for (size_t i = 0; i < warnings.n; i++)
		fprintf(stderr, "%s\n", warnings.messages[i]);
}

/* The command line. */
struct options {
	const char *path;
	char **only; /* for plan_select() */
	size_t n_only, only_room;
	bool helped;
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
		print_plan(plan);
		fflush(stdout);
		print_missing(plan);
		return 0;
	}
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s\n", problems.messages[i]);
	fprintf(stderr, "%zu mistake%s\n", problems.n, plural(problems.n));
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r;

	while ((r = options_next(argc, argv, "h", longs, &c, e)) == 1) {
		o->helped = c == 'h';
		if (o->helped)
			return 0;
		*(char **)array_add(&o->only, &o->n_only, &o->only_room, sizeof(char *)) = optarg;
	}
	return r != 0 ? -1 : options_operand(argc, argv, "which topology?", &o->path, e);
}

int cli_check(int argc, char **argv, struct err *e)
{
	cleanup_by(options_done) struct options o = { 0 };

	if (parse(argc, argv, &o, e) != 0)
		return -1;
	if (o.helped)
		return fputs(help, stdout) < 0;
	return check(&o, e);
}
