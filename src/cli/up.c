/* harness up CONF: a lab to work in. */
#include "cli/up.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/session.h"
#include "live/live.h"
#include "live/registry.h"
#include "run/run.h"
#include "topology/select.h"
#include "topology/write.h"

static const char help[] =
	"Usage: harness up [OPTION...] TOPOLOGY\n\n"
	"Brings the topology up as a lab to work in: networks, nodes, links with what impairs\n"
	"them, and the programs that listen. Every packet is recorded until the lab goes down, by\n"
	"Ctrl-C or 'harness down'. Meanwhile 'harness exec' and 'harness shell' run commands in\n"
	"its nodes, and 'harness ps' and 'harness logs' say how it is. Transfers, programs that\n"
	"do not listen, and faults that have a time do not happen by themselves.\n\n"
	"  -d, --detach         return when it is up; it stays until 'harness down'\n"
	"  --name NAME          what the lab is called (default: the topology's name)\n"
	"  --only NAME=VALUE    of the combinations of 'vary' values the first one that has\n"
	"                       this value (may be repeated; default: the first of all)\n"
	"  --engine ENGINE      what impairs links: user, netem or auto (default: auto)\n"
	"  --captures FOLDER    where the evidence goes (default: captures)\n"
	"  -h, --help           this text\n\n"
	"Exit status: 0 it was up; 1 a program did not become ready; 2 command line or topology\n"
	"wrong; 3 this machine cannot run it, or the evidence is incomplete; 128+n ended by\n"
	"signal n before it was up.\n";

static int take_option(int c, void *options, struct err *e)
{
	struct up_options *o = options;
	struct run_options *r = &o->run;

	switch (c) {
	case 'd':
		o->detach = true;
		return 0;
	case 'n':
		o->name = optarg;
		if (registry_is_name(optarg))
			return 0;
		return err_usage(e,
				 "--name takes letters, digits, '.', '_' and '-', at most %d of "
				 "them, not '%s'",
				 REGISTRY_NAME_MAX, optarg);
	case 'o':
		*(char **)array_add(&r->only, &r->n_only, &r->only_room, sizeof(char *)) = optarg;
		return 0;
	case 'e':
		return options_engine(&r->engine, &r->has_engine, e);
	default: /* 'c' */
		r->captures = optarg;
		return 0;
	}
}

static int parse(int argc, char **argv, struct up_options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "detach", no_argument, NULL, 'd' },
		{ "name", required_argument, NULL, 'n' },
		{ "only", required_argument, NULL, 'o' },
		{ "engine", required_argument, NULL, 'e' },
		{ "captures", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "dh", longs, take_option };
	int r = options_read(argc, argv, &line, o, e);

	return r != 1 ? r
		      : options_operand(argc, argv,
					"which topology? For example: harness up "
					"topologies/3alpine.conf",
					&o->run.topology, e);
}

/* ---- before anything is made ---- */

static int claim_name(struct up *u, struct err *e)
{
	const char *name = u->options->name != NULL ? u->options->name : u->planned->topology->name;

	if (!registry_is_name(name))
		return err_usage(e, "'%s' cannot be the name of a lab: give it one with --name",
				 name);
	if (registry_claim(name, &u->listener, e) != 0)
		return -1;
	u->identity.name = text_dup(name);
	return 0;
}

/* ---- the folder of its evidence ---- */

static int write_topology(const struct up *u, struct err *e)
{
	cleanup_free char *folder = text_format("%s/%s", u->identity.folder, u->planned->label);
	cleanup_free char *path = text_format("%s/topology.conf", folder);
	cleanup_free char *comment = text_format("%s of %s", u->planned->label,
						 u->planned->topology->path);
	cleanup_free char *text = topology_write(u->planned->topology, comment);

	if (fs_mkdir_all(folder, e) != 0)
		return -1;
	return fs_write(path, text, strlen(text), e);
}

static int make_folder(struct up *u, int argc, char **argv, struct err *e)
{
	const struct run_options *o = &u->options->run;
	char folder[PATH_MAX];

	if (session_begin(&u->session, u->plan, o, argc, argv, e) != 0)
		return -1;
	if (realpath(u->session.folder, folder) == NULL)
		return err_set(e, 0, "find %s", u->session.folder);

	cleanup_free char *latest = text_format("%s/%s/latest", o->captures, u->session.topology);

	u->identity.folder = text_dup(folder);
	u->identity.topology = text_dup(u->planned->topology->path);
	u->identity.run = text_dup(u->planned->label);
	u->identity.uid = geteuid();
	u->identity.since_s = (uint64_t)time(NULL);
	if (fs_symlink(fs_basename(u->session.folder), latest, e) != 0)
		return -1;
	return write_topology(u, e);
}

static int print_when_ready(void *arg, struct err *e)
{
	return up_print(arg, e);
}

static int bring_up(struct up *u, int argc, char **argv, struct err *e)
{
	struct err late;

	if (claim_name(u, e) != 0 || make_folder(u, argc, argv, e) != 0)
		return -1;
	if (u->options->detach)
		return up_detached(u, e);

	int r = up_lab(u, print_when_ready, u, e);

	if (session_write(&u->session, &u->options->run, r < 0 ? e : &late) != 0 && r >= 0) {
		*e = late;
		return -1;
	}
	return r;
}

static void up_done(struct up *u)
{
	live_topology_done(&u->topology);
	session_done(&u->session);
	status_done(&u->identity);
	if (u->listener >= 0)
		close(u->listener);
}

static int up_with(const struct up_options *o, int argc, char **argv, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;

	if (options_load(o->run.topology, &plan) != 0)
		return EXIT_USAGE;

	size_t n_combinations = plan->n_runs;

	if (plan_select(plan, o->run.only, o->run.n_only, e) != 0)
		return -1;

	const struct planned_run *planned = &plan->runs[0];
	int status = options_check_engine(o->run.engine, plan, e);

	if (status != 0)
		return status;

	cleanup_by(up_done) struct up u = {
		.options = o,
		.plan = plan,
		.planned = planned,
		.n_combinations = n_combinations,
		.listener = -1,
	};

	live_topology_init(&u.topology, planned->topology);
	u.live = *planned;
	u.live.topology = &u.topology;
	if (run_check_programs(&u.topology, e) != 0)
		return -1;
	return bring_up(&u, argc, argv, e);
}

int cli_up(int argc, char **argv, struct err *e)
{
	struct up_options o = { .run = { .captures = "captures" } };
	int status = parse(argc, argv, &o, e);

	if (status == 1)
		status = up_with(&o, argc, argv, e);
	run_options_done(&o.run);
	return status;
}
