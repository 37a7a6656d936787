/* harness run CONF: every run of the plan, the reports, and an exit status that tells. */
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "cli/session.h"
#include "lab/cgroup.h"
#include "report/report.h"
#include "run/run.h"
#include "topology/select.h"

static int print_report(const struct session *s, const struct run_options *o, struct err *e)
{
	if (o->json)
		return report_json(stdout, s, e);
	report_terminal(stdout, s, o->color, o->verbose);
	return 0;
}

static int run_session(const struct plan *plan, const struct run_options *o, int argc, char **argv,
		       struct err *e)
{
	cleanup_by(session_done) struct session s = { 0 };
	struct err late;

	if (session_begin(&s, plan, o, argc, argv, e) != 0)
		return -1;

	int r = session_run_all(&s, plan, o, e);

	/* Of several errors the first is the one to tell. */
	if (s.n_runs > 0 && print_report(&s, o, r != 0 ? &late : e) != 0)
		r = -1;
	if (session_write(&s, o, r != 0 ? &late : e) != 0)
		r = -1;
	return r != 0 ? -1 : s.exit_status;
}

static int run_with(struct run_options *o, int argc, char **argv, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;

	if (options_load(o->topology, &plan) != 0)
		return EXIT_USAGE;
	if (plan_select(plan, o->only, o->n_only, e) != 0)
		return -1;

	int status = options_check_engine(o->engine, plan, e);

	if (status != 0)
		return status;
	for (size_t i = 0; i < plan->n_runs; i++)
		if (run_check_programs(plan->runs[i].topology, e) != 0)
			return -1;
	if (run_catch_signals(e) != 0)
		return -1;
	cgroup_sweep();
	return run_session(plan, o, argc, argv, e);
}

int cli_run(int argc, char **argv, struct err *e)
{
	cleanup_by(run_options_done) struct run_options o;
	int status = run_options_parse(argc, argv, &o, e);

	if (status != 1)
		return status;
	status = run_with(&o, argc, argv, e);
	if (status == -1 && e->class == ERR_MACHINE && o.skip_code != EXIT_MACHINE) {
		fprintf(stderr, "harness: %s\n", e->msg);
		status = o.skip_code;
	}
	return status;
}
