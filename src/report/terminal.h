/* terminal: what the parts of the report for people share. For terminal.c. */
#ifndef HARNESS_REPORT_TERMINAL_H
#define HARNESS_REPORT_TERMINAL_H

#include <stdbool.h>
#include <stdio.h>

#include "verify/verdict.h"

struct terminal {
	FILE *out;
	const struct session *s;
	bool color;
	bool verbose;
};

/* A line "  label     value" below a run; no label continues the one above. */
void terminal_field(const struct terminal *t, const char *label, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* terminal_runs.c: a row per run. */
void terminal_print_runs(const struct terminal *t, size_t width);
/* terminal_expect.c */
void terminal_print_expectations(const struct terminal *t, const struct run_verdict *r);
/* terminal_accounts.c */
void terminal_print_faults(const struct terminal *t, const struct run_verdict *r);
void terminal_print_ledger(const struct terminal *t, const struct run_verdict *r);

#endif
