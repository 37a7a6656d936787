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
	{ "run", false, 0 },	      { "runs", true, 1 },	    { "passed", true, 0 },
	{ "failed", true, 0 },	      { "inconclusive", true, 0 },  { "fails (95%)", false, 0 },
	{ "time", true, 0 },	      { "half of them", false, 3 }, { "goodput", true, 2 },
	{ "half of them", false, 4 }, { "outcome", false, 0 },
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

static void add_count(struct table *table, size_t n, enum outcome o)
{
	table_add(table, n != 0 ? render_color(o) : NULL, "%zu", n);
}

static char *duration(char buf[16], double ns)
{
	return text_duration(buf, (uint64_t)ns);
}

static char *rate(char buf[20], double bps)
{
	/* So many bytes in 8 seconds. */
	return text_rate(buf, (uint64_t)bps, UINT64_C(8000000000));
}

/* Median and quartiles: one that hung says nothing of how fast the others are. */
static void add_times(struct table *table, const struct spread *s)
{
	char a[16], b[16];

	if (s->n == 0) {
		table_add(table, NULL, "-");
		table_add(table, NULL, "-");
		return;
	}
	table_add(table, NULL, "%s", duration(a, s->median));
	table_add(table, NULL, "%s to %s", duration(a, s->quarter), duration(b, s->three_quarters));
}

static void add_rates(struct table *table, const struct spread *s)
{
	char a[20], b[20];

	if (s->n == 0) {
		table_add(table, NULL, "-");
		table_add(table, NULL, "-");
		return;
	}
	table_add(table, NULL, "%s", rate(a, s->median));
	table_add(table, NULL, "%s to %s", rate(a, s->quarter), rate(b, s->three_quarters));
}

static void add_row(struct table *table, const struct series *x)
{
	enum outcome o = x->example != NULL ? x->example->outcome : OUTCOME_PASS;
	struct text name = { 0 };

	render_printable(&name, x->runs->combination, RENDER_ONE_LINE);
	table_add(table, NULL, "%s", text_str(&name));
	text_done(&name);
	table_add(table, NULL, "%zu", x->n_runs);
	table_add(table, NULL, "%zu", x->counts[OUTCOME_PASS]);
	add_count(table, x->counts[OUTCOME_FAIL], OUTCOME_FAIL);
	add_count(table, x->counts[OUTCOME_INCONCLUSIVE], OUTCOME_INCONCLUSIVE);
	table_add(table, NULL, "%.3g%% to %.3g%%", 100 * x->failing.low, 100 * x->failing.high);
	add_times(table, &x->time_ns);
	add_rates(table, &x->goodput_bps);
	table_add(table, render_color(o), "%s %s", render_symbol(o), render_word(o));
}

void terminal_series_table(FILE *out, const struct session *s, size_t width, bool color)
{
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = N_COLUMNS };
	struct series x;

	for (size_t i = 0; i < s->n_runs; i += x.n_runs) {
		series_of(s, i, &x);
		add_row(&table, &x);
	}
	table_print(&table, out, "  ", width, color);
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
