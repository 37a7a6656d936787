/*
 * What a person reads after a run. The first line says what was run and the
 * table answers "did it arrive?" per run; below it only what did not pass is
 * explained, each time ending in where the evidence lies and the command that
 * repeats it; the last line is the whole session, for those who see nothing
 * else (the tail of a CI log).
 */
#include "report/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "report/render.h"
#include "report/terminal.h"
#include "report/terminal_pivot.h"
#include "report/terminal_series.h"

/* Files, reasons and notes shown per run: who needs all reads report.json or asks for --verbose. */
#define MAX_FILES 8
#define MAX_LINES 12

/* Of the terminal in columns; 0 when out is none. */
static size_t width_of(FILE *out)
{
	struct winsize size;
	int fd = fileno(out);

	if (fd < 0 || !isatty(fd) || ioctl(fd, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

static char *printable(const char *s)
{
	struct text t = { 0 };

	render_printable(&t, s, RENDER_ONE_LINE);
	return text_take(&t);
}

/* "✗ FAIL", coloured. */
static char *mark(const struct terminal *t, enum outcome o, const char *word)
{
	return text_format("%s%s %s%s", t->color ? render_color(o) : "", render_symbol(o), word,
			   t->color ? RENDER_PLAIN : "");
}

void terminal_field(const struct terminal *t, const char *label, const char *format, ...)
{
	cleanup_by(text_done) struct text shown = { 0 };
	va_list ap;

	va_start(ap, format);

	cleanup_free char *line = text_vformat(format, ap);

	va_end(ap);
	render_printable(&shown, line, RENDER_ONE_LINE);
	fprintf(t->out, "  %-9s %s\n", label, text_str(&shown));
}

static void print_heading(const struct terminal *t)
{
	const struct session *s = t->s;
	cleanup_free char *name = printable(s->topology);
	cleanup_free char *path = printable(s->path);
	cleanup_free char *title = printable(s->title);

	fprintf(t->out, "%s: %s%s(%s, %zu run%s", name, title, title[0] != '\0' ? " " : "", path,
		s->n_planned, s->n_planned == 1 ? "" : "s");
	if (s->n_runs > 0)
		fprintf(t->out, ", seed %" PRIu64, s->runs[0].seed);
	if (s->n_runs > 0 && s->repeat > 1)
		fprintf(t->out, " to %" PRIu64, s->runs[0].seed + s->repeat - 1);
	if (s->jobs > 1)
		fprintf(t->out, ", %zu at a time", s->jobs);
	fputs(")\n\n", t->out);
}

/* One row of what is known of a file; who says so, and what. */
static void print_fact(const struct terminal *t, const char *who, const char *marked,
		       const char *fact)
{
	fprintf(t->out, "  %-9s   %-10s%s%s%s\n", "", who, marked, marked[0] != '\0' ? "  " : "",
		fact);
}

static void print_layer(const struct terminal *t, const char *name, const struct layer *l)
{
	cleanup_free char *marked = mark(t, l->outcome, render_layer_word(l->outcome));
	struct text facts = { 0 };

	if (l->outcome == OUTCOME_SKIP && !t->verbose)
		return;
	render_printable(&facts, l->reason, RENDER_ONE_LINE);
	if (l->outcome != OUTCOME_SKIP) {
		text_add(&facts, "%s", l->reason != NULL ? "; " : "");
		render_layer_facts(&facts, l, t->verbose);
	}
	print_fact(t, name, marked, text_str(&facts));
	text_done(&facts);
}

static void print_source(const struct terminal *t, const struct file_verdict *f)
{
	const struct layer source = { .size = f->size, .has_digest = true, .digest = f->digest };
	struct text facts = { 0 };

	render_layer_facts(&facts, &source, t->verbose);
	if (f->source != NULL) {
		text_add(&facts, ", ");
		render_printable(&facts, f->source, RENDER_ONE_LINE);
	}
	print_fact(t, "source", "", text_str(&facts));
	text_done(&facts);
}

static void print_file(const struct terminal *t, const struct file_verdict *f)
{
	char duration[16];
	struct text datagrams = { 0 };

	terminal_field(t, "file", "%s at %s, transfer %s%s%s", f->file, f->node, f->transfer,
		       f->reason != NULL ? ": " : "", render_text(f->reason));
	print_source(t, f);
	print_layer(t, "receiver", &f->receiver);
	print_layer(t, "capture", &f->capture);
	print_layer(t, "sender", &f->sender);
	print_layer(t, "picture", &f->picture);
	render_datagrams(&datagrams, &f->datagrams);
	if (f->time_ns != 0)
		text_add(&datagrams, "; took %s", text_duration(duration, f->time_ns));
	print_fact(t, "datagrams", "", text_str(&datagrams));
	text_done(&datagrams);
}

/* Those that did not pass, or all when verbose. */
static void print_files(const struct terminal *t, const struct run_verdict *r)
{
	size_t left_out = 0, shown = 0;

	for (size_t i = 0; i < r->n_files; i++) {
		const struct file_verdict *f = &r->files[i];
		bool wanted = t->verbose || f->outcome > OUTCOME_SKIP;

		if (!wanted)
			continue;
		if (!t->verbose && shown == MAX_FILES) {
			left_out++;
			continue;
		}
		print_file(t, f);
		shown++;
	}
	if (left_out != 0)
		terminal_field(t, "", "%zu more files did not pass; report.json has them all",
			       left_out);
}

/* A program's last words, each line behind a bar so that nobody takes them for ours. */
static void print_output(const struct terminal *t, const char *output)
{
	for (const char *line = output; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		cleanup_free char *raw = text_format("%.*s", (int)len, line);
		cleanup_free char *shown = printable(raw);

		fprintf(t->out, "  %-9s   | %s\n", "", shown);
		line += len + (line[len] == '\n');
	}
}

/* "exited 3 after 31.0 ms: why", and once only what both begin with. */
static char *end_of_program(const struct program_verdict *p)
{
	const char *ended = render_text(p->ended), *reason = render_text(p->reason);
	char duration[16];

	text_duration(duration, p->time_ns);
	if (p->reason == NULL)
		return text_format("%s after %s", ended, duration);
	if (strncmp(reason, ended, strlen(ended)) != 0)
		return text_format("%s after %s: %s", ended, duration, reason);
	if (p->time_ns == 0)
		return text_dup(reason);
	return text_format("%s; it ran for %s", reason, duration);
}

static void print_programs(const struct terminal *t, const struct run_verdict *r)
{
	for (size_t i = 0; i < r->n_programs; i++) {
		const struct program_verdict *p = &r->programs[i];

		if (p->outcome <= OUTCOME_SKIP && !t->verbose)
			continue;

		cleanup_free char *end = end_of_program(p);

		terminal_field(t, "program", "%s %s", p->name, end);
		if (p->output == NULL || p->output[0] == '\0')
			continue;
		terminal_field(t, "", "  the last lines of %s:", render_text(p->log));
		print_output(t, p->output);
	}
}

static void print_captures(const struct terminal *t, const struct run_verdict *r)
{
	char bytes[16];

	for (size_t i = 0; i < r->n_captures; i++) {
		const struct capture_verdict *c = &r->captures[i];

		if (c->outcome <= OUTCOME_SKIP && !t->verbose)
			continue;
		terminal_field(t, "capture", "%s: %" PRIu64 " packets, %s, %" PRIu64 " dropped%s%s",
			       c->name, c->packets, text_bytes(bytes, c->bytes), c->dropped,
			       c->reason != NULL ? ": " : "", render_text(c->reason));
	}
}

static void print_evidence(const struct terminal *t, const struct run_verdict *r)
{
	if (r->folder != NULL)
		terminal_field(t, "evidence", "%s/%s/%s", render_text(t->s->folder),
			       render_text(r->folder), render_text(r->merged));
	if (r->command != NULL)
		terminal_field(t, "repeat", "%s", r->command);
}

static void print_lines(const struct terminal *t, const char *label, char *const *lines, size_t n)
{
	size_t shown = !t->verbose && n > MAX_LINES ? MAX_LINES : n;

	for (size_t i = 0; i < shown; i++)
		terminal_field(t, i == 0 ? label : "", "%s", lines[i]);
	if (shown < n)
		terminal_field(t, "", "... %zu more in report.json", n - shown);
}

/* A run that passed has nothing to explain, but raw runs always have something to tell. */
static void print_run(const struct terminal *t, const struct run_verdict *r)
{
	bool passed = r->outcome <= OUTCOME_SKIP;
	bool notes = r->n_notes != 0 &&
		     (!passed || t->verbose || strcmp(render_text(r->format), "reliable") != 0);

	if (passed && !notes && !t->verbose)
		return;

	cleanup_free char *marked = mark(t, r->outcome, render_word(r->outcome));
	cleanup_free char *name = printable(render_run_name(t->s, r));

	fprintf(t->out, "%s  %s\n", marked, name);
	print_lines(t, "why", r->reasons, r->n_reasons);
	if (notes)
		print_lines(t, "note", r->notes, r->n_notes);
	if (!passed || t->verbose) {
		terminal_print_expectations(t, r);
		print_files(t, r);
		print_programs(t, r);
		print_captures(t, r);
		terminal_print_faults(t, r);
		terminal_print_ledger(t, r);
		print_evidence(t, r);
	}
	fputc('\n', t->out);
}

static void print_example(const struct terminal *t, const struct series *x)
{
	cleanup_free char *others = terminal_series_others(x);

	print_run(t, x->example);
	if (others != NULL)
		fprintf(t->out, "  so did seeds %s\n\n", others);
}

/* Of each combination the first run that did not pass stands for all. */
static void print_series(const struct terminal *t)
{
	struct series x;

	for (size_t i = 0; i < t->s->n_runs; i += x.n_runs) {
		series_of(t->s, i, &x);
		if (x.example != NULL)
			print_example(t, &x);
		series_done(&x);
	}
}

static void print_last_line(const struct terminal *t)
{
	static const char *const words[] = {
		[OUTCOME_PASS] = "passed",
		[OUTCOME_SKIP] = "skipped",
		[OUTCOME_INCONCLUSIVE] = "inconclusive",
		[OUTCOME_FAIL] = "failed",
	};
	const struct session *s = t->s;
	size_t counts[OUTCOME_FAIL + 1] = { 0 };
	const char *before = ": ";

	for (size_t i = 0; i < s->n_runs; i++)
		counts[s->runs[i].outcome]++;
	fprintf(t->out, "%zu run%s", s->n_planned, s->n_planned == 1 ? "" : "s");
	for (size_t o = 0; o <= OUTCOME_FAIL; o++) {
		if (counts[o] == 0)
			continue;
		fprintf(t->out, "%s%zu %s", before, counts[o], words[o]);
		before = ", ";
	}
	if (s->n_runs < s->n_planned)
		fprintf(t->out, "%s%zu not run", before, s->n_planned - s->n_runs);
	fprintf(t->out, "%s  (%.2f s)", s->interrupted ? ", interrupted" : "",
		(double)s->duration_ns / (double)NS_PER_SEC);
	if (s->folder != NULL)
		fprintf(t->out, "  %s", s->folder);
	fputc('\n', t->out);
}

/* A figure of time that others had a part in should not be taken for the program's own. */
static void print_jobs(const struct terminal *t)
{
	if (t->s->jobs > 1)
		fprintf(t->out,
			"  Times and rates were taken with up to %zu runs side by side; --jobs 1 "
			"takes "
			"them alone.\n\n",
			t->s->jobs);
}

void report_terminal(FILE *out, const struct session *s, bool color, bool verbose)
{
	const struct terminal t = { .out = out, .s = s, .color = color, .verbose = verbose };

	print_heading(&t);
	if (s->repeat != 0) {
		terminal_series_table(out, s, width_of(out), color);
		terminal_print_pivots(&t, width_of(out));
		print_jobs(&t);
		print_series(&t);
	} else if (s->n_runs > 0) {
		terminal_print_runs(&t, width_of(out));
		terminal_print_pivots(&t, width_of(out));
		print_jobs(&t);
		for (size_t i = 0; i < s->n_runs; i++)
			print_run(&t, &s->runs[i]);
	}
	print_last_line(&t);
}

bool report_color_wanted(FILE *out)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && (no_color == NULL || *no_color == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}
