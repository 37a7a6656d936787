/* What `harness check` prints: every part of every run, said once where runs have it in common. */
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "cli/check_parts.h"
#include "cli/unvary.h"

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

/* That part of one run, or of several. */
struct filled {
	struct table tables[MAX_TABLES];
};

static void filled_init(struct filled *f)
{
	static const struct table_column columns[CHECK_COLUMNS];

	for (size_t i = 0; i < MAX_TABLES; i++)
		f->tables[i] = (struct table){ .columns = columns,
					       .n_columns = CHECK_COLUMNS,
					       .max_cell = MAX_CELL };
}

static void filled_done(struct filled *f)
{
	for (size_t i = 0; i < MAX_TABLES; i++)
		table_done(&f->tables[i]);
}

static void fill(struct filled *f, const struct part *part, const struct topology *t)
{
	filled_init(f);
	for (size_t i = 0; i < MAX_TABLES && part->add[i] != NULL; i++)
		part->add[i](t, &f->tables[i]);
}

static bool is_empty(const struct filled *f)
{
	for (size_t i = 0; i < MAX_TABLES; i++)
		if (f->tables[i].n_cells != 0)
			return false;
	return true;
}

static void print_filled(const struct filled *f)
{
	for (size_t i = 0; i < MAX_TABLES; i++)
		table_print(&f->tables[i], stdout, "  ", 0, false);
}

/* ---- runs that have a part in common ---- */

/* One cell for that of every run; false when they differ by more than values. */
static bool merge_cell(struct filled *to, const struct planned_run *runs, size_t n,
		       const struct filled *parts, size_t table, size_t cell)
{
	cleanup_free const char **texts = array_new(n, sizeof(*texts));

	for (size_t i = 0; i < n; i++)
		texts[i] = parts[i].tables[table].cells[cell].text;

	cleanup_free char *text = unvary_text(runs, n, texts);

	if (text != NULL)
		table_add(&to->tables[table], NULL, "%s", text);
	return text != NULL;
}

static bool merge(struct filled *to, const struct planned_run *runs, size_t n,
		  const struct filled *parts)
{
	for (size_t i = 0; i < MAX_TABLES; i++) {
		size_t n_cells = parts[0].tables[i].n_cells;

		for (size_t k = 1; k < n; k++)
			if (parts[k].tables[i].n_cells != n_cells)
				return false;
		for (size_t k = 0; k < n_cells; k++)
			if (!merge_cell(to, runs, n, parts, i, k))
				return false;
	}
	return true;
}

/*
 * Merge the first of these runs with as many of the next as have the part in common with it, and
 * return how many that are. What merges for some merges for fewer, so steps may be long.
 */
static size_t merge_most(struct filled *to, const struct planned_run *runs, size_t n,
			 const struct filled *parts)
{
	size_t merged = 0;

	filled_init(to);
	for (size_t step = 1; step > 0 && merged < n;) {
		size_t now = step < n - merged ? merged + step : n;
		struct filled f;

		filled_init(&f);
		if (merge(&f, runs, now, parts)) {
			filled_done(to);
			*to = f;
			merged = now;
			step *= 2;
		} else {
			filled_done(&f);
			step /= 2;
		}
	}
	return merged;
}

static void print_part(const struct plan *plan, const struct part *part)
{
	struct filled *parts = array_new(plan->n_runs, sizeof(*parts));

	for (size_t i = 0; i < plan->n_runs; i++)
		fill(&parts[i], part, plan->runs[i].topology);
	for (size_t first = 0, n; first < plan->n_runs; first += n) {
		cleanup_by(filled_done) struct filled merged;

		n = merge_most(&merged, &plan->runs[first], plan->n_runs - first, &parts[first]);
		if (n == plan->n_runs && is_empty(&merged))
			break;
		printf("\n%s", part->name);
		if (n < plan->n_runs)
			printf(" from run %zu, %s", first + 1, plan->runs[first].label);
		printf("\n");
		print_filled(&merged);
	}
	for (size_t i = 0; i < plan->n_runs; i++)
		filled_done(&parts[i]);
	free(parts);
}

static void print_runs(const struct plan *plan)
{
	static const struct table_column columns[] = { { .right = true }, { .right = false } };
	cleanup_by(table_done) struct table t = { .columns = columns, .n_columns = 2 };

	for (size_t first = 0, n; first < plan->n_runs; first += n) {
		cleanup_free char *label = unvary_label(&plan->runs[first], plan->n_runs - first,
							&n);

		if (n == 1)
			table_add(&t, NULL, "%zu", first + 1);
		else
			table_add(&t, NULL, "%zu-%zu", first + 1, first + n);
		table_add(&t, NULL, "%s", label);
	}
	printf("\nruns\n");
	table_print(&t, stdout, "  ", 0, false);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

void check_print_plan(const struct plan *plan)
{
	const struct topology *t = plan->runs[0].topology;

	printf("%s: %zu node%s, %zu network%s, %zu transfer%s, %zu run%s\n", t->path, t->n_nodes,
	       plural(t->n_nodes), t->n_networks, plural(t->n_networks), t->n_transfers,
	       plural(t->n_transfers), plan->n_runs, plural(plan->n_runs));
	if (t->title != NULL)
		printf("  %s\n", t->title);
	for (size_t i = 0; i < sizeof(lab_parts) / sizeof(lab_parts[0]); i++)
		print_part(plan, &lab_parts[i]);
	print_runs(plan);
	for (size_t i = 0; i < sizeof(program_parts) / sizeof(program_parts[0]); i++)
		print_part(plan, &program_parts[i]);
}
