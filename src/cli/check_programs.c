/* The plan of a run: its programs, and what is expected of them. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check_parts.h"
#include "cli/rows.h"
#include "program/argv.h"
#include "topology/address.h"
#include "topology/describe.h"
#include "topology/problems.h"
#include "topology/units.h"

static char *command_text(char *const *argv, const char *own)
{
	struct text t = { 0 };

	if (argv == NULL)
		return text_dup(own);
	for (size_t i = 0; argv[i] != NULL; i++)
		text_add(&t, "%s%s", i != 0 ? " " : "", argv[i]);
	return text_take(&t);
}

static void add_receivers(const struct topology *t, const struct transfer *tr, struct rows *rows)
{
	cleanup_free char *command = command_text(tr->receiver, "udp-recv");

	for (size_t i = 0; i < tr->n_to; i++) {
		struct row *r = rows_add(rows);

		row_cell(r, "%s", tr->name);
		row_cell(r, "%s", t->nodes[tr->to[i]].name);
		row_cell(r, "receiver");
		row_cell(r, "%s", command);
		row_cell(r, "port %u", tr->port);
	}
}

static void add_sender(const struct topology *t, const struct transfer *tr, struct rows *rows)
{
	cleanup_free char *command = command_text(tr->sender, "udp-send");
	struct row *r = rows_add(rows);
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
	row_cell(r, "%s", tr->name);
	row_cell(r, "%s", t->nodes[tr->from].name);
	row_cell(r, "sender");
	row_cell(r, "%s", command);
	row_cell(r, "%s", text_str(&how));
	text_done(&how);
}

static void add_command(const struct topology *t, const struct command *c, struct rows *rows)
{
	cleanup_free char *command = command_text(c->argv, "");
	struct row *r = rows_add(rows);
	struct text more = { 0 };
	char size[UNIT_TEXT_LEN];

	for (size_t i = 0; i < c->n_listens; i++)
		text_add(&more, "%s%s port %u", i != 0 ? ", " : "",
			 c->listens[i].protocol == IPPROTO_TCP ? "TCP" : "UDP", c->listens[i].port);
	row_cell(r, "%s", c->name);
	row_cell(r, "%s", t->nodes[c->node].name);
	row_cell(r, "%s", command_is_server(c) ? "server" : "client");
	row_cell(r, "%s", command);
	if (c->cpus > 0)
		text_add(&more, "%sat most %g processors", more.len != 0 ? ", " : "", c->cpus);
	if (c->memory != 0)
		text_add(&more, "%sat most %s of memory", more.len != 0 ? ", " : "",
			 unit_format_size(size, c->memory));
	row_cell(r, "%s", text_str(&more));
	text_done(&more);
}

void check_programs(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < t->n_transfers; i++) {
		add_receivers(t, &t->transfers[i], &rows);
		add_sender(t, &t->transfers[i], &rows);
	}
	for (size_t i = 0; i < t->n_commands; i++)
		add_command(t, &t->commands[i], &rows);
	rows_flush(&rows, out);
}

/* ---- what is not here ---- */

static void warn(struct problems *warnings, const char *path, int line, const char *message)
{
	cleanup_free char *place = text_format("%s:%d", path, line);
	cleanup_free char *warning = text_format("warning: %s", message);
	cleanup_free char *whole = text_format("%s: %s", place, warning);

	for (size_t i = 0; i < warnings->n; i++)
		if (strcmp(warnings->messages[i], whole) == 0)
			return;
	problems_add_whole(warnings, place, warning);
}

/* Commands with a slash are not looked up: that they are there is a matter of the file. */
static void look_up(const struct topology *t, struct problems *warnings, int line, const char *who,
		    const char *name, char *const *argv, char *const *env)
{
	if (argv == NULL || strchr(argv[0], '/') != NULL || argv_is_there(argv, env))
		return;

	cleanup_free char *message = text_format("%s %s: command '%s' is not found in PATH", who,
						 name, argv[0]);

	warn(warnings, t->path, line, message);
}

void check_missing(const struct topology *t, struct problems *warnings)
{
	for (size_t i = 0; i < t->n_transfers; i++) {
		const struct transfer *tr = &t->transfers[i];

		look_up(t, warnings, tr->line, "sender of transfer", tr->name, tr->sender, NULL);
		look_up(t, warnings, tr->line, "receiver of transfer", tr->name, tr->receiver,
			NULL);
	}
	for (size_t i = 0; i < t->n_commands; i++) {
		const struct command *c = &t->commands[i];

		look_up(t, warnings, c->line, "program", c->name, c->argv, c->env);
	}
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

static void add_files(const struct topology *t, const struct transfer *tr, struct rows *rows)
{
	for (size_t i = 0; i < tr->n_to; i++)
		for (size_t k = 0; k < tr->n_files; k++) {
			struct row *r = rows_add(rows);

			row_cell(r, "%s", tr->name);
			row_cell(r, "%s", t->nodes[tr->to[i]].name);
			row_cell(r, "%s", tr->files[k].name);
			row_cell(r, "%llu B", (unsigned long long)tr->files[k].size);
			row_cell(r, "%s", proofs(t, tr, tr->files[k].name));
		}
}

/* A condition a line; the name of the block in front of the first. */
static void add_block(const struct topology *t, const struct expectation *e, struct rows *rows)
{
	cleanup_free char *subject = describe_subject(t, e);

	for (size_t i = 0; i < e->n_conditions; i++) {
		cleanup_free char *condition = describe_condition(t, e, &e->conditions[i]);
		struct row *r = rows_add(rows);

		row_cell(r, "%s", i == 0 ? e->name : "");
		row_cell(r, "%s", i == 0 ? subject : "");
		row_cell(r, "%s", condition);
	}
}

void check_metrics(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < t->n_metrics; i++) {
		cleanup_free char *what = describe_metric(t, &t->metrics[i]);
		struct row *r = rows_add(&rows);

		row_cell(r, "%s", t->metrics[i].name);
		row_cell(r, "%s", what);
	}
	rows_flush(&rows, out);
}

static bool has_limits(const struct topology *t)
{
	for (size_t i = 0; i < t->n_commands; i++)
		if (command_has_limits(&t->commands[i]))
			return true;
	return false;
}

void check_expectations(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < t->n_transfers; i++)
		add_files(t, &t->transfers[i], &rows);
	rows_flush(&rows, out);
	for (size_t i = 0; i < t->n_expectations; i++)
		add_block(t, &t->expectations[i], &rows);
	rows_flush(&rows, out);
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
