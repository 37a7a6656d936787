/* harness run CONF: every run of the plan, the reports, and an exit status that tells. */
#include <errno.h>
#include <getopt.h>
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
#include "topology/plan.h"

static const char help[] =
	"Usage: harness run [OPTION...] TOPOLOGY\n\n"
	"Brings the topology up once for every combination of its 'vary' values, runs its\n"
	"programs, records every packet, and says with proof what arrived.\n\n"
	"  --only NAME=VALUE   only the runs where NAME has this value (may be repeated)\n"
	"  --seed N            instead of the topology's seed\n"
	"  --captures FOLDER   where the evidence goes (default: captures)\n"
	"  --json              print report.json instead of the table\n"
	"  --color WHEN        always, never or auto (default: auto; NO_COLOR is honoured)\n"
	"  --skip-code N       exit with N instead of 3 when this machine cannot run it\n"
	"  -q, --quiet         no progress\n"
	"  -v, --verbose       digests, ledger and notes also of what passed\n"
	"  -h, --help          this text\n\n"
	"Evidence: FOLDER/TOPOLOGY/TIME/RUN, and FOLDER/TOPOLOGY/latest; beside it report.json,\n"
	"junit.xml and report.tap.\n\n"
	"Exit status: 0 all passed; 1 an expectation failed; 2 command line or topology wrong;\n"
	"3 this machine cannot run it, or the evidence is incomplete; 124 past the deadline;\n"
	"128+n ended by signal n.\n";

struct options {
	const char *topology;
	const char *captures;
	char **only; /* "NAME=VALUE" */
	size_t n_only, only_room;
	bool has_seed;
	uint64_t seed;
	bool json, quiet, verbose, color;
	int skip_code;
	bool helped;
};

static int parse_number(const char *option, const char *s, uint64_t max, uint64_t *ret,
			struct err *e)
{
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || s[0] == '-' || *ret > max)
		return err_usage(e, "--%s takes a number from 0 to %llu, not '%s'", option,
				 (unsigned long long)max, s);
	return 0;
}

static bool color_wanted(void)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no_color == NULL || *no_color == '\0') &&
	       (term == NULL || strcmp(term, "dumb") != 0);
}

static int parse_color(const char *when, struct options *o, struct err *e)
{
	if (strcmp(when, "always") == 0)
		o->color = true;
	else if (strcmp(when, "never") == 0)
		o->color = false;
	else if (strcmp(when, "auto") != 0)
		return err_usage(e, "--color takes always, never or auto, not '%s'", when);
	return 0;
}

static int parse_option(int c, struct options *o, struct err *e)
{
	uint64_t number;

	switch (c) {
	case 'o':
		if (strchr(optarg, '=') == NULL)
			return err_usage(e, "--only takes NAME=VALUE, not '%s'", optarg);
		*(char **)array_add(&o->only, &o->n_only, &o->only_room, sizeof(char *)) = optarg;
		return 0;
	case 's':
		o->has_seed = true;
		return parse_number("seed", optarg, UINT64_MAX, &o->seed, e);
	case 'c':
		o->captures = optarg;
		return 0;
	case 'j':
		o->json = true;
		return 0;
	case 'C':
		return parse_color(optarg, o, e);
	case 'k':
		if (parse_number("skip-code", optarg, 255, &number, e) != 0)
			return -1;
		o->skip_code = (int)number;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case 'v':
		o->verbose = true;
		return 0;
	default: /* 'h' */
		o->helped = true;
		return 0;
	}
}

static int parse_options(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "seed", required_argument, NULL, 's' },
		{ "captures", required_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "color", required_argument, NULL, 'C' },
		{ "skip-code", required_argument, NULL, 'k' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "qvh", longs, NULL)) != -1) {
		if (c == '?')
			return err_usage(e,
					 "run: '%s' is no option, or lacks its value; see 'harness "
					 "run --help'",
					 argv[optind - 1]);
		if (parse_option(c, o, e) != 0)
			return -1;
		if (o->helped)
			return 0;
	}
	if (optind + 1 != argc)
		return err_usage(e, optind == argc
					    ? "run: which topology? For example: harness run "
					      "topologies/3alpine.conf"
					    : "run: one topology at a time");
	o->topology = argv[optind];
	return 0;
}

/* ---- which runs ---- */

static bool selected_by(const struct planned_run *r, const char *only)
{
	size_t len = strcspn(only, "=");

	for (size_t i = 0; i < r->n_variables; i++)
		if (strlen(r->variables[i].name) == len &&
		    strncmp(r->variables[i].name, only, len) == 0)
			return strcmp(r->variables[i].value, only + len + 1) == 0;
	return false;
}

static bool selected(const struct planned_run *r, const struct options *o)
{
	for (size_t i = 0; i < o->n_only; i++)
		if (!selected_by(r, o->only[i]))
			return false;
	return true;
}

static size_t count_selected(const struct plan *plan, const struct options *o)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_runs; i++)
		n += selected(&plan->runs[i], o);
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

static int begin_session(struct session *s, const struct plan *plan, const struct options *o,
			 int argc, char **argv, struct err *e)
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
	s->n_planned = count_selected(plan, o);
	s->runs = array_new(s->n_planned, sizeof(*s->runs));

	cleanup_free char *copy = text_format("%s/topology.conf", s->folder);

	return fs_write(copy, plan->text, plan->text_len, e);
}

/* ---- running ---- */

struct shown_run {
	struct progress *progress;
	size_t number;
	const char *label;
};

static void show_stage(void *arg, const char *stage)
{
	const struct shown_run *r = arg;

	progress_stage(r->progress, r->number, r->label, stage);
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

static int run_one(struct session *s, const struct planned_run *r, struct progress *progress,
		   struct err *e)
{
	struct run_verdict *v = &s->runs[s->n_runs++];
	char absolute[PATH_MAX];

	if (realpath(s->folder, absolute) == NULL)
		return err_set(e, errno, "find %s", s->folder);
	describe_run(v, r);

	cleanup_free char *folder = text_format("%s/%s", absolute, r->label);
	cleanup_free char *comment = text_format("topology %s, run %s, seed %llu\n%s", s->path,
						 r->label, (unsigned long long)v->seed, v->command);
	struct shown_run shown = { progress, s->n_runs, r->label };
	struct run_request request = { r, folder, comment, show_stage, &shown };

	if (run_once(&request, v, e) != 0)
		return -1;
	s->outcome = outcome_worse(s->outcome, v->outcome);
	progress_run_done(progress, v);
	return 0;
}

static int run_all(struct session *s, const struct plan *plan, const struct options *o,
		   struct err *e)
{
	struct progress progress;
	int r = 0;

	progress_init(&progress, o->color, o->quiet, s->n_planned);
	for (size_t i = 0; i < plan->n_runs && r == 0 && run_caught_signal() == 0; i++) {
		if (!selected(&plan->runs[i], o))
			continue;
		if (o->has_seed)
			plan->runs[i].topology->seed = o->seed;
		r = run_one(s, &plan->runs[i], &progress, e);
	}
	progress_done(&progress);
	s->interrupted = run_caught_signal() != 0;
	s->duration_ns = clock_real_ns() - s->started_real_ns;
	return r;
}

/* ---- reporting ---- */

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

static int write_reports(const struct session *s, const struct options *o, struct err *e)
{
	cleanup_free char *latest = text_format("%s/%s/latest", o->captures, s->topology);

	if (write_report(s, "report.json", report_json, e) != 0 ||
	    write_report(s, "junit.xml", report_junit, e) != 0 ||
	    write_report(s, "report.tap", report_tap, e) != 0)
		return -1;
	return fs_symlink(fs_basename(s->folder), latest, e);
}

/* Whoever called sudo owns what they asked for. */
static int give_to_caller(const struct session *s, const struct options *o, struct err *e)
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

static int print_report(const struct session *s, const struct options *o, struct err *e)
{
	if (o->json)
		return report_json(stdout, s, e);
	report_terminal(stdout, s, o->color, o->verbose);
	return 0;
}

static int run_session(const struct plan *plan, const struct options *o, int argc, char **argv,
		       struct err *e)
{
	cleanup_by(session_done) struct session s = { 0 };
	struct err late;

	if (begin_session(&s, plan, o, argc, argv, e) != 0)
		return -1;

	int ran = run_all(&s, plan, o, e);

	s.exit_status = ran != 0 ? EXIT_MACHINE : exit_status(&s);
	if (ran != 0)
		s.n_runs--; /* the one that could not be tried has no verdict */
	if (s.n_runs > 0 && print_report(&s, o, ran != 0 ? &late : e) != 0)
		ran = -1;
	/* Of several errors the first is the one to tell. */
	if (s.n_runs > 0 && write_reports(&s, o, ran != 0 ? &late : e) != 0)
		ran = -1;
	if (give_to_caller(&s, o, ran != 0 ? &late : e) != 0)
		ran = -1;
	return ran != 0 ? -1 : s.exit_status;
}

static int load(const char *path, struct plan **ret_plan)
{
	struct problems problems = { 0 };
	int r = plan_load(path, ret_plan, &problems);

	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s\n", problems.messages[i]);
	problems_done(&problems);
	return r;
}

static int run_with(struct options *o, int argc, char **argv, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;

	if (load(o->topology, &plan) != 0)
		return EXIT_USAGE;
	if (count_selected(plan, o) == 0)
		return err_usage(e, "no run of %s has that --only; 'harness check %s' lists them",
				 o->topology, o->topology);
	for (size_t i = 0; i < plan->n_runs; i++)
		if (run_check_programs(plan->runs[i].topology, e) != 0)
			return -1;
	if (run_catch_signals(e) != 0)
		return -1;
	return run_session(plan, o, argc, argv, e);
}

int cli_run(int argc, char **argv, struct err *e)
{
	struct options o = { .captures = "captures",
			     .color = color_wanted(),
			     .skip_code = EXIT_MACHINE };
	int status = -1;

	if (parse_options(argc, argv, &o, e) == 0) {
		if (o.helped)
			status = fputs(help, stdout) < 0;
		else
			status = run_with(&o, argc, argv, e);
	}
	free(o.only);
	if (status == -1 && e->class == ERR_MACHINE && o.skip_code != EXIT_MACHINE) {
		fprintf(stderr, "harness: %s\n", e->msg);
		status = o.skip_code;
	}
	return status;
}
