/*
 * terminal_expect: metrics and expectations of a run: of these, those that did not pass, in full,
 * and how many did. For terminal.c.
 */
#include <string.h>

#include "base/cleanup.h"
#include "report/figure.h"
#include "report/render.h"
#include "report/terminal.h"

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
