/* The runs of a session, so many at a time, each judged and, when nobody wants it, thrown away. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/session.h"
#include "report/report.h"
#include "run/run.h"
#include "topology/write.h"
#include "verify/comparisons.h"

/* Labs of a session that are up at the same time, beside the current one and the next. */
#define MAX_KEPT 16

/* A run under way. */
struct flight {
	const struct planned_run *planned; /* in the plan */
	struct topology topology;	   /* as planned, with the seed of this run */
	struct planned_run run_planned;	   /* likewise */
	size_t number;			   /* from 1 */
	struct progress *progress;
	struct run *run;
};

static void flight_freep(struct flight **f)
{
	if (*f == NULL)
		return;
	run_free((*f)->run);
	free((*f)->run_planned.label);
	free(*f);
	*f = NULL;
}

static void show_stage(void *arg, const char *stage)
{
	const struct flight *f = arg;

	progress_stage(f->progress, f->number, f->run_planned.label, stage);
}

/* --only for these variables, but for what the text has said already. */
static void add_only(struct text *t, const struct variable *v, size_t n, struct text *said)
{
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *pair = text_format("%s=%s", v[i].name, v[i].value);
		cleanup_free char *line = text_format("\n%s\n", pair);

		if (said->s != NULL && strstr(said->s, line) != NULL)
			continue;
		text_add(said, "%s", line);
		text_add(t, " --only ");
		session_add_quoted(t, pair);
	}
}

/* With the runs that this one was compared with, where it did not pass for that. */
static char *repeat_command(const struct run_verdict *v, const char *path,
			    const struct run_options *o)
{
	cleanup_by(text_done) struct text said = { 0 };
	cleanup_free char *harness = session_harness();
	struct text t = { 0 };

	text_add(&t, "%s run ", harness);
	session_add_quoted(&t, path);
	add_only(&t, v->variables, v->n_variables, &said);
	for (size_t i = 0; i < v->n_expectations; i++) {
		const struct expectation_verdict *x = &v->expectations[i];

		if (x->awaits != NULL && x->outcome > OUTCOME_SKIP)
			add_only(&t, x->awaits->of, x->awaits->n_of, &said);
	}
	if (o->has_engine)
		text_add(&t, " --engine %s", o->engine == ENGINE_USER ? "user" : "netem");
	text_add(&t, " --seed %llu", (unsigned long long)v->seed);
	return text_take(&t);
}

static void describe_run(struct run_verdict *v, const struct flight *f, bool repeated)
{
	const struct planned_run *r = &f->run_planned;

	v->label = text_dup(r->label);
	v->combination = repeated ? text_dup(f->planned->label) : NULL;
	v->folder = text_dup(r->label);
	v->seed = f->topology.seed;
	v->n_variables = r->n_variables;
	v->variables = array_new(r->n_variables, sizeof(*v->variables));
	for (size_t i = 0; i < r->n_variables; i++) {
		v->variables[i].name = text_dup(r->variables[i].name);
		v->variables[i].value = text_dup(r->variables[i].value);
	}
}

/* What is left to start. */
struct queue {
	struct session *session;
	const struct plan *plan;
	const struct run_options *options;
	struct progress progress;
	size_t index;	 /* into the plan */
	uint64_t repeat; /* of that one, from 0 */
	size_t started;	 /* runs */
	bool *judged;	 /* by index into session.runs, which fills in any order */
	size_t settled;	 /* the first so many are judged, compared, and thinned out */
	size_t detailed; /* of the combination at work: runs that did not pass */
	bool stopped;	 /* one did not pass, and that is enough */
};

/* "mode=multi-thread,seed=7"; just the seed where nothing varies. */
static char *label_of(const struct planned_run *r, uint64_t seed, bool repeated)
{
	if (!repeated)
		return text_dup(r->label);
	return text_format("%s%sseed=%llu", r->n_variables != 0 ? r->label : "",
			   r->n_variables != 0 ? "," : "", (unsigned long long)seed);
}

/* The next run: its seed is its own, as the one before it may still be under way. */
static struct flight *next_flight(struct queue *q)
{
	const struct run_options *o = q->options;
	const struct planned_run *planned = &q->plan->runs[q->index];
	struct flight *f = array_new(1, sizeof(*f));

	*f = (struct flight){ .planned = planned,
			      .topology = *planned->topology,
			      .run_planned = *planned,
			      .number = ++q->started,
			      .progress = &q->progress };
	if (o->has_seed)
		f->topology.seed = o->seed;
	f->topology.seed += q->repeat;
	f->run_planned.topology = &f->topology;
	f->run_planned.label = label_of(planned, f->topology.seed, o->repeat != 0);
	if (++q->repeat >= o->repeat) {
		q->repeat = 0;
		q->index++;
	}
	return f;
}

/* The topology of this run alone, seed and all: what `harness shrink` starts from. */
static int write_topology(const struct flight *f, const char *session, struct err *e)
{
	const struct planned_run *r = &f->run_planned;
	cleanup_free char *path = text_format("%s/%s/topology.conf", session, r->label);
	cleanup_free char *comment = text_format("%s of %s", r->label, r->topology->path);
	cleanup_free char *text = topology_write(r->topology, comment);

	return fs_write(path, text, strlen(text), e);
}

/* Let the next run's lab come up; *ret_flight is NULL when there is none. */
static int launch(struct queue *q, struct flight **ret_flight, struct err *e)
{
	cleanup_by(flight_freep) struct flight *f = NULL;
	char folder[PATH_MAX];

	*ret_flight = NULL;
	if (q->index == q->plan->n_runs || q->stopped || run_caught_signal() != 0)
		return 0;
	if (realpath(q->session->folder, folder) == NULL)
		return err_set(e, errno, "find %s", q->session->folder);
	f = next_flight(q);

	const struct run_request request = {
		.planned = &f->run_planned,
		.folder = text_format("%s/%s", folder, f->run_planned.label),
		.comment = text_format("topology %s, run %s, seed %llu\n%s", q->session->path,
				       f->run_planned.label, (unsigned long long)f->topology.seed,
				       q->session->command),
		.engine = q->options->engine,
		.stage_began = show_stage,
		.arg = f,
	};

	if (run_start(&request, &f->run, e) != 0 || write_topology(f, folder, e) != 0)
		return -1;
	*ret_flight = take_ptr(f);
	return 0;
}

/* ---- what stays of a run ---- */

/* Of thousands of runs neither the disk nor the memory is to hold everything. */
static bool is_kept(const struct queue *q, const struct run_verdict *v)
{
	if (q->options->keep == KEEP_ALL)
		return true;
	if (v->outcome <= OUTCOME_SKIP)
		return false;
	return q->options->keep == KEEP_FAILED || q->detailed <= KEEP_MAX;
}

static void count_detailed(struct queue *q, const struct run_verdict *v)
{
	bool first = v == q->session->runs || v->combination == NULL ||
		     strcmp(v[-1].combination, v->combination) != 0;

	if (first)
		q->detailed = 0;
	q->detailed += v->outcome > OUTCOME_SKIP;
}

static int thin_out(struct queue *q, struct run_verdict *v, struct err *e)
{
	cleanup_free char *folder = text_format("%s/%s", q->session->folder, v->folder);

	count_detailed(q, v);
	if (q->options->repeat != 0 && (v->outcome <= OUTCOME_SKIP || q->detailed > KEEP_MAX))
		run_verdict_shorten(v);
	if (is_kept(q, v))
		return 0;
	free(v->folder);
	v->folder = NULL;
	free(v->merged);
	v->merged = NULL;
	return fs_remove_tree(folder, e);
}

/* By what else was run: false while something that is to be compared is still to come. */
static bool compare(struct queue *q, struct run_verdict *v, bool over)
{
	bool pending = !over && comparisons_pending(q->session, q->plan, v);

	if (!pending) {
		comparisons_judge(q->session, q->plan, v);
		free(v->command);
		v->command = repeat_command(v, q->session->path, q->options);
	}
	q->stopped |= q->options->fail_fast && v->outcome > OUTCOME_SKIP;
	return !pending;
}

/*
 * What stays of a run depends on those before it, in the order of the plan, and on what it is
 * compared with: until that is judged nobody knows whether it has failed.
 */
static int settle(struct queue *q, bool over, struct err *e)
{
	for (; q->settled < q->session->n_planned && q->judged[q->settled]; q->settled++) {
		struct run_verdict *v = &q->session->runs[q->settled];

		if (!compare(q, v, over))
			return 0;
		if (thin_out(q, v, e) != 0)
			return -1;
	}
	return 0;
}

static int judge(struct queue *q, struct flight *f, struct err *e)
{
	struct session *s = q->session;
	struct run_verdict *v = &s->runs[f->number - 1];

	describe_run(v, f, q->options->repeat != 0);
	run_judge(f->run, v);
	s->outcome = outcome_worse(s->outcome, v->outcome);
	s->n_runs++;
	q->judged[f->number - 1] = true;
	compare(q, v, false);
	progress_run_done(&q->progress, f->number, v);
	return settle(q, false, e);
}

/* It is over before all were run: those that were stand together, in the order of the plan. */
static int close_ranks(struct queue *q, struct err *e)
{
	struct session *s = q->session;
	size_t n = q->settled;

	for (size_t i = q->settled; i < s->n_planned; i++) {
		if (!q->judged[i])
			continue;
		q->judged[i] = false;
		q->judged[n] = true;
		if (n != i) {
			s->runs[n] = s->runs[i];
			s->runs[i] = (struct run_verdict){ 0 };
		}
		n++;
	}
	return settle(q, true, e);
}

/* ---- all of them ---- */

/*
 * Labs whose runs are over. Taking one down keeps the kernel's RTNL lock busy for tens of
 * milliseconds, in which the next could not come up: so that waits for the end of the session, as
 * far as there are not too many.
 */
struct hangar {
	struct flight *flights[MAX_KEPT];
	size_t n;
};

/* Let all go at once, then wait for them: most of their ending is waiting, too. */
static void hangar_empty(struct hangar *h)
{
	for (size_t i = 0; i < h->n; i++)
		run_release(h->flights[i]->run);
	for (size_t i = 0; i < h->n; i++)
		flight_freep(&h->flights[i]);
	h->n = 0;
}

static void hangar_add(struct hangar *h, struct flight *f)
{
	if (h->n == MAX_KEPT)
		hangar_empty(h);
	h->flights[h->n++] = f;
}

/* Flights under way, from the first that was launched to the last. */
struct fleet {
	struct flight **flights;
	struct run **runs; /* of each, for run_wait() */
	size_t n;
};

static void fleet_done(struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++)
		flight_freep(&f->flights[i]);
	free(f->flights);
	free(f->runs);
}

static struct flight *fleet_take(struct fleet *f, size_t i)
{
	struct flight *taken = f->flights[i];

	f->n--;
	memmove(&f->flights[i], &f->flights[i + 1], (f->n - i) * sizeof(*f->flights));
	memmove(&f->runs[i], &f->runs[i + 1], (f->n - i) * sizeof(*f->runs));
	return taken;
}

/* As many as may be under way at a time. */
static int fill_up(struct queue *q, struct fleet *f, struct err *e)
{
	while (f->n < q->session->jobs) {
		struct flight *next;

		if (launch(q, &next, e) != 0)
			return -1;
		if (next == NULL)
			return 0;
		f->flights[f->n] = next;
		f->runs[f->n++] = next->run;
	}
	return 0;
}

/* One that is over makes room for the next lab, which comes up while it is judged: see run.h. */
static int land(struct queue *q, struct fleet *f, size_t i, struct hangar *done, struct err *e)
{
	cleanup_by(flight_freep) struct flight *over = fleet_take(f, i);

	if (fill_up(q, f, e) != 0 || judge(q, over, e) != 0)
		return -1;
	hangar_add(done, take_ptr(over));
	return 0;
}

/* Those whose programs have not begun never will: as if they had not been launched. */
static int ground(struct queue *q, struct fleet *f, struct err *e)
{
	for (size_t i = 0; i < f->n;) {
		if (run_phase(f->runs[i]) == RUN_GOING || run_phase(f->runs[i]) == RUN_OVER) {
			i++;
			continue;
		}

		cleanup_by(flight_freep) struct flight *grounded = fleet_take(f, i);
		cleanup_free char *folder = text_format("%s/%s", q->session->folder,
							grounded->run_planned.label);

		run_free(take_ptr(grounded->run));
		if (fs_remove_tree(folder, e) != 0)
			return -1;
	}
	return 0;
}

static int fly(struct queue *q, struct err *e)
{
	cleanup_by(hangar_empty) struct hangar done = { .n = 0 };
	cleanup_by(fleet_done) struct fleet f = {
		.flights = array_new(q->session->jobs, sizeof(struct flight *)),
		.runs = array_new(q->session->jobs, sizeof(struct run *)),
	};

	if (fill_up(q, &f, e) != 0)
		return -1;
	while (f.n > 0) {
		if (run_wait(f.runs, f.n, e) != 0)
			return -1;
		for (size_t i = 0; i < f.n; i++)
			if (run_phase(f.runs[i]) == RUN_READY)
				run_go(f.runs[i]);
		for (size_t i = 0; i < f.n;)
			if (run_phase(f.runs[i]) != RUN_OVER)
				i++;
			else if (land(q, &f, i, &done, e) != 0)
				return -1;
		if (q->stopped && ground(q, &f, e) != 0)
			return -1;
	}
	return 0;
}

static int exit_status(const struct session *s)
{
	if (s->interrupted)
		return EXIT_SIGNAL + run_caught_signal();
	for (size_t i = 0; i < s->n_runs; i++)
		if (s->runs[i].past_deadline)
			return EXIT_DEADLINE;
	if (s->outcome == OUTCOME_FAIL)
		return EXIT_EXPECTATION;
	return s->outcome == OUTCOME_INCONCLUSIVE ? EXIT_MACHINE : 0;
}

int session_run_all(struct session *s, const struct plan *plan, const struct run_options *o,
		    struct err *e)
{
	cleanup_free bool *judged = array_new(s->n_planned, sizeof(*judged));
	struct queue q = { .session = s, .plan = plan, .options = o, .judged = judged };
	struct err late;

	progress_init(&q.progress, o->color, o->quiet, s->n_planned);

	int r = fly(&q, e);

	/* Of two errors the first is the one to tell. */
	if (close_ranks(&q, r != 0 ? &late : e) != 0)
		r = -1;
	progress_done(&q.progress);
	s->interrupted = run_caught_signal() != 0;
	s->duration_ns = clock_real_ns() - s->started_real_ns;
	s->exit_status = r != 0 ? EXIT_MACHINE : exit_status(s);
	return r;
}
