/* harness check CONF: the plan of a topology file, or everything that is wrong with it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "capture/filter.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "topology/address.h"
#include "topology/describe.h"
#include "topology/select.h"
#include "topology/units.h"

static const char help[] =
	"Usage: harness check [OPTION...] TOPOLOGY\n\n"
	"Reads a topology file and prints what 'harness run' would do with it: nodes, links, "
	"runs,\n"
	"programs, faults, and what is expected of all that. Nothing is started.\n\n"
	"  --only NAME=VALUE[,VALUE...]  only the runs where NAME has one of these values\n"
	"  -h, --help                    this text\n\n"
	"Exit status: 0 the file is good; 2 it is not, and every mistake was printed as\n"
	"FILE:LINE: what is wrong; or the command line is wrong.\n";

/* ---- columns ---- */

#define MAX_COLUMNS 8
#define INDENT	    2

struct row {
	char *cells[MAX_COLUMNS];
	size_t n;
};

struct table {
	struct row *rows;
	size_t n, room;
};

/* A new row; cells are added by cell(). */
static struct row *table_row(struct table *t)
{
	return array_add(&t->rows, &t->n, &t->room, sizeof(*t->rows));
}

__attribute__((format(printf, 2, 3))) static void cell(struct row *r, const char *format, ...)
{
	struct text t = { 0 };
	va_list ap;

	va_start(ap, format);
	text_vadd(&t, format, ap);
	va_end(ap);
	r->cells[r->n++] = text_take(&t);
}

/* Columns on a terminal: bytes that begin a UTF-8 sequence. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Append the rows, two spaces between columns, and forget them. */
static void table_flush(struct table *t, struct text *out)
{
	size_t widths[MAX_COLUMNS] = { 0 };

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->rows[i].n; k++)
			if (width(t->rows[i].cells[k]) > widths[k])
				widths[k] = width(t->rows[i].cells[k]);
	for (size_t i = 0; i < t->n; i++) {
		struct row *r = &t->rows[i];

		for (size_t k = 0; k < r->n; k++) {
			size_t pad = k + 1 < r->n ? widths[k] - width(r->cells[k]) : 0;

			text_add(out, "%*s%s%*s", INDENT, "", r->cells[k], (int)pad, "");
			free(r->cells[k]);
		}
		text_add(out, "\n");
	}
	free(t->rows);
	*t = (struct table){ 0 };
}

/* ---- what one run is made of ---- */

static const char *const kind_names[] = { [NETWORK_HUB] = "hub", [NETWORK_SWITCH] = "switch" };

static void add_nodes(const struct topology *t, struct text *out)
{
	struct table table = { 0 };
	char buf[ADDRESS_TEXT_LEN], mac[MAC_TEXT_LEN];

	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *n = &t->nodes[i];

		if (n->n_interfaces == 0)
			cell(table_row(&table), "%s", n->name);
		for (size_t k = 0; k < n->n_interfaces; k++) {
			const struct interface *iface = &n->interfaces[k];
			struct row *r = table_row(&table);
			struct text addresses = { 0 };

			for (size_t a = 0; a < iface->n_addresses; a++)
				text_add(&addresses, "%s%s", a != 0 ? " " : "",
					 address_format(buf, &iface->addresses[a]));
			cell(r, "%s", k == 0 ? n->name : "");
			cell(r, "%s", iface->name);
			cell(r, "%s", mac_format(mac, iface->mac));
			cell(r, "%s", addresses.len != 0 ? addresses.s : "no address");
			text_done(&addresses);
		}
	}
	table_flush(&table, out);
}

static void add_links(const struct topology *t, struct text *out)
{
	struct table table = { 0 };

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
			const struct interface *iface = &t->nodes[i].interfaces[k];
			const struct network *net = &t->networks[iface->network];
			struct row *r = table_row(&table);

			cell(r, "%s/%s", t->nodes[i].name, iface->name);
			cell(r, "%s %s", kind_names[net->kind], net->name);
			cell(r, "MTU %u", iface->mtu);
			if (iface->engine) {
				cleanup_free char *words = describe_link(iface);

				cell(r, "%s", words);
			}
		}
	table_flush(&table, out);
}

/* Takes both strings. */
static void routing_row(struct table *table, const struct node *n, char *what, char *whom)
{
	struct row *r = table_row(table);

	cell(r, "%s", n->name);
	cell(r, "%s", what);
	if (whom != NULL && *whom != '\0')
		cell(r, "%s", whom);
	free(what);
	free(whom);
}

/* What nodes do beside having interfaces. */
static void add_routing(const struct topology *t, struct text *out)
{
	struct table table = { 0 };

	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *n = &t->nodes[i];

		if (n->forward)
			routing_row(&table, n, text_dup("forwards"), NULL);
		for (size_t k = 0; k < n->n_routes; k++)
			routing_row(&table, n, describe_route(n, &n->routes[k]),
				    describe_gateway(t, &n->routes[k]));
		for (size_t k = 0; k < n->n_masquerade; k++)
			routing_row(&table, n,
				    text_format("masquerades what leaves by %s",
						n->interfaces[n->masquerade[k]].name),
				    NULL);
		for (size_t k = 0; k < n->n_port_forwards; k++)
			routing_row(&table, n, describe_port_forward(&n->port_forwards[k]), NULL);
		for (size_t k = 0; k < n->n_settings; k++)
			routing_row(
				&table, n,
				text_format("%s = %s", n->settings[k].name, n->settings[k].value),
				NULL);
	}
	table_flush(&table, out);
}

static void add_faults(const struct topology *t, struct text *out)
{
	struct table table = { 0 };

	for (size_t i = 0; i < t->n_faults; i++) {
		const struct fault *f = &t->faults[i];
		cleanup_free char *time = describe_fault_time(t, f);
		cleanup_free char *place = describe_fault_place(t, f);
		cleanup_free char *action = describe_fault_action(f);
		struct row *r = table_row(&table);

		cell(r, "%s", f->name);
		cell(r, "%s", time);
		cell(r, "%s", place);
		cell(r, "%s", action);
	}
	table_flush(&table, out);
}

static void add_settings(const struct topology *t, struct text *out)
{
	const struct capture_settings *c = &t->capture;
	char buf[16];

	text_add(out, "  seed %llu, deadline %s per run\n", (unsigned long long)t->seed,
		 text_duration(buf, t->deadline_ns));
	if (c->kind == CAPTURE_OFF) {
		text_add(out, "  no capture\n");
		return;
	}
	if (c->kind == CAPTURE_FULL)
		text_add(out, "  capture of whole packets");
	else
		text_add(out, "  capture of the first %u bytes of each packet", c->snaplen);
	if (c->filter != NULL)
		text_add(out, ", only '%s'", c->filter);
	if (c->buffer != 0)
		text_add(out, ", buffers of %zu bytes", c->buffer);
	text_add(out, "\n");
}

/* The command as given, or our program's name. */
static char *command_text(char *const *argv, const char *own)
{
	struct text t = { 0 };

	if (argv == NULL)
		return text_dup(own);
	for (size_t i = 0; argv[i] != NULL; i++)
		text_add(&t, "%s%s", i != 0 ? " " : "", argv[i]);
	return text_take(&t);
}

static void add_receivers(const struct topology *t, const struct transfer *tr, struct table *table)
{
	cleanup_free char *command = command_text(tr->receiver, "udp-recv");

	for (size_t i = 0; i < tr->n_to; i++) {
		struct row *r = table_row(table);

		cell(r, "%s", tr->name);
		cell(r, "%s", t->nodes[tr->to[i]].name);
		cell(r, "receiver");
		cell(r, "%s", command);
		cell(r, "port %u", tr->port);
	}
}

static void add_sender(const struct topology *t, const struct transfer *tr, struct table *table)
{
	cleanup_free char *command = command_text(tr->sender, "udp-send");
	struct row *r = table_row(table);
	struct text how = { 0 };

	text_add(&how, "%s, %s", transfer_mode_names[tr->mode],
		 tr->format == FORMAT_RAW ? "raw" : "reliable");
	if (tr->workers != 0)
		text_add(&how, ", %u workers", tr->workers);
	if (tr->rate_bps != 0)
		text_add(&how, ", at most %llu bit/s", (unsigned long long)tr->rate_bps);
	if (tr->broadcast)
		text_add(&how, ", broadcast");
	if (tr->shared_socket)
		text_add(&how, ", one shared socket");
	text_add(&how, ", %zu file%s to", tr->n_files, tr->n_files == 1 ? "" : "s");
	for (size_t i = 0; i < tr->n_to; i++)
		text_add(&how, "%s %s", i != 0 ? "," : "", t->nodes[tr->to[i]].name);
	cell(r, "%s", tr->name);
	cell(r, "%s", t->nodes[tr->from].name);
	cell(r, "sender");
	cell(r, "%s", command);
	cell(r, "%s", text_str(&how));
	text_done(&how);
}

static void add_command(const struct topology *t, const struct command *c, struct table *table)
{
	cleanup_free char *command = command_text(c->argv, "");
	struct row *r = table_row(table);
	struct text more = { 0 };
	char size[UNIT_TEXT_LEN];

	for (size_t i = 0; i < c->n_listens; i++)
		text_add(&more, "%s%s port %u", i != 0 ? ", " : "",
			 c->listens[i].protocol == IPPROTO_TCP ? "TCP" : "UDP", c->listens[i].port);
	cell(r, "%s", c->name);
	cell(r, "%s", t->nodes[c->node].name);
	cell(r, "%s", command_is_server(c) ? "server" : "client");
	cell(r, "%s", command);
	if (c->cpus > 0)
		text_add(&more, "%sat most %g processors", more.len != 0 ? ", " : "", c->cpus);
	if (c->memory != 0)
		text_add(&more, "%sat most %s of memory", more.len != 0 ? ", " : "",
			 unit_format_size(size, c->memory));
	cell(r, "%s", text_str(&more));
	text_done(&more);
}

static void add_programs(const struct topology *t, struct text *out)
{
	struct table table = { 0 };

	for (size_t i = 0; i < t->n_transfers; i++) {
		add_receivers(t, &t->transfers[i], &table);
		add_sender(t, &t->transfers[i], &table);
	}
	for (size_t i = 0; i < t->n_commands; i++)
		add_command(t, &t->commands[i], &table);
	table_flush(&table, out);
}

/* ---- what is expected ---- */

static bool is_picture(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".png") == 0;
}

/* What has to show the same bytes as the source. */
static const char *proofs(const struct topology *t, const struct transfer *tr, const char *file)
{
	bool captured = t->capture.kind != CAPTURE_OFF;

	if (tr->format == FORMAT_RAW)
		return captured ? "which chunks arrived, by content, in both captures and the "
				  "receiver's file"
				: "the receiver's file, chunk by chunk";
	if (!captured)
		return is_picture(file) ? "whole in the receiver's file; picture"
					: "whole in the receiver's file";
	return is_picture(file) ? "whole in the receiver's file, its capture and the sender's; "
				  "picture"
				: "whole in the receiver's file, its capture and the sender's";
}

static void add_files(const struct topology *t, const struct transfer *tr, struct table *table)
{
	for (size_t i = 0; i < tr->n_to; i++)
		for (size_t k = 0; k < tr->n_files; k++) {
			struct row *r = table_row(table);

			cell(r, "%s", tr->name);
			cell(r, "%s", t->nodes[tr->to[i]].name);
			cell(r, "%s", tr->files[k].name);
			cell(r, "%llu B", (unsigned long long)tr->files[k].size);
			cell(r, "%s", proofs(t, tr, tr->files[k].name));
		}
}

/* A condition a line; the name of the block in front of the first. */
static void add_block(const struct topology *t, const struct expectation *e, struct table *table)
{
	cleanup_free char *subject = describe_subject(t, e);

	for (size_t i = 0; i < e->n_conditions; i++) {
		cleanup_free char *condition = describe_condition(t, e, &e->conditions[i]);
		struct row *r = table_row(table);

		cell(r, "%s", i == 0 ? e->name : "");
		cell(r, "%s", i == 0 ? subject : "");
		cell(r, "%s", condition);
	}
}

static void add_metrics(const struct topology *t, struct text *out)
{
	struct table table = { 0 };

	for (size_t i = 0; i < t->n_metrics; i++) {
		cleanup_free char *what = describe_metric(t, &t->metrics[i]);
		struct row *r = table_row(&table);

		cell(r, "%s", t->metrics[i].name);
		cell(r, "%s", what);
	}
	table_flush(&table, out);
}

static bool has_limits(const struct topology *t)
{
	for (size_t i = 0; i < t->n_commands; i++)
		if (t->commands[i].cpus > 0 || t->commands[i].memory != 0)
			return true;
	return false;
}

static void add_expectations(const struct topology *t, struct text *out)
{
	struct table table = { 0 };

	for (size_t i = 0; i < t->n_transfers; i++)
		add_files(t, &t->transfers[i], &table);
	table_flush(&table, out);
	for (size_t i = 0; i < t->n_expectations; i++)
		add_block(t, &t->expectations[i], &table);
	table_flush(&table, out);
	if (t->n_transfers + t->n_commands > 0)
		text_add(out, "  every program does its work and ends well\n");
	if (has_limits(t))
		text_add(out,
			 "  programs keep within their processors and memory; where the kernel "
			 "cannot see\n  to that, the run is inconclusive ('harness doctor' "
			 "tells)\n");
	if (t->capture.kind != CAPTURE_OFF)
		text_add(out, "  no capture drops a packet, and every datagram is accounted for\n");
}

/* ---- the plan ---- */

static bool has_routing(const struct plan *plan)
{
	for (size_t r = 0; r < plan->n_runs; r++)
		for (size_t i = 0; i < plan->runs[r].topology->n_nodes; i++) {
			const struct node *n = &plan->runs[r].topology->nodes[i];

			if (n->forward || n->n_routes + n->n_settings != 0)
				return true;
		}
	return false;
}

/* One part of every run: said once where following runs do not differ. */
static void print_part(const struct plan *plan, const char *name,
		       void (*add)(const struct topology *, struct text *))
{
	for (size_t first = 0, next; first < plan->n_runs; first = next) {
		struct text part = { 0 }, other = { 0 };

		add(plan->runs[first].topology, &part);
		for (next = first + 1; next < plan->n_runs; next++) {
			add(plan->runs[next].topology, &other);

			bool same = strcmp(text_str(&part), text_str(&other)) == 0;

			text_done(&other);
			if (!same)
				break;
		}
		if (first == 0 && next == plan->n_runs)
			printf("\n%s\n%s", name, text_str(&part));
		else
			printf("\n%s from run %zu, %s\n%s", name, first + 1,
			       plan->runs[first].label, text_str(&part));
		text_done(&part);
	}
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void print_plan(const struct plan *plan)
{
	const struct topology *t = plan->runs[0].topology;

	printf("%s: %zu node%s, %zu network%s, %zu transfer%s, %zu run%s\n", t->path, t->n_nodes,
	       plural(t->n_nodes), t->n_networks, plural(t->n_networks), t->n_transfers,
	       plural(t->n_transfers), plan->n_runs, plural(plan->n_runs));
	if (t->title != NULL)
		printf("  %s\n", t->title);
	print_part(plan, "settings", add_settings);
	print_part(plan, "nodes", add_nodes);
	print_part(plan, "links", add_links);
	if (has_routing(plan))
		print_part(plan, "routing", add_routing);
	printf("\nruns\n");
	for (size_t i = 0; i < plan->n_runs; i++)
		printf("  %zu  %s\n", i + 1, plan->runs[i].label);
	print_part(plan, "programs", add_programs);
	if (t->n_faults > 0)
		print_part(plan, "faults", add_faults);
	if (t->n_metrics > 0)
		print_part(plan, "metrics", add_metrics);
	print_part(plan, "expectations", add_expectations);
}

/* The command line. */
struct options {
	const char *path;
	char **only; /* for plan_select() */
	size_t n_only, only_room;
	bool helped;
};

static void options_done(struct options *o)
{
	free(o->only);
}

static int check(const struct options *o, struct err *e)
{
	cleanup_by(plan_freep) struct plan *plan = NULL;
	cleanup_by(problems_done) struct problems problems = { 0 };

	if (plan_load(o->path, &plan, &problems) == 0 &&
	    packet_filter_check_plan(plan, &problems) == 0) {
		if (plan_select(plan, o->only, o->n_only, e) != 0)
			return -1;
		print_plan(plan);
		return 0;
	}
	for (size_t i = 0; i < problems.n; i++)
		fprintf(stderr, "%s\n", problems.messages[i]);
	fprintf(stderr, "%zu mistake%s\n", problems.n, plural(problems.n));
	return EXIT_USAGE;
}

static int parse(int argc, char **argv, struct options *o, struct err *e)
{
	static const struct option longs[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c, r;

	while ((r = options_next(argc, argv, "h", longs, &c, e)) == 1) {
		o->helped = c == 'h';
		if (o->helped)
			return 0;
		*(char **)array_add(&o->only, &o->n_only, &o->only_room, sizeof(char *)) = optarg;
	}
	return r != 0 ? -1 : options_operand(argc, argv, "which topology?", &o->path, e);
}

int cli_check(int argc, char **argv, struct err *e)
{
	cleanup_by(options_done) struct options o = { 0 };

	if (parse(argc, argv, &o, e) != 0)
		return -1;
	if (o.helped)
		return fputs(help, stdout) < 0;
	return check(&o, e);
}
