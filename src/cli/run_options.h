/* run_options: the command line of `harness run`. */
#ifndef HARNESS_CLI_RUN_OPTIONS_H
#define HARNESS_CLI_RUN_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/plan.h"

/* Which runs' folders stay when the session is over; all runs are in its reports. */
enum keep {
	KEEP_FEW, /* of each combination the first KEEP_MAX that did not pass */
	KEEP_FAILED,
	KEEP_ALL,
};

/* Also how many runs of a combination that did not pass are reported in every detail. */
#define KEEP_MAX 8

struct run_options {
	const char *topology;
	const char *captures;
	char **only; /* for plan_select() */
	size_t n_only, only_room;
	bool has_seed;
	uint64_t seed;
	uint64_t repeat; /* runs of each combination, 0: not asked for */
	uint64_t jobs;	 /* runs at the same time */
	bool fail_fast;
	enum keep keep;
	bool has_keep;
	bool has_engine; /* else it is what this machine does best: ENGINE_USER works on all */
	enum link_engine engine;
	bool json, quiet, verbose, color;
	int skip_code;
};

/*
 * Defaults, then the command line; returns as options_read() does. The strings stay argv's;
 * run_options_done() frees the rest.
 */
int run_options_parse(int argc, char **argv, struct run_options *ret_options, struct err *e);
void run_options_done(struct run_options *o);

#endif
