/* What `harness up` says when the lab is up. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/session.h"
#include "cli/up.h"
#include "program/program.h"
#include "report/render.h"
#include "report/table.h"
#include "topology/address.h"

/* Of nodes, and of programs; 'harness ps' has them all. */
#define MAX_LINES 24

static void add_interface(struct table *table, const struct topology *t, const struct node *n,
			  const struct interface *iface)
{
	char buf[ADDRESS_TEXT_LEN];
	struct text addresses = { 0 };

	for (size_t i = 0; i < iface->n_addresses; i++)
		text_add(&addresses, "%s%s", i != 0 ? " " : "",
			 address_format(buf, &iface->addresses[i]));
	table_add(table, NULL, "%s", n->name);
	table_add(table, NULL, "%s", iface->name);
	table_add(table, NULL, "%s%s", t->networks[iface->network].name,
		  iface->engine ? " (impaired)" : "");
	table_add(table, NULL, "%s", text_str(&addresses));
	text_done(&addresses);
}

static void print_nodes(const struct up *u)
{
	static const struct table_column columns[] = {
		{ .title = "node" },
		{ .title = "interface" },
		{ .title = "network" },
		{ .title = "address" },
	};
	cleanup_by(table_done) struct table table = { .columns = columns, .n_columns = 4 };
	const struct topology *t = &u->topology;
	size_t shown = t->n_nodes < MAX_LINES ? t->n_nodes : MAX_LINES;

	for (size_t i = 0; i < shown; i++) {
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
			add_interface(&table, t, &t->nodes[i], &t->nodes[i].interfaces[k]);
		if (t->nodes[i].n_interfaces > 0)
			continue;
		table_add(&table, NULL, "%s", t->nodes[i].name);
		for (int c = 1; c < 4; c++)
			table_add(&table, NULL, "-");
	}
	table_print(&table, stdout, "  ", 0, false);
	if (shown < t->n_nodes)
		printf("  ... and %zu nodes more: harness ps %s\n", t->n_nodes - shown,
		       u->identity.name);
}

static void print_servers(const struct up *u)
{
	for (size_t i = 0; i < u->topology.n_commands && i < MAX_LINES; i++) {
		const struct command *c = &u->topology.commands[i];

		printf("%s%s on %s", i == 0 ? "\nrunning: " : ", ", c->name,
		       u->topology.nodes[c->node].name);
	}
	if (u->topology.n_commands > MAX_LINES)
		printf(" and %zu more", u->topology.n_commands - MAX_LINES);
	if (u->topology.n_commands > 0)
		printf("\n");
}

/* Whether the lab itself runs it: a server of a `program` block. */
static bool is_up(const struct program *p)
{
	return p->transfer == NO_TRANSFER && p->role == ROLE_RECEIVER;
}

static void print_command(const struct up *u, const struct program *p)
{
	cleanup_free char *harness = session_harness();
	cleanup_by(text_done) struct text t = { 0 };
	cleanup_by(text_done) struct text shown = { 0 };

	text_add(&t, "  %s exec %s %s --", harness, u->identity.name,
		 u->topology.nodes[p->node].name);
	for (size_t i = 0; p->argv[i] != NULL; i++) {
		text_add(&t, " ");
		session_add_quoted(&t, p->argv[i]);
	}
	render_printable(&shown, text_str(&t), RENDER_ONE_LINE);
	printf("%s\n", text_str(&shown));
}

/* What a run would start, as commands to type. */
static int print_left(const struct up *u, struct err *e)
{
	cleanup_by(programs_done) struct programs programs = { 0 };
	cleanup_free char *folder = text_format("%s/%s", u->identity.folder, u->identity.run);
	size_t n = 0;

	if (programs_of_topology(u->planned->topology, folder, 0, &programs, e) != 0 ||
	    programs_make_folders(u->planned->topology, folder, e) != 0)
		return -1;
	for (size_t i = 0; i < programs.n; i++) {
		if (is_up(&programs.p[i]) || n == MAX_LINES)
			continue;
		if (n++ == 0)
			printf("\nleft for you to start, as a run does:\n");
		print_command(u, &programs.p[i]);
	}
	return 0;
}

static void print_next(const struct up *u)
{
	cleanup_free char *harness = session_harness();
	const char *name = u->identity.name;

	if (u->topology.n_nodes > 0)
		printf("\nnext:\n  %s shell %s %s\n", harness, name, u->topology.nodes[0].name);
	printf("  %s ps %s\n", harness, name);
	if (u->topology.n_commands > 0)
		printf("  %s logs -f %s\n", harness, name);
	if (u->options->detach)
		printf("  %s down %s\n", harness, name);
	else
		printf("  Ctrl-C here, or %s down %s\n", harness, name);
}

int up_print(const struct up *u, struct err *e)
{
	const struct topology *t = &u->topology;

	printf("lab %s is up: %s", u->identity.name, t->path);
	if (u->n_combinations > 1)
		printf(", %s (of %zu combinations; --only NAME=VALUE chooses)", u->planned->label,
		       u->n_combinations);
	printf("\n\n");
	print_nodes(u);
	print_servers(u);
	if (t->capture.kind == CAPTURE_OFF)
		printf("\nno packets are recorded (capture off); logs: %s/%s\n", u->session.folder,
		       u->identity.run);
	else
		printf("\npackets go to %s/%s\n", u->session.folder, u->identity.run);
	if (print_left(u, e) != 0)
		return -1;
	print_next(u);
	if (fflush(stdout) != 0)
		return err_set(e, 0, "standard output cannot be written to");
	return 0;
}
