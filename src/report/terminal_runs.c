/*
 * terminal_runs: the table of all runs. Which columns it has depends on what was run: what arrived
 * where something was sent, how programs ended where nothing else was to be judged, and a column
 * per metric, unless terminal_pivot.h has them all. For terminal.c.
 */
#include <inttypes.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "report/figure.h"
#include "report/render.h"
#include "report/table.h"
#include "report/terminal.h"
#include "report/terminal_pivot.h"

/* ---- how many passed ---- */

struct tally {
	size_t passed, asked;
	enum outcome outcome;
};

/* What was skipped was not asked: no picture, no capture. */
static void tally_add(struct tally *sum, enum outcome o)
{
	sum->asked += o != OUTCOME_SKIP;
	sum->passed += o == OUTCOME_PASS;
	sum->outcome = outcome_worse(sum->outcome, o);
}

static void add_tally(struct table *table, const struct tally *sum)
{
	if (sum->asked == 0)
		table_add(table, NULL, "-");
	else
		table_add(table, render_color(sum->outcome), "%s %zu/%zu %s",
			  render_symbol(sum->outcome), sum->passed, sum->asked,
			  render_layer_word(sum->outcome));
}

/* The answers of one layer over all files of a run. */
static void add_layer(struct table *table, const struct run_verdict *r, size_t offset)
{
	struct tally sum = { .outcome = OUTCOME_SKIP };

	for (size_t i = 0; i < r->n_files; i++) {
		const char *file = (const char *)&r->files[i];
		const struct layer *l = (const void *)(file + offset);

		tally_add(&sum, l->outcome);
	}
	add_tally(table, &sum);
}

/* ---- columns ---- */

static void add_name(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	cleanup_by(text_done) struct text name = { 0 };

	render_printable(&name, render_run_name(t->s, r), RENDER_ONE_LINE);
	table_add(table, NULL, "%s", text_str(&name));
}

static void add_files(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	table_add(table, NULL, "%" PRIu64 "/%zu", r->files_whole, r->n_files);
}

static void add_bytes(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	char bytes[16];

	(void)t;
	table_add(table, NULL, "%s", text_bytes(bytes, r->bytes));
}

static void add_time(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	char duration[16];

	(void)t;
	table_add(table, NULL, "%s", r->time_ns != 0 ? text_duration(duration, r->time_ns) : "-");
}

static void add_goodput(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	char rate[20];

	(void)t;
	table_add(table, NULL, "%s", text_rate(rate, r->bytes, r->time_ns));
}

static void add_datagrams(const struct terminal *t, struct table *table,
			  const struct run_verdict *r)
{
	(void)t;
	table_add(table, NULL, "%" PRIu64, r->datagrams);
}

static void add_repairs(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	table_add(table, NULL, "%" PRIu64, r->repairs);
}

static void add_lost(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	table_add(table, NULL, "%" PRIu64, r->lost);
}

static void add_receiver(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	add_layer(table, r, offsetof(struct file_verdict, receiver));
}

static void add_capture(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	add_layer(table, r, offsetof(struct file_verdict, capture));
}

static void add_picture(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	add_layer(table, r, offsetof(struct file_verdict, picture));
}

static void add_programs(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	struct tally sum = { .outcome = OUTCOME_SKIP };

	(void)t;
	for (size_t i = 0; i < r->n_programs; i++)
		tally_add(&sum, r->programs[i].outcome);
	add_tally(table, &sum);
}

static void add_expected(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	struct tally sum = { .outcome = OUTCOME_SKIP };

	(void)t;
	for (size_t i = 0; i < r->n_expectations; i++)
		tally_add(&sum, r->expectations[i].outcome);
	add_tally(table, &sum);
}

static void add_verdict(const struct terminal *t, struct table *table, const struct run_verdict *r)
{
	(void)t;
	table_add(table, render_color(r->outcome), "%s %s", render_symbol(r->outcome),
		  render_word(r->outcome));
}

static void add_metric(struct table *table, const struct run_verdict *r, const char *name)
{
	const struct metric_value *m = run_verdict_metric(r, name);
	cleanup_by(text_done) struct text shown = { 0 };
	char value[FIGURE_TEXT_LEN];

	if (m == NULL || !m->found) {
		table_add(table, m != NULL ? render_color(m->outcome) : NULL, "-");
		return;
	}
	render_printable(&shown, figure_format(value, render_text(m->unit), m->value),
			 RENDER_ONE_LINE);
	table_add(table, NULL, "%s", text_str(&shown));
}

enum subject { OF_ALL, OF_FILES, OF_PROGRAMS, OF_EXPECTATIONS };

static const struct column {
	struct table_column look;
	enum subject subject;
	void (*add)(const struct terminal *t, struct table *table, const struct run_verdict *r);
} columns[] = {
	{ { "mode", false, 0 }, OF_ALL, add_name },
	{ { "files", true, 0 }, OF_FILES, add_files },
	{ { "bytes", true, 2 }, OF_FILES, add_bytes },
	{ { "time", true, 0 }, OF_ALL, add_time },
	{ { "goodput", true, 4 }, OF_FILES, add_goodput },
	{ { "datagrams", true, 3 }, OF_FILES, add_datagrams },
	{ { "repairs", true, 1 }, OF_FILES, add_repairs },
	{ { "lost", true, 0 }, OF_FILES, add_lost },
	{ { "receiver", false, 0 }, OF_FILES, add_receiver },
	{ { "capture", false, 0 }, OF_FILES, add_capture },
	{ { "picture", false, 0 }, OF_FILES, add_picture },
	{ { "programs", false, 0 }, OF_PROGRAMS, add_programs },
	{ { "expected", false, 0 }, OF_EXPECTATIONS, add_expected },
	{ { "verdict", false, 0 }, OF_ALL, add_verdict },
};
#define N_COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* ---- the table ---- */

static bool has_files(const struct session *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].n_files + s->runs[i].n_files_let_go > 0)
			return true;
	return false;
}

static bool has_expectations(const struct session *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].n_expectations > 0)
			return true;
	return false;
}

static bool is_shown(const struct session *s, const struct column *c)
{
	switch (c->subject) {
	case OF_FILES:
		return has_files(s);
	case OF_PROGRAMS:
		return !has_files(s);
	case OF_EXPECTATIONS:
		return has_expectations(s);
	case OF_ALL:
		break;
	}
	return true;
}

/* Metrics come before the verdict, and are left out late where there is little room. */
static size_t choose_columns(const struct session *s, size_t n_metrics, struct table_column *titles)
{
	const struct run_verdict *first = &s->runs[0];
	size_t n = 0;

	for (size_t i = 0; i < N_COLUMNS; i++) {
		for (size_t k = 0; i == N_COLUMNS - 1 && k < n_metrics; k++)
			titles[n++] = (struct table_column){ first->metrics[k].name, true, 1 };
		if (is_shown(s, &columns[i]))
			titles[n++] = columns[i].look;
	}
	if (!render_modes_suffice(s))
		titles[0].title = "run";
	return n;
}

static void add_row(const struct terminal *t, size_t n_metrics, struct table *table,
		    const struct run_verdict *r)
{
	const struct run_verdict *first = &t->s->runs[0];

	for (size_t i = 0; i < N_COLUMNS; i++) {
		for (size_t k = 0; i == N_COLUMNS - 1 && k < n_metrics; k++)
			add_metric(table, r, first->metrics[k].name);
		if (is_shown(t->s, &columns[i]))
			columns[i].add(t, table, r);
	}
}

void terminal_print_runs(const struct terminal *t, size_t width)
{
	size_t n_metrics = terminal_has_sheets(t) ? 0 : t->s->runs[0].n_metrics;
	cleanup_free struct table_column *titles = array_new(N_COLUMNS + n_metrics,
							     sizeof(*titles));
	cleanup_by(table_done) struct table table = { .columns = titles };

	table.n_columns = choose_columns(t->s, n_metrics, titles);
	for (size_t i = 0; i < t->s->n_runs; i++)
		add_row(t, n_metrics, &table, &t->s->runs[i]);
	table_print(&table, t->out, "  ", width, t->color);
	fputc('\n', t->out);
}
