/*
 * report: a session's verdicts as people and machines read them. Renderers see
 * struct session and nothing else.
 */
#ifndef HARNESS_REPORT_REPORT_H
#define HARNESS_REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "verify/verdict.h"

/* A terminal that is not dumb, and NO_COLOR unset or empty (no-color.org). */
bool report_color_wanted(FILE *out);
/* The table and, below it, what failed and why; for stdout. */
void report_terminal(FILE *out, const struct session *s, bool color, bool verbose);
/* report.json, as src/report/report.schema.json describes it. Also what --json prints. */
int report_json(FILE *out, const struct session *s, struct err *e);
/* junit.xml in the subset that Jenkins, GitLab and pytest share. */
int report_junit(FILE *out, const struct session *s, struct err *e);
/* Test Anything Protocol, version 13. */
int report_tap(FILE *out, const struct session *s, struct err *e);

/* A run under way. */
struct progress_run {
	size_t run; /* from 1 */
	char *what; /* "mode=multi-thread: transfer" */
};

/* Progress on stderr while runs go on: one line redrawn on a terminal, one line per run elsewhere. */
struct progress {
	FILE *out;
	bool redraw; /* a terminal, TERM not dumb, CI unset */
	bool color;
	bool quiet;
	size_t n_runs;
	struct progress_run *at_work;
	size_t n_at_work, at_work_room;
	char shown[256];
};

void progress_init(struct progress *p, bool color, bool quiet, size_t n_runs);
/* "[2/6] mode=multi-thread: transfer", for each that is under way; run counts from 1. */
void progress_stage(struct progress *p, size_t run, const char *label, const char *stage);
/* The run is over: clear the line, or print its outcome. */
void progress_run_done(struct progress *p, size_t run, const struct run_verdict *r);
void progress_done(struct progress *p);

#endif
