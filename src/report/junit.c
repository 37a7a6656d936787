/*
 * junit.xml: nobody owns a schema of it, so this is the subset that Jenkins,
 * GitLab and pytest share. One testsuite per run, or, when runs are repeated, per
 * combination, with a testcase per run; failure means that an
 * expectation failed, error that the evidence or the set-up is incomplete.
 */
#include "report/report.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "report/check.h"
#include "report/render.h"
#include "report/series.h"

/*
 * Printable text is legal in XML 1.0 (section 2.2) as it is, but for what means markup. A line feed
 * in an attribute would be read as a blank (3.3.3), so attributes are one line.
 */
static void add_xml(struct text *t, const char *s, enum render_lines lines)
{
	struct text shown = { 0 };

	render_printable(&shown, s, lines);
	for (const char *p = text_str(&shown); *p != '\0'; p++) {
		if (*p == '&')
			text_add(t, "&amp;");
		else if (*p == '<')
			text_add(t, "&lt;");
		else if (*p == '>')
			text_add(t, "&gt;");
		else if (*p == '"')
			text_add(t, "&quot;");
		else
			text_add_bytes(t, p, 1);
	}
	text_done(&shown);
}

static void add_attribute(struct text *t, const char *name, const char *value)
{
	text_add(t, " %s=\"", name);
	add_xml(t, value, RENDER_ONE_LINE);
	text_add(t, "\"");
}

/* Seconds, with a point in every locale. */
static void add_time(struct text *t, uint64_t ns)
{
	text_add(t, " time=\"%llu.%06llu\"", ns / NS_PER_SEC, ns % NS_PER_SEC / NS_PER_US);
}

static void add_counts(struct text *t, const struct check_list *l)
{
	text_add(t, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\"", l->n,
		 check_list_count(l, OUTCOME_FAIL), check_list_count(l, OUTCOME_INCONCLUSIVE),
		 check_list_count(l, OUTCOME_SKIP));
}

static void add_property(struct text *t, const char *name, const char *value)
{
	if (value == NULL)
		return;
	text_add(t, "\t\t\t<property name=\"%s\"", name);
	add_attribute(t, "value", value);
	text_add(t, "/>\n");
}

/* Of a suite of many runs: what is the same in all. */
static void add_properties(struct text *t, const struct session *s, const struct run_verdict *r)
{
	cleanup_free char *seed = text_format("%" PRIu64, r->seed);

	text_add(t, "\t\t<properties>\n");
	if (s->repeat != 0) {
		add_property(t, "first-seed", seed);
		add_property(t, "mode", r->mode);
		add_property(t, "harness", s->version);
		add_property(t, "kernel", s->kernel);
		text_add(t, "\t\t</properties>\n");
		return;
	}
	add_property(t, "seed", seed);
	add_property(t, "command", r->command);
	add_property(t, "mode", r->mode);
	add_property(t, "folder", r->folder);
	add_property(t, "harness", s->version);
	add_property(t, "kernel", s->kernel);
	text_add(t, "\t\t</properties>\n");
}

static void add_check(struct text *t, const struct check *c, const char *class)
{
	static const char *const elements[] = {
		[OUTCOME_SKIP] = "skipped",
		[OUTCOME_INCONCLUSIVE] = "error",
		[OUTCOME_FAIL] = "failure",
	};

	text_add(t, "\t\t<testcase");
	add_attribute(t, "classname", class);
	add_attribute(t, "name", c->name);
	add_time(t, c->time_ns);
	if (c->outcome == OUTCOME_PASS) {
		text_add(t, "/>\n");
		return;
	}
	text_add(t, ">\n\t\t\t<%s", elements[c->outcome]);
	add_attribute(t, "message", c->message);
	if (c->outcome != OUTCOME_SKIP)
		add_attribute(t, "type", outcome_name(c->outcome));
	text_add(t, ">");
	add_xml(t, c->detail, RENDER_LINES);
	text_add(t, "</%s>\n\t\t</testcase>\n", elements[c->outcome]);
}

static const char *suite_name(const struct session *s, const struct run_verdict *r)
{
	if (r == NULL)
		return "session";
	return s->repeat != 0 ? r->combination : render_run_name(s, r);
}

static uint64_t total_time(const struct check_list *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->n; i++)
		sum += l->checks[i].time_ns;
	return sum;
}

/* r is NULL for what belongs to no run. */
static void add_suite(struct text *t, const struct session *s, const struct run_verdict *r,
		      const struct check_list *l)
{
	cleanup_free char *name = text_format("%s.%s", s->topology, suite_name(s, r));

	text_add(t, "\t<testsuite");
	add_attribute(t, "name", name);
	add_counts(t, l);
	add_time(t, r != NULL && s->repeat == 0 ? r->total_ns : total_time(l));
	add_attribute(t, "timestamp", s->started);
	text_add(t, ">\n");
	if (r != NULL)
		add_properties(t, s, r);
	for (size_t i = 0; i < l->n; i++)
		add_check(t, &l->checks[i], name);
	text_add(t, "\t</testsuite>\n");
}

/* How many runs from this one on share a suite. */
static size_t suite_runs(const struct session *s, size_t first)
{
	struct series x;

	if (s->repeat == 0)
		return 1;
	series_of(s, first, &x);
	series_done(&x);
	return x.n_runs;
}

static void add_suites(struct text *t, const struct session *s)
{
	struct check_list l = { 0 };

	for (size_t i = 0, n; i < s->n_runs; i += n) {
		n = suite_runs(s, i);
		for (size_t k = i; k < i + n; k++)
			check_list_add_run(&l, s, &s->runs[k]);
		add_suite(t, s, &s->runs[i], &l);
		check_list_done(&l);
	}
	check_list_add_session(&l, s);
	if (l.n != 0)
		add_suite(t, s, NULL, &l);
	check_list_done(&l);
}

int report_junit(FILE *out, const struct session *s, struct err *e)
{
	cleanup_by(text_done) struct text t = { 0 };
	struct check_list all = { 0 };

	for (size_t i = 0; i < s->n_runs; i++)
		check_list_add_run(&all, s, &s->runs[i]);
	check_list_add_session(&all, s);
	text_add(&t, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	add_attribute(&t, "name", s->topology);
	add_counts(&t, &all);
	add_time(&t, s->duration_ns);
	text_add(&t, ">\n");
	check_list_done(&all);
	add_suites(&t, s);
	text_add(&t, "</testsuites>\n");
	return render_write(out, &t, "junit.xml", e);
}
