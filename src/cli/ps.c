/* harness ps: the labs that are up, or what is in one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "live/request.h"
#include "report/render.h"
#include "report/table.h"

static const char help[] =
	"Usage: harness ps [OPTION...] [LAB]\n\n"
	"Lists the labs that 'harness up' has brought up and that still are, or with LAB its\n"
	"nodes with their addresses, and its programs with their states.\n\n"
	"  -q, --quiet      names only: of labs, or with LAB of its nodes\n"
	"      --programs   with -q LAB: of its programs\n"
	"      --json       as an array of labs (harness-lab/1)\n"
	"  -h, --help       this text\n\n"
	"Exit status: 0; 2 there is no such lab; 3 it does not answer.\n";

struct ps_options {
	bool quiet, programs, json;
};

/* A lab, and what it says of itself. */
struct listed {
	struct registered lab;
	enum registry_answer answer;
	pid_t pid;
	bool answered;
	struct lab_status status;
};

struct listing {
	struct listed *labs;
	size_t n;
};

static void listing_done(struct listing *l)
{
	for (size_t i = 0; i < l->n; i++)
		status_done(&l->labs[i].status);
	free(l->labs);
}

/* ---- cells ---- */

static void add_printable(struct table *t, const char *s)
{
	cleanup_by(text_done) struct text shown = { 0 };

	render_printable(&shown, s, RENDER_ONE_LINE);
	table_add(t, NULL, "%s", text_str(&shown));
}

/* "35 s", "12 min", "5 h", "3 days". */
static void add_age(struct table *t, uint64_t since_s)
{
	uint64_t now = (uint64_t)time(NULL);
	uint64_t age = now > since_s ? now - since_s : 0;

	if (age < 120)
		table_add(t, NULL, "%" PRIu64 " s", age);
	else if (age < 2 * 3600)
		table_add(t, NULL, "%" PRIu64 " min", age / 60);
	else if (age < 48 * 3600)
		table_add(t, NULL, "%" PRIu64 " h", age / 3600);
	else
		table_add(t, NULL, "%" PRIu64 " days", age / 86400);
}

static size_t count_running(const struct lab_status *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_programs; i++)
		n += strcmp(s->programs[i].state, "running") == 0;
	return n;
}

/* ---- all labs ---- */

static void look_at(struct listed *l)
{
	cleanup_close int fd = -1;
	struct err ignored;

	l->answer = registry_connect(&l->lab, REQUEST_DEADLINE, &fd, &l->pid);
	l->answered = l->answer == REGISTRY_CONNECTED &&
		      request_status(fd, &l->status, &ignored) == 0;
}

static int look_at_all(struct listing *ret, struct err *e)
{
	cleanup_free struct registered *labs = NULL;
	size_t n;

	if (registry_list(&labs, &n, e) != 0)
		return -1;
	ret->labs = array_new(n, sizeof(*ret->labs));
	for (size_t i = 0; i < n; i++) {
		ret->labs[ret->n].lab = labs[i];
		look_at(&ret->labs[ret->n]);
		ret->n += ret->labs[ret->n].answer != REGISTRY_GONE;
	}
	return 0;
}

static void add_unanswered(struct table *t, const struct listed *l)
{
	table_add(t, NULL, "%s", l->lab.name);
	table_add(t, NULL, "%s", l->answer == REGISTRY_STARTING ? "starting" : "no answer");
	table_add(t, NULL, "-");
	for (int i = 0; i < 4; i++)
		table_add(t, NULL, "-");
	if (l->pid != 0)
		table_add(t, NULL, "%d", l->pid);
	else
		table_add(t, NULL, "-");
}

static void add_lab(struct table *t, const struct listed *l)
{
	const struct lab_status *s = &l->status;

	table_add(t, NULL, "%s", l->lab.name);
	add_printable(t, s->state);
	add_age(t, s->since_s);
	add_printable(t, s->topology);
	add_printable(t, strcmp(s->run, "run") == 0 ? "-" : s->run);
	table_add(t, NULL, "%zu", s->n_nodes);
	table_add(t, NULL, "%zu/%zu", count_running(s), s->n_programs);
	table_add(t, NULL, "%d", s->pid);
}

static void print_labs(const struct listing *l)
{
	static const struct table_column columns[] = {
		{ .title = "LAB" },
		{ .title = "STATE" },
		{ .title = "SINCE" },
		{ .title = "TOPOLOGY" },
		{ .title = "RUN" },
		{ .title = "NODES", .right = true },
		{ .title = "PROGRAMS", .right = true },
		{ .title = "PID", .right = true },
	};
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = 8 };

	for (size_t i = 0; i < l->n; i++) {
		if (l->labs[i].answered)
			add_lab(&table, &l->labs[i]);
		else
			add_unanswered(&table, &l->labs[i]);
	}
	table_print(&table, stdout, "", 0, false);
}

static void print_json(const struct listing *l)
{
	bool first = true;

	printf("[");
	for (size_t i = 0; i < l->n; i++) {
		if (!l->labs[i].answered)
			continue;

		cleanup_free char *json = status_write(&l->labs[i].status);

		printf("%s%s", first ? "\n" : ",\n", json);
		first = false;
	}
	printf("%s]\n", first ? "" : "\n");
}

static int list_labs(const struct ps_options *o, struct err *e)
{
	cleanup_by(listing_done) struct listing l = { 0 };

	if (o->quiet) {
		cleanup_free struct registered *labs = NULL;
		size_t n;

		if (registry_list(&labs, &n, e) != 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			printf("%s\n", labs[i].name);
		return 0;
	}
	if (look_at_all(&l, e) != 0)
		return -1;
	if (o->json)
		print_json(&l);
	else
		print_labs(&l);
	return 0;
}

/* ---- one lab ---- */

static void print_nodes(const struct lab_status *s)
{
	static const struct table_column columns[] = {
		{ .title = "NODE" }, { .title = "INTERFACE" }, { .title = "NETWORK" },
		{ .title = "MAC" },  { .title = "ADDRESSES" },
	};
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = 5 };

	for (size_t i = 0; i < s->n_nodes; i++) {
		const struct node_status *n = &s->nodes[i];

		for (size_t k = 0; k < n->n_interfaces; k++) {
			add_printable(&table, n->name);
			add_printable(&table, n->interfaces[k].name);
			add_printable(&table, n->interfaces[k].network);
			add_printable(&table, n->interfaces[k].mac);
			add_printable(&table, n->interfaces[k].addresses);
		}
		if (n->n_interfaces > 0)
			continue;
		add_printable(&table, n->name);
		for (int c = 1; c < 5; c++)
			table_add(&table, NULL, "-");
	}
	table_print(&table, stdout, "", 0, false);
}

static void add_program(struct table *t, const struct program_status *p)
{
	add_printable(t, p->name);
	add_printable(t, p->node);
	if (strcmp(p->state, "exited") == 0)
		table_add(t, NULL, "exited (%d)", p->status);
	else if (strcmp(p->state, "killed") == 0)
		table_add(t, NULL, "killed (signal %d)", p->status);
	else
		add_printable(t, p->state);
	if (strcmp(p->state, "running") == 0)
		table_add(t, NULL, "%d", p->pid);
	else
		table_add(t, NULL, "-");
	add_printable(t, p->listens);
}

static void print_programs(const struct lab_status *s)
{
	static const struct table_column columns[] = {
		{ .title = "PROGRAM" }, { .title = "NODE" },
		{ .title = "STATE" },	{ .title = "PID", .right = true }, /* in the lab */
		{ .title = "LISTENS" },
	};
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = 5 };

	if (s->n_programs == 0)
		return;
	for (size_t i = 0; i < s->n_programs; i++)
		add_program(&table, &s->programs[i]);
	printf("\n");
	table_print(&table, stdout, "", 0, false);
}

static void print_names(const struct lab_status *s, bool programs)
{
	for (size_t i = 0; i < (programs ? s->n_programs : s->n_nodes); i++)
		printf("%s\n", programs ? s->programs[i].name : s->nodes[i].name);
}

static int show_lab(const char *name, const struct ps_options *o, struct err *e)
{
	cleanup_by(status_done) struct lab_status s = { 0 };

	if (request_status_of(name, &s, e) != 0)
		return -1;
	if (o->quiet) {
		print_names(&s, o->programs);
	} else if (o->json) {
		struct listed one = { .answered = true, .status = s };
		const struct listing l = { .labs = &one, .n = 1 };

		print_json(&l);
	} else {
		print_nodes(&s);
		print_programs(&s);
		printf("\npackets and logs: %s/%s\n", s.folder, s.run);
	}
	return 0;
}

static int take_option(int c, void *options, struct err *e)
{
	struct ps_options *o = options;

	(void)e;
	o->quiet = o->quiet || c == 'q';
	o->programs = o->programs || c == 'p';
	o->json = o->json || c == 'j';
	return 0;
}

static int parse(int argc, char **argv, struct ps_options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ "programs", no_argument, NULL, 'p' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	static const struct command_line line = { help, "qh", longs, take_option };
	int r = options_read(argc, argv, &line, o, e);

	if (r == 1 && o->programs && !(o->quiet && optind < argc))
		return err_usage(e, "ps: --programs goes with -q and a lab");
	return r;
}

int cli_ps(int argc, char **argv, struct err *e)
{
	struct ps_options o = { 0 };
	const char *lab;
	int r = parse(argc, argv, &o, e);

	if (r != 1)
		return r;
	if (optind == argc)
		return list_labs(&o, e);
	if (options_operand(argc, argv, "", &lab, e) != 1)
		return -1;
	return show_lab(lab, &o, e);
}
