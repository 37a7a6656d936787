/* What a person reads after runs were repeated with many seeds: a row for each combination. */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "report/render.h"
#include "report/series.h"
#include "report/table.h"
#include "report/terminal_series.h"

/* Seeds of further runs that failed, in one line. */
#define MAX_SEEDS 12

static const struct table_column columns[] = {
	{ "run", false, 0 },   { "runs", true, 1 },	    { "passed", true, 0 },
	{ "failed", true, 0 }, { "inconclusive", true, 0 }, { "fails (95%)", false, 0 },
	{ "time", true, 0 },   { "goodput", true, 2 },	    { "outcome", false, 0 },
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const struct table_column spread_columns[] = {
	{ "run", false, 0 },	      { "figure", false, 0 }, { "of runs", true, 3 },
	{ "median", true, 0 },	      { "least", true, 2 },   { "most", true, 2 },
	{ "half of them", false, 1 },
};
#define N_SPREAD_COLUMNS (sizeof(spread_columns) / sizeof(spread_columns[0]))

static void add_count(struct table *table, size_t n, enum outcome o)
{
	table_add(table, n != 0 ? render_color(o) : NULL, "%zu", n);
}

static void add_median(struct table *table, const struct series *x, const char *name,
		       const char *unit)
{
	struct spread s = series_spread(x, name);
	char buf[FIGURE_TEXT_LEN];

	table_add(table, NULL, "%s", s.n != 0 ? figure_format(buf, unit, s.median) : "-");
}

static void add_name(struct table *table, const char *s)
{
	struct text name = { 0 };

	render_printable(&name, s, RENDER_ONE_LINE);
	table_add(table, NULL, "%s", text_str(&name));
	text_done(&name);
}

static void add_row(struct table *table, const struct series *x)
{
	enum outcome o = x->example != NULL ? x->example->outcome : OUTCOME_PASS;

	add_name(table, x->runs->combination);
	table_add(table, NULL, "%zu", x->n_runs);
	table_add(table, NULL, "%zu", x->counts[OUTCOME_PASS]);
	add_count(table, x->counts[OUTCOME_FAIL], OUTCOME_FAIL);
	add_count(table, x->counts[OUTCOME_INCONCLUSIVE], OUTCOME_INCONCLUSIVE);
	table_add(table, NULL, "%.3g%% to %.3g%%", 100 * x->failing.low, 100 * x->failing.high);
	add_median(table, x, "time", "ns");
	add_median(table, x, "goodput", "bit/s");
	table_add(table, render_color(o), "%s %s", render_symbol(o), render_word(o));
}

static void add_spreads(struct table *table, const struct series *x)
{
	char a[FIGURE_TEXT_LEN], b[FIGURE_TEXT_LEN];

	for (size_t i = 0; i < x->samples.n; i++) {
		const struct spread *s = &x->spreads[i];
		const char *unit = x->samples.s[i].unit;

		add_name(table, i == 0 ? x->runs->combination : "");
		add_name(table, x->samples.s[i].name);
		table_add(table, NULL, "%zu", s->n);
		table_add(table, NULL, "%s", figure_format(a, unit, s->median));
		table_add(table, NULL, "%s", figure_format(a, unit, s->least));
		table_add(table, NULL, "%s", figure_format(a, unit, s->most));
		table_add(table, NULL, "%s to %s", figure_format(a, unit, s->quarter),
			  figure_format(b, unit, s->three_quarters));
	}
}

void terminal_series_table(FILE *out, const struct session *s, size_t width, bool color)
{
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = N_COLUMNS };
	cleanup_by(table_done) struct table spreads = { .columns = spread_columns,
							.n_columns = N_SPREAD_COLUMNS };
	struct series x;

	for (size_t i = 0; i < s->n_runs; i += x.n_runs) {
		series_of(s, i, &x);
		add_row(&table, &x);
		/* A single one has no spread. */
		if (s->repeat > 1)
			add_spreads(&spreads, &x);
		series_done(&x);
	}
	table_print(&table, out, "  ", width, color);
	fputc('\n', out);
	if (spreads.n_cells == 0)
		return;
	table_print(&spreads, out, "  ", width, color);
	fputc('\n', out);
}

char *terminal_series_others(const struct series *x)
{
	struct text t = { 0 };
	size_t shown = 0, n = x->counts[x->example->outcome] - 1;

	for (const struct run_verdict *r = x->example + 1; r < x->runs + x->n_runs; r++) {
		if (r->outcome != x->example->outcome || shown == MAX_SEEDS)
			continue;
		text_add(&t, "%s%" PRIu64, shown != 0 ? ", " : "", r->seed);
		shown++;
	}
	if (shown < n)
		text_add(&t, ", ... (%zu more)", n - shown);
	return n != 0 ? text_take(&t) : NULL;
}
