/* harness check CONF: the plan of a topology file, or everything that is wrong with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	"Exit status: 0 the file is good; 2 it is not, and every mistake was printed as\n"
	"FILE:LINE: what is wrong; or the command line is wrong.\n";

/* ---- the plan ---- */

/* A wider cell does not push the others of its column: commands are long. */
#define MAX_CELL   48
#define MAX_TABLES 3

/* One part of a run: tables below each other. */
struct part {
	const char *name;
	void (*add[MAX_TABLES])(const struct topology *, struct table *);
};

static const struct part lab_parts[] = {
	{ "settings", { check_settings } },
	{ "nodes", { check_nodes } },
	{ "links", { check_links } },
	{ "routing", { check_routing } },
};

static const struct part program_parts[] = {
	{ "programs", { check_programs } },
	{ "faults", { check_faults } },
	{ "metrics", { check_metrics } },
	{ "expectations", { check_files, check_expectations, check_promises } },
};

/* That part of one run. */
struct filled {
	struct table tables[MAX_TABLES];
};

static void fill(struct filled *f, const struct part *part, const struct topology *t)
{
	static const struct table_column columns[CHECK_COLUMNS];

	for (size_t i = 0; i < MAX_TABLES; i++) {
		f->tables[i] = (struct table){ .columns = columns,
					       .n_columns = CHECK_COLUMNS,
					       .max_cell = MAX_CELL };
		if (part->add[i] != NULL)
			part->add[i](t, &f->tables[i]);
	}
}

static void filled_done(struct filled *f)
{
	for (size_t i = 0; i < MAX_TABLES; i++)
		table_done(&f->tables[i]);
}

static bool is_empty(const struct filled *f)
{
	for (size_t i = 0; i < MAX_TABLES; i++)
		if (f->tables[i].n_cells != 0)
			return false;
	return true;
}

static bool is_same(const struct filled *a, const struct filled *b)
{
	for (size_t i = 0; i < MAX_TABLES; i++) {
		const struct table *one = &a->tables[i], *other = &b->tables[i];

		if (one->n_cells != other->n_cells)
			return false;
		for (size_t k = 0; k < one->n_cells; k++)
			if (strcmp(one->cells[k].text, other->cells[k].text) != 0)
				return false;
	}
	return true;
}

static void print_filled(const struct filled *f)
{
	for (size_t i = 0; i < MAX_TABLES; i++)
		table_print(&f->tables[i], stdout, "  ", 0, false);
}

/* One part of every run: said once where following runs do not differ. */
static void print_part(const struct plan *plan, const struct part *part)
{
	struct filled *runs = array_new(plan->n_runs, sizeof(*runs));

	for (size_t i = 0; i < plan->n_runs; i++)
		fill(&runs[i], part, plan->runs[i].topology);
	for (size_t first = 0, next; first < plan->n_runs; first = next) {
		for (next = first + 1; next < plan->n_runs; next++)
			if (!is_same(&runs[first], &runs[next]))
				break;

		bool all = first == 0 && next == plan->n_runs;

		if (all && is_empty(&runs[first]))
			break;
		printf("\n%s", part->name);
		if (!all)
			printf(" from run %zu, %s", first + 1, plan->runs[first].label);
		printf("\n");
		print_filled(&runs[first]);
	}
	for (size_t i = 0; i < plan->n_runs; i++)
		filled_done(&runs[i]);
	free(runs);
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
	for (size_t i = 0; i < sizeof(lab_parts) / sizeof(lab_parts[0]); i++)
		print_part(plan, &lab_parts[i]);
	printf("\nruns\n");
	for (size_t i = 0; i < plan->n_runs; i++)
		printf("  %zu  %s\n", i + 1, plan->runs[i].label);
	for (size_t i = 0; i < sizeof(program_parts) / sizeof(program_parts[0]); i++)
		print_part(plan, &program_parts[i]);
}

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
		print_plan(plan);
		return 0;
	}
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s\n", problems.messages[i]);
	fprintf(stderr, "%zu mistake%s\n", problems.n, plural(problems.n));
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
