/*
 * terminal_expect: metrics and expectations of a run: of these, those that did not pass, in full,
 * and how many did. For terminal.c.
 */
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "report/figure.h"
#include "report/render.h"
#include "report/table.h"
#include "report/terminal.h"

/* ---- metrics ---- */

static const struct table_column columns[] = {
	{ "metric", false, 0 },
	{ "value", true, 0 },
	{ "unit", false, 0 },
};

static void add_printable(struct table *table, const char *s)
{
	struct text t = { 0 };

	render_printable(&t, s, RENDER_ONE_LINE);
	table_add(table, NULL, "%s", text_str(&t));
	text_done(&t);
}

static void add_metric(struct table *table, const struct metric_value *m)
{
	const char *color = m->outcome != OUTCOME_PASS ? render_color(m->outcome) : NULL;

	add_printable(table, m->name);
	if (m->found)
		table_add(table, color, "%.6g", m->value);
	else
		table_add(table, color, "-");
	add_printable(table, m->unit);
}

/* Those of several runs are rows and columns of their variables (pivot.h). */
void terminal_print_metrics(const struct terminal *t, size_t width)
{
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = 3 };

	if (t->s->n_runs != 1 || t->s->runs[0].n_metrics == 0)
		return;
	for (size_t i = 0; i < t->s->runs[0].n_metrics; i++)
		add_metric(&table, &t->s->runs[0].metrics[i]);
	table_print(&table, t->out, "  ", width, t->color);
	fputc('\n', t->out);
}

static void print_metric(const struct terminal *t, const struct metric_value *m)
{
	char buf[FIGURE_TEXT_LEN];
	const char *value = m->found ? figure_format(buf, render_text(m->unit), m->value)
				     : "no value";

	if (m->outcome <= OUTCOME_SKIP) {
		terminal_field(t, "metric", "%s: %s", m->name, value);
		return;
	}
	terminal_field(t, "metric", "%s %s: %s, %s", render_symbol(m->outcome), m->name, value,
		       render_text(m->reason));
	if (m->look != NULL)
		terminal_field(t, "", "  look      %s", m->look);
}

/* ---- expectations ---- */

static void print_lines(const struct terminal *t, const char *lines)
{
	for (const char *line = lines; line != NULL && *line != '\0';) {
		size_t len = strcspn(line, "\n");

		terminal_field(t, "", "    | %.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static void print_condition(const struct terminal *t, const struct condition_verdict *c)
{
	terminal_field(t, "", "  expected  %s", render_text(c->expected));
	terminal_field(t, "", "  found     %s", render_text(c->found));
	if (c->outcome <= OUTCOME_SKIP)
		return;
	print_lines(t, c->nearest);
	if (c->look != NULL)
		terminal_field(t, "", "  look      %s", c->look);
}

static void print_expectation(const struct terminal *t, const struct expectation_verdict *x)
{
	terminal_field(t, "expect", "%s %s: %s", render_symbol(x->outcome), x->name, x->subject);
	for (size_t i = 0; i < x->n_conditions; i++)
		if (t->verbose || x->conditions[i].outcome > OUTCOME_SKIP)
			print_condition(t, &x->conditions[i]);
}

static void count_others(const struct terminal *t, const struct run_verdict *r)
{
	size_t counts[OUTCOME_FAIL + 1] = { 0 };

	for (size_t i = 0; i < r->n_expectations; i++)
		counts[r->expectations[i].outcome]++;
	if (counts[OUTCOME_SKIP] != 0)
		terminal_field(t, "expect", "%zu of %zu passed, %zu skipped", counts[OUTCOME_PASS],
			       r->n_expectations, counts[OUTCOME_SKIP]);
	else
		terminal_field(t, "expect", "%zu of %zu passed", counts[OUTCOME_PASS],
			       r->n_expectations);
}

void terminal_print_expectations(const struct terminal *t, const struct run_verdict *r)
{
	for (size_t i = 0; i < r->n_metrics; i++)
		print_metric(t, &r->metrics[i]);
	for (size_t i = 0; i < r->n_expectations; i++)
		if (t->verbose || r->expectations[i].outcome > OUTCOME_SKIP)
			print_expectation(t, &r->expectations[i]);
	if (r->n_expectations != 0)
		count_others(t, r);
}
