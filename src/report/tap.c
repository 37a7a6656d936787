/*
 * Test Anything Protocol, version 13: one line per check, with a YAML block
 * below those that did not pass. A diagnostic's strings are double-quoted YAML
 * scalars, one per line of text.
 */
#include "report/report.h"

#include <string.h>

#include "base/cleanup.h"
#include "report/check.h"
#include "report/render.h"

/* '#' begins a directive in a description, and a backslash escapes it. */
static void add_description(struct text *t, const char *s)
{
	struct text shown = { 0 };

	render_printable(&shown, s, RENDER_ONE_LINE);
	for (const char *p = text_str(&shown); *p != '\0'; p++) {
		if (*p == '#' || *p == '\\')
			text_add(t, "\\");
		text_add_bytes(t, p, 1);
	}
	text_done(&shown);
}

/* What is printable needs only these two escaped (YAML 1.2, 7.3.1). */
static void add_quoted(struct text *t, const char *s, size_t len)
{
	cleanup_free char *line = text_format("%.*s", (int)len, s);
	struct text shown = { 0 };

	render_printable(&shown, line, RENDER_ONE_LINE);
	text_add(t, "\"");
	for (const char *p = text_str(&shown); *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			text_add(t, "\\");
		text_add_bytes(t, p, 1);
	}
	text_add(t, "\"\n");
	text_done(&shown);
}

static void add_diagnostic(struct text *t, const struct check *c)
{
	text_add(t, "  ---\n  outcome: %s\n  message: ", outcome_name(c->outcome));
	add_quoted(t, c->message, strlen(c->message));
	if (c->detail != NULL)
		text_add(t, "  detail:\n");
	for (const char *line = c->detail; line != NULL && *line != '\0';) {
		size_t len = strcspn(line, "\n");

		text_add(t, "    - ");
		add_quoted(t, line, len);
		line += len + (line[len] == '\n');
	}
	text_add(t, "  ...\n");
}

static void add_check(struct text *t, const struct check *c, size_t number)
{
	bool good = c->outcome == OUTCOME_PASS || c->outcome == OUTCOME_SKIP;

	text_add(t, "%s %zu - ", good ? "ok" : "not ok", number);
	add_description(t, c->name);
	if (c->outcome == OUTCOME_SKIP) {
		text_add(t, " # SKIP ");
		add_description(t, c->message);
	}
	text_add(t, "\n");
	if (!good)
		add_diagnostic(t, c);
}

int report_tap(FILE *out, const struct session *s, struct err *e)
{
	struct check_list l = { 0 };
	cleanup_by(text_done) struct text t = { 0 };

	for (size_t i = 0; i < s->n_runs; i++)
		check_list_add_run(&l, s, &s->runs[i]);
	check_list_add_session(&l, s);
	text_add(&t, "TAP version 13\n1..%zu\n", l.n);
	for (size_t i = 0; i < l.n; i++)
		add_check(&t, &l.checks[i], i + 1);
	check_list_done(&l);
	return render_write(out, &t, "the TAP report", e);
}
