/* harness shrink RUN: a smallest set of lost datagrams that still makes the run fail. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/session.h"
#include "run/run.h"
#include "shrink/hunt.h"
#include "topology/plan.h"
#include "topology/write.h"

#define DEFAULT_PROBES 200
#define LINKS_LOG      "links.log"

static const char help[] =
	"Usage: harness shrink [OPTION...] RUN\n\n"
	"RUN is the folder of a run that failed, such as captures/lossy/latest/loss=30%. Of the\n"
	"datagrams that its links lost by chance, finds a smallest set that still makes it fail:\n"
	"runs the topology again and again, each time losing some of them by name and no others,\n"
	"and writes a topology file that does just that. All else stays as it was: delays,\n"
	"duplicates, corruption, faults, the seed.\n\n"
	"  -o, --output FILE   the topology to write (default: NAME-shrunk.conf)\n"
	"  --probes N          at most so many runs (default: 200)\n"
	"  -q, --quiet         no progress\n"
	"  -h, --help          this text\n\n"
	"The set is 1-minimal: with any one of its datagrams delivered the run passes. (Delta\n"
	"debugging, Zeller and Hildebrandt 2002.)\n\n"
	"Exit status: 0 found and written; 1 the run does not fail again with the same losses, or\n"
	"fails without any, too; 2 command line wrong, or the run did not fail; 3 this machine\n"
	"cannot run it; 128+n ended by signal n.\n";

struct options {
	const char *run;
	const char *output;
	uint64_t probes;
	bool quiet;
};

/* ---- the command line ---- */

static int take_option(int c, void *options, struct err *e)
{
	struct options *o = options;

	switch (c) {
	case 'o':
		o->output = optarg;
		return 0;
	case 'p':
		return options_number("probes", 1, 1000000, &o->probes, e);
	default: /* 'q' */
		o->quiet = true;
		return 0;
	}
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "probes", required_argument, NULL, 'p' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "o:qh", longs, take_option };

	*o = (struct options){ .probes = DEFAULT_PROBES };

	int r = options_read(argc, argv, &line, o, e);

	return r != 1 ? r
		      : options_operand(argc, argv,
					"which run? For example: harness shrink "
					"captures/lossy/latest/loss=30%",
					&o->run, e);
}

/* ---- the run ---- */

static void json_freep(json_t **j)
{
	json_decref(*j);
}

/* "captures/NAME/TIME/RUN": how its report calls it, and where the topology's name stands. */
struct place {
	char path[PATH_MAX]; /* absolute, without links */
	char *session;	     /* the folder around it */
	char *name;	     /* of the topology */
};

static void place_done(struct place *p)
{
	free(p->session);
	free(p->name);
}

static int find_run(const char *run, struct place *p, struct err *e)
{
	struct err why;

	if (realpath(run, p->path) == NULL) {
		err_set(&why, errno, "find %s", run);
		return err_usage(e, "%s", why.msg);
	}
	p->session = text_format("%.*s", (int)(fs_basename(p->path) - p->path - 1), p->path);

	cleanup_free char *topology = text_format(
		"%.*s", (int)(fs_basename(p->session) - p->session - 1), p->session);

	p->name = text_dup(fs_basename(topology));
	return 0;
}

/* What report.json says of this run, if it is there and says anything. */
static bool did_not_fail(const struct place *p, char word[32])
{
	cleanup_free char *path = text_format("%s/report.json", p->session);
	cleanup_by(json_freep) json_t *report = json_load_file(path, 0, NULL);
	const json_t *runs = json_object_get(report, "runs");

	for (size_t i = 0; i < json_array_size(runs); i++) {
		const json_t *run = json_array_get(runs, i);
		const char *folder = json_string_value(json_object_get(run, "folder"));
		const char *outcome = json_string_value(json_object_get(run, "outcome"));

		if (folder == NULL || outcome == NULL || strcmp(folder, fs_basename(p->path)) != 0)
			continue;
		snprintf(word, 32, "%s", outcome);
		return strcmp(outcome, "fail") != 0;
	}
	return false;
}

static int load(const struct place *p, struct plan **ret_plan, struct err *e)
{
	cleanup_free char *path = text_format("%s/topology.conf", p->path);
	struct problems problems = { 0 };
	int r;

	if (access(path, R_OK) != 0)
		return err_usage(
			e,
			"%s is no folder of a run: it has no topology.conf, which 'harness "
			"run' leaves there",
			p->path);
	r = plan_load(path, ret_plan, &problems);
	if (r != 0)
		err_usage(e, "%s", problems.messages[0]);
	problems_done(&problems);
	return r;
}

static int read_losses(const struct place *p, struct hunt *h, struct err *e)
{
	cleanup_free char *log = text_format("%s/" LINKS_LOG, p->path);

	if (access(log, R_OK) != 0)
		return err_usage(e,
				 "the run has no " LINKS_LOG ": none of its links is impaired by "
				 "the user engine, so none lost datagrams by chance");
	if (losses_read(&h->losses, log, h->topology, e) != 0)
		return -1;
	if (h->losses.n == 0 && h->losses.n_other != 0)
		return err_usage(e,
				 "links lost by chance nothing but %zu frames that are not IP "
				 "(ARP), which no list can name",
				 h->losses.n_other);
	if (h->losses.n == 0)
		return err_usage(e, "no link lost a datagram by chance: the run failed for other "
				    "reasons");
	return 0;
}

/* ---- the result ---- */

static void add_losses(struct text *t, const struct topology *topology, const struct hunt *h,
		       const struct ddmin_result *found)
{
	for (size_t i = 0; i < found->n_left; i++) {
		const struct loss *l = &h->losses.l[found->left[i]];
		const struct node *n = &topology->nodes[l->node];

		text_add(t, "  %s/%s %s: %llu of %s\n", n->name, n->interfaces[l->interface].name,
			 l->direction == LINK_OUT ? "out" : "in", (unsigned long long)l->number,
			 h->losses.flows[l->flow]);
	}
}

static int write_result(const struct place *p, const struct hunt *h,
			const struct ddmin_result *found, const char *output, struct err *e)
{
	cleanup_free char *comment = text_format(
		"%s of %s, shrunk: of %zu datagrams that its links lost by chance these %zu are "
		"enough.\nIt failed because: %s",
		fs_basename(p->path), p->name, h->losses.n, found->n_left,
		h->last_reason != NULL ? h->last_reason : "-");
	cleanup_free char *text = topology_write(h->topology, comment);

	if (fs_write(output, text, strlen(text), e) != 0)
		return -1;
	return session_give(output, e);
}

/* The file as anyone will run it. */
static int confirm(struct hunt *h, const char *output, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;
	struct problems problems = { 0 };

	if (plan_load(output, &plan, &problems) != 0) {
		err_set(e, 0, "%s", problems.messages[0]);
		problems_done(&problems);
		return -1;
	}
	return hunt_probe(h, plan->runs[0].topology, output, e);
}

static int tell_result(const struct hunt *h, const struct ddmin_result *found, const char *output,
		       uint64_t ns, bool confirmed)
{
	cleanup_by(text_done) struct text t = { 0 };
	char duration[16];

	text_add(&t, "%zu of %zu lost datagrams are enough (%zu probes, %s)%s:\n", found->n_left,
		 h->losses.n, h->n_probes, text_duration(duration, ns),
		 found->minimal ? "" : ", and perhaps fewer: --probes allows more");
	add_losses(&t, h->topology, h, found);
	text_add(&t, "why       %s\nwritten   %s\nrepeat    %s./harness run ",
		 h->last_reason != NULL ? h->last_reason : "-", output, session_sudo());
	session_add_quoted(&t, output);
	if (!confirmed)
		text_add(&t, "\nBut it passed when it was run once more: the failure does not "
			     "depend on these datagrams alone.");
	puts(text_str(&t));
	return confirmed ? 0 : EXIT_EXPECTATION;
}

static int shrink(const struct place *p, struct hunt *h, const struct options *o, struct err *e)
{
	cleanup_free char *name = text_format("%s-shrunk.conf", p->name);
	const char *output = o->output != NULL ? o->output : name;
	struct ddmin_result found = { 0 };
	enum hunt_result result;
	uint64_t began = clock_ns();
	int confirmed;

	if (hunt_losses(h, &result, &found, e) != 0)
		return -1;

	if (result == HUNT_PASSES) {
		printf("The run passes when the same %zu datagrams are lost again: whether it "
		       "fails does not depend on them alone.\n",
		       h->losses.n);
		return EXIT_EXPECTATION;
	}
	if (result == HUNT_FAILS_ANYWAY) {
		printf("The run fails without any loss, too: %s\n", h->last_reason);
		return EXIT_EXPECTATION;
	}
	confirmed = write_result(p, h, &found, output, e) == 0 ? confirm(h, output, e) : -1;

	int status = confirmed < 0
			     ? -1
			     : tell_result(h, &found, output, clock_ns() - began, confirmed > 0);

	free(found.left);
	return status;
}

static int shrink_run(const struct place *p, const struct options *o, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;
	cleanup_by(hunt_done) struct hunt h = { .max_probes = o->probes };
	cleanup_free char *folder = text_format("%s.shrink", p->path);
	struct err ignored;
	int status;

	if (load(p, &plan, e) != 0)
		return -1;
	h.topology = plan->runs[0].topology;
	if (read_losses(p, &h, e) != 0)
		return -1;
	h.folder = folder;
	h.progress = o->quiet ? NULL : stderr;
	if (run_catch_signals(e) != 0 || fs_mkdir_all(folder, e) != 0)
		return -1;
	status = shrink(p, &h, o, e);
	fs_remove_tree(folder, &ignored);
	return status;
}

int cli_shrink(int argc, char **argv, struct err *e)
{
	cleanup_by(place_done) struct place p = { .session = NULL };
	struct options o;
	char outcome[32];
	int status = parse(argc, argv, &o, e);

	if (status != 1)
		return status;
	if (find_run(o.run, &p, e) != 0)
		return -1;
	if (did_not_fail(&p, outcome))
		return err_usage(e, "%s did not fail (%s): there is nothing to shrink", o.run,
				 outcome);
	status = shrink_run(&p, &o, e);
	if (status < 0 && run_caught_signal() != 0) {
		fprintf(stderr, "harness: %s\n", e->msg);
		return EXIT_SIGNAL + run_caught_signal();
	}
	return status;
}
