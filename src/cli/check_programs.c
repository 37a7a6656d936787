/* The plan of a run: its programs, and what is expected of them. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check_parts.h"
#include "report/render.h"
#include "topology/describe.h"
#include "topology/units.h"

/* The command as given, on one line, or our program's name (free). */
static char *command_text(char *const *argv, const char *own)
{
	struct text t = { 0 };

	if (argv == NULL)
		return text_dup(own);
	for (size_t i = 0; argv[i] != NULL; i++) {
		text_add(&t, "%s", i != 0 ? " " : "");
		render_printable(&t, argv[i], RENDER_ONE_LINE);
	}
	return text_take(&t);
}

static void add_receivers(const struct topology *t, const struct transfer *tr, struct table *table)
{
	cleanup_free char *command = command_text(tr->receiver, "udp-recv");

	for (size_t i = 0; i < tr->n_to; i++) {
		table_add(table, NULL, "%s", tr->name);
		table_add(table, NULL, "%s", t->nodes[tr->to[i]].name);
		table_add(table, NULL, "receiver");
		table_add(table, NULL, "%s", command);
		table_add(table, NULL, "port %u", tr->port);
		table_end_row(table);
	}
}

static void add_sender(const struct topology *t, const struct transfer *tr, struct table *table)
{
	cleanup_free char *command = command_text(tr->sender, "udp-send");
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
	table_add(table, NULL, "%s", tr->name);
	table_add(table, NULL, "%s", t->nodes[tr->from].name);
	table_add(table, NULL, "sender");
	table_add(table, NULL, "%s", command);
	table_add(table, NULL, "%s", text_str(&how));
	table_end_row(table);
	text_done(&how);
}

static void add_command(const struct topology *t, const struct command *c, struct table *table)
{
	cleanup_free char *command = command_text(c->argv, "");
	struct text more = { 0 };
	char size[UNIT_TEXT_LEN];

	for (size_t i = 0; i < c->n_listens; i++)
		text_add(&more, "%s%s port %u", i != 0 ? ", " : "",
			 c->listens[i].protocol == IPPROTO_TCP ? "TCP" : "UDP", c->listens[i].port);
	table_add(table, NULL, "%s", c->name);
	table_add(table, NULL, "%s", t->nodes[c->node].name);
	table_add(table, NULL, "%s", command_is_server(c) ? "server" : "client");
	table_add(table, NULL, "%s", command);
	if (c->cpus > 0)
		text_add(&more, "%sat most %g processors", more.len != 0 ? ", " : "", c->cpus);
	if (c->memory != 0)
		text_add(&more, "%sat most %s of memory", more.len != 0 ? ", " : "",
			 unit_format_size(size, c->memory));
	table_add(table, NULL, "%s", text_str(&more));
	table_end_row(table);
	text_done(&more);
}

void check_programs(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_transfers; i++) {
		add_receivers(t, &t->transfers[i], table);
		add_sender(t, &t->transfers[i], table);
	}
	for (size_t i = 0; i < t->n_commands; i++)
		add_command(t, &t->commands[i], table);
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
			table_add(table, NULL, "%s", tr->name);
			table_add(table, NULL, "%s", t->nodes[tr->to[i]].name);
			table_add(table, NULL, "%s", tr->files[k].name);
			table_add(table, NULL, "%llu B", (unsigned long long)tr->files[k].size);
			table_add(table, NULL, "%s", proofs(t, tr, tr->files[k].name));
			table_end_row(table);
		}
}

/* A condition a line; the name of the block in front of the first. */
static void add_block(const struct topology *t, const struct expectation *e, struct table *table)
{
	cleanup_free char *subject = describe_subject(t, e);

	for (size_t i = 0; i < e->n_conditions; i++) {
		cleanup_free char *condition = describe_condition(t, e, &e->conditions[i]);

		table_add(table, NULL, "%s", i == 0 ? e->name : "");
		table_add(table, NULL, "%s", i == 0 ? subject : "");
		table_add(table, NULL, "%s", condition);
		table_end_row(table);
	}
}

void check_metrics(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_metrics; i++) {
		cleanup_free char *what = describe_metric(t, &t->metrics[i]);

		table_add(table, NULL, "%s", t->metrics[i].name);
		table_add(table, NULL, "%s", what);
		table_end_row(table);
	}
}

static bool has_limits(const struct topology *t)
{
	for (size_t i = 0; i < t->n_commands; i++)
		if (command_has_limits(&t->commands[i]))
			return true;
	return false;
}

void check_files(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_transfers; i++)
		add_files(t, &t->transfers[i], table);
}

void check_expectations(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_expectations; i++)
		add_block(t, &t->expectations[i], table);
}

static void add_sentence(struct table *table, const char *sentence)
{
	table_add(table, NULL, "%s", sentence);
	table_end_row(table);
}

void check_promises(const struct topology *t, struct table *table)
{
	if (t->n_transfers + t->n_commands > 0)
		add_sentence(table, "every program does its work and ends well");
	if (has_limits(t)) {
		add_sentence(table, "programs keep within their processors and memory; where the "
				    "kernel cannot see");
		add_sentence(table, "to that, the run is inconclusive ('harness doctor' tells)");
	}
	if (t->capture.kind != CAPTURE_OFF)
		add_sentence(table, "no capture drops a packet, and every datagram is accounted "
				    "for");
}
