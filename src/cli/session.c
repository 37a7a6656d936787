#include "cli/session.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "report/report.h"
#include "run/run.h"

size_t session_count_runs(const struct plan *plan, const struct run_options *o)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_runs; i++)
		n += run_options_select(o, &plan->runs[i]);
	return n;
}

/* ---- names and places ---- */

/* A word that a shell reads as itself. */
static void add_quoted(struct text *t, const char *word)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789%+,-./:=@_";

	if (*word != '\0' && word[strspn(word, safe)] == '\0') {
		text_add(t, "%s", word);
		return;
	}
	text_add(t, "'");
	for (; *word != '\0'; word++)
		text_add(t, *word == '\'' ? "'\\''" : "%c", *word);
	text_add(t, "'");
}

static const char *sudo(void)
{
	return geteuid() == 0 && getenv("SUDO_UID") != NULL ? "sudo " : "";
}

/* What was typed; argv[0] is "run". */
static char *command_line(int argc, char **argv)
{
	struct text t = { 0 };

	text_add(&t, "%s./harness", sudo());
	for (int i = 0; i < argc; i++) {
		text_add(&t, " ");
		add_quoted(&t, argv[i]);
	}
	return text_take(&t);
}

static char *repeat_command(const struct planned_run *r, uint64_t seed)
{
	struct text t = { 0 };

	text_add(&t, "%s./harness run ", sudo());
	add_quoted(&t, r->topology->path);
	for (size_t i = 0; i < r->n_variables; i++) {
		cleanup_free char *pair = text_format("%s=%s", r->variables[i].name,
						      r->variables[i].value);

		text_add(&t, " --only ");
		add_quoted(&t, pair);
	}
	text_add(&t, " --seed %llu", (unsigned long long)seed);
	return text_take(&t);
}

/* CAPTURES/TOPOLOGY/TIME, which nobody else has: a second session in one second gets "-2". */
static int make_folder(const char *captures, const char *topology, const char *time,
		       char **ret_folder, struct err *e)
{
	cleanup_free char *parent = text_format("%s/%s", captures, topology);
	cleanup_free char *folder = text_format("%s/%s", parent, time);

	if (fs_mkdir_all(parent, e) != 0)
		return err_prefix(e, "no place for the evidence (--captures FOLDER names another)");
	for (int n = 2; mkdir(folder, 0755) != 0; n++) {
		if (errno != EEXIST)
			return err_set(
				e, errno,
				"no place for the evidence (--captures FOLDER names another): "
				"create folder %s",
				folder);
		free(folder);
		folder = text_format("%s/%s-%d", parent, time, n);
	}
	*ret_folder = take_ptr(folder);
	return 0;
}

int session_begin(struct session *s, const struct plan *plan, const struct run_options *o, int argc,
		  char **argv, struct err *e)
{
	const struct topology *t = plan->runs[0].topology;
	time_t now = time(NULL);
	struct utsname uts;
	struct tm tm;
	char folder_time[32], rfc3339[32];

	localtime_r(&now, &tm);
	strftime(folder_time, sizeof(folder_time), "%Y%m%d-%H%M%S", &tm);
	strftime(rfc3339, sizeof(rfc3339), "%Y-%m-%dT%H:%M:%S%z", &tm);
	/* RFC 3339 wants a colon in the offset. */
	memmove(rfc3339 + 23, rfc3339 + 22, 3);
	rfc3339[22] = ':';
	if (make_folder(o->captures, t->name, folder_time, &s->folder, e) != 0)
		return -1;
	uname(&uts);
	s->topology = text_dup(t->name);
	s->path = text_dup(t->path);
	s->title = t->title != NULL ? text_dup(t->title) : NULL;
	s->command = command_line(argc, argv);
	s->version = text_dup(HARNESS_VERSION);
	s->kernel = text_format("%s %s %s", uts.sysname, uts.release, uts.machine);
	s->started = text_dup(rfc3339);
	s->started_real_ns = clock_real_ns();
	s->n_planned = session_count_runs(plan, o);
	s->runs = array_new(s->n_planned, sizeof(*s->runs));

	cleanup_free char *copy = text_format("%s/topology.conf", s->folder);

	return fs_write(copy, plan->text, plan->text_len, e);
}

/* ---- running ---- */

/* Labs of a session that are up at the same time, beside the current one and the next. */
#define MAX_KEPT 16

/* A run under way. */
struct flight {
	const struct planned_run *planned;
	size_t number; /* from 1 */
	struct progress *progress;
	struct run *run;
};

static void flight_freep(struct flight **f)
{
	if (*f == NULL)
		return;
	run_free((*f)->run);
	free(*f);
	*f = NULL;
}

static void show_stage(void *arg, const char *stage)
{
	const struct flight *f = arg;

	progress_stage(f->progress, f->number, f->planned->label, stage);
}

static void describe_run(struct run_verdict *v, const struct planned_run *r)
{
	v->label = text_dup(r->label);
	v->folder = text_dup(r->label);
	v->seed = r->topology->seed;
	v->command = repeat_command(r, v->seed);
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
	size_t index;	/* into the plan */
	size_t started; /* runs */
};

/* Let the next selected run's lab come up; *ret_flight is NULL when there is none. */
static int launch(struct queue *q, struct flight **ret_flight, struct err *e)
{
	cleanup_by(flight_freep) struct flight *f = NULL;
	const struct planned_run *planned;
	char folder[PATH_MAX];

	*ret_flight = NULL;
	while (q->index < q->plan->n_runs &&
	       !run_options_select(q->options, &q->plan->runs[q->index]))
		q->index++;
	if (q->index == q->plan->n_runs || run_caught_signal() != 0)
		return 0;
	planned = &q->plan->runs[q->index++];
	if (q->options->has_seed)
		planned->topology->seed = q->options->seed;
	if (realpath(q->session->folder, folder) == NULL)
		return err_set(e, errno, "find %s", q->session->folder);
	f = array_new(1, sizeof(*f));
	*f = (struct flight){ planned, ++q->started, &q->progress, NULL };

	const struct run_request request = {
		.planned = planned,
		.folder = text_format("%s/%s", folder, planned->label),
		.comment = text_format("topology %s, run %s, seed %llu\n%s", q->session->path,
				       planned->label, (unsigned long long)planned->topology->seed,
				       q->session->command),
		.stage_began = show_stage,
		.arg = f,
	};

	if (run_start(&request, &f->run, e) != 0)
		return -1;
	*ret_flight = take_ptr(f);
	return 0;
}

static void judge(struct queue *q, struct flight *f)
{
	struct session *s = q->session;
	struct run_verdict *v = &s->runs[s->n_runs++];

	describe_run(v, f->planned);
	run_judge(f->run, v);
	s->outcome = outcome_worse(s->outcome, v->outcome);
	progress_run_done(&q->progress, v);
}

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

/* The next lab comes up while the last run is judged: see run.h. */
static int fly(struct queue *q, struct err *e)
{
	cleanup_by(hangar_empty) struct hangar done = { .n = 0 };
	cleanup_by(flight_freep) struct flight *now = NULL, *next = NULL;

	if (launch(q, &now, e) != 0)
		return -1;
	while (now != NULL) {
		if (run_await(now->run, e) != 0 || run_perform(now->run, e) != 0 ||
		    launch(q, &next, e) != 0)
			return -1;
		judge(q, now);
		hangar_add(&done, now);
		now = take_ptr(next);
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
	struct queue q = { .session = s, .plan = plan, .options = o };

	progress_init(&q.progress, o->color, o->quiet, s->n_planned);

	int r = fly(&q, e);

	progress_done(&q.progress);
	s->interrupted = run_caught_signal() != 0;
	s->duration_ns = clock_real_ns() - s->started_real_ns;
	s->exit_status = r != 0 ? EXIT_MACHINE : exit_status(s);
	return r;
}

static int write_report(const struct session *s, const char *name,
			int (*render)(FILE *, const struct session *, struct err *), struct err *e)
{
	cleanup_free char *path = text_format("%s/%s", s->folder, name);
	FILE *f = fopen(path, "we");

	if (f == NULL)
		return err_set(e, errno, "create %s", path);

	int r = render(f, s, e);
	bool written = !ferror(f);

	if (fclose(f) != 0 || !written)
		return err_set(e, errno, "write %s", path);
	return r;
}

static int write_reports(const struct session *s, const struct run_options *o, struct err *e)
{
	cleanup_free char *latest = text_format("%s/%s/latest", o->captures, s->topology);

	if (write_report(s, "report.json", report_json, e) != 0 ||
	    write_report(s, "junit.xml", report_junit, e) != 0 ||
	    write_report(s, "report.tap", report_tap, e) != 0)
		return -1;
	return fs_symlink(fs_basename(s->folder), latest, e);
}

/* Whoever called sudo owns what they asked for. */
static int give_to_caller(const struct session *s, const struct run_options *o, struct err *e)
{
	const char *uid = getenv("SUDO_UID"), *gid = getenv("SUDO_GID");
	cleanup_free char *parent = text_format("%s/%s", o->captures, s->topology);
	cleanup_free char *latest = text_format("%s/latest", parent);
	unsigned u, g;

	if (geteuid() != 0 || uid == NULL || gid == NULL)
		return 0;
	u = (unsigned)strtoul(uid, NULL, 10);
	g = (unsigned)strtoul(gid, NULL, 10);
	if (lchown(o->captures, u, g) != 0 || lchown(parent, u, g) != 0 ||
	    (lchown(latest, u, g) != 0 && errno != ENOENT))
		return err_set(e, errno, "give %s to user %u", parent, u);
	return fs_chown_tree(s->folder, u, g, e);
}

int session_write(const struct session *s, const struct run_options *o, struct err *e)
{
	struct err late;
	int r = s->n_runs > 0 ? write_reports(s, o, e) : 0;

	/* Of two errors the first is the one to tell. */
	if (give_to_caller(s, o, r != 0 ? &late : e) != 0)
		r = -1;
	return r;
}
