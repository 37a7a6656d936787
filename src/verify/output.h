/*
 * output: what a program wrote, line by line, and where an expression is found in it. The log is
 * mapped, so its size takes no memory; lines end in LF, and a CR before that is not part of them.
 */
#ifndef HARNESS_VERIFY_OUTPUT_H
#define HARNESS_VERIFY_OUTPUT_H

#include "base/fs.h"
#include "base/pattern.h"
#include "verify/trial.h"

struct output_line {
	const char *text;
	size_t len;
	uint64_t number;  /* from 1, in the log */
	uint64_t time_ns; /* of its first byte, since 1970; 0: not known */
};

struct output {
	struct fs_map log, times;
	char *path;	   /* of the log */
	bool has_gap;	   /* the middle of the output is not in the log */
	size_t at;	   /* the next line begins here */
	size_t times_at;   /* likewise in times */
	uint64_t number;   /* of the line before */
	uint64_t until_ns; /* CLOCK_MONOTONIC: expressions that take longer are given up */
};

/* *o is good for output_done() in any case. */
int output_open(struct output *o, const struct trial *t, const struct program_evidence *p,
		struct err *e);
bool output_next(struct output *o, struct output_line *ret_line);
/* The next line with a match. 1: found; 0: there is none; -1: the expression took too long. */
int output_find(struct output *o, const struct pattern *p, struct output_line *ret_line,
		struct err *e);
void output_done(struct output *o);

#endif
