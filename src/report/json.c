/*
 * report.json: everything that was proved, for programs. Keys stand in the
 * order of report.schema.json and are always there; what is not known is null.
 * Units are part of the names. A change that a reader could trip over makes a
 * new SCHEMA.
 */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "report/json_expect.h"
#include "report/json_series.h"
#include "report/json_value.h"
#include "report/render.h"

#define SCHEMA "harness-report/2"

static json_t *time_of(uint64_t ns)
{
	return ns != 0 ? json_count_of(ns) : json_null();
}

static json_t *outcome_of(enum outcome o)
{
	return json_string(outcome_name(o));
}

static json_t *digest_of(bool has_digest, const struct sha256 *digest)
{
	char hex[2 * SHA256_LEN + 1];

	return has_digest ? json_string(sha256_hex(hex, digest)) : json_null();
}

static json_t *strings_of(char *const *strings, size_t n)
{
	json_t *array = json_checked(json_array());

	for (size_t i = 0; i < n; i++)
		json_append(array, json_string_of(strings[i]));
	return array;
}

static json_t *ranges_of(const struct ranges *r)
{
	json_t *array = json_checked(json_array());

	for (size_t i = 0; i < r->n; i++) {
		json_t *range = json_checked(json_object());

		json_set(range, "first", json_count_of(r->r[i].first));
		json_set(range, "last", json_count_of(r->r[i].last));
		json_append(array, range);
	}
	return array;
}

static json_t *layer_of(const struct layer *l)
{
	json_t *o = json_checked(json_object());

	json_set(o, "outcome", outcome_of(l->outcome));
	json_set(o, "reason", json_string_of(l->reason));
	json_set(o, "size_bytes", json_count_of(l->size));
	json_set(o, "sha256", digest_of(l->has_digest, &l->digest));
	json_set(o, "first_difference_byte",
		 l->differs ? json_count_of(l->first_difference) : json_null());
	json_set(o, "missing_byte_ranges", ranges_of(&l->missing));
	json_set(o, "repeated_byte_ranges", ranges_of(&l->repeated));
	return o;
}

static json_t *datagrams_of(const struct datagram_account *d)
{
	json_t *o = json_checked(json_object());

	json_set(o, "ideal", json_count_of(d->ideal));
	json_set(o, "sent", json_count_of(d->sent));
	json_set(o, "repairs", json_count_of(d->repairs));
	json_set(o, "arrived", json_count_of(d->arrived));
	json_set(o, "lost", json_count_of(d->lost));
	json_set(o, "duplicated", json_count_of(d->duplicated));
	json_set(o, "reordered", json_count_of(d->reordered));
	json_set(o, "corrupted", json_count_of(d->corrupted));
	json_set(o, "interleaved", json_count_of(d->interleaved));
	json_set(o, "lost_chunk_ranges", ranges_of(&d->lost_chunks));
	return o;
}

static json_t *file_of(const struct file_verdict *f)
{
	json_t *o = json_checked(json_object());

	json_set(o, "transfer", json_string_of(f->transfer));
	json_set(o, "node", json_string_of(f->node));
	json_set(o, "file", json_string_of(f->file));
	json_set(o, "source", json_string_of(f->source));
	json_set(o, "size_bytes", json_count_of(f->size));
	json_set(o, "sha256", digest_of(true, &f->digest));
	json_set(o, "outcome", outcome_of(f->outcome));
	json_set(o, "reason", json_string_of(f->reason));
	json_set(o, "time_ns", time_of(f->time_ns));
	json_set(o, "receiver", layer_of(&f->receiver));
	json_set(o, "capture", layer_of(&f->capture));
	json_set(o, "sender", layer_of(&f->sender));
	json_set(o, "picture", layer_of(&f->picture));
	json_set(o, "datagrams", datagrams_of(&f->datagrams));
	return o;
}

static json_t *program_of(const struct program_verdict *p)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(p->name));
	json_set(o, "node", json_string_of(p->node));
	json_set(o, "outcome", outcome_of(p->outcome));
	json_set(o, "reason", json_string_of(p->reason));
	json_set(o, "ended", json_string_of(p->ended));
	json_set(o, "log", json_string_of(p->log));
	json_set(o, "output", json_string_of(p->output));
	json_set(o, "time_ns", time_of(p->time_ns));
	return o;
}

static json_t *capture_of(const struct capture_verdict *c)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(c->name));
	json_set(o, "file", json_string_of(c->file));
	json_set(o, "outcome", outcome_of(c->outcome));
	json_set(o, "reason", json_string_of(c->reason));
	json_set(o, "packets", json_count_of(c->packets));
	json_set(o, "size_bytes", json_count_of(c->bytes));
	json_set(o, "dropped_packets", json_count_of(c->dropped));
	return o;
}

static json_t *fault_of(const struct fault_verdict *f)
{
	json_t *o = json_checked(json_object());

	json_set(o, "name", json_string_of(f->name));
	json_set(o, "action", json_string_of(f->action));
	json_set(o, "due", json_string_of(f->due));
	json_set(o, "outcome", outcome_of(f->outcome));
	json_set(o, "reason", json_string_of(f->reason));
	json_set(o, "fired_ns", f->fired ? json_count_of(f->fired_ns) : json_null());
	json_set(o, "undone_ns", f->undone ? json_count_of(f->undone_ns) : json_null());
	return o;
}

static json_t *network_of(const struct network_account *n)
{
	json_t *o = json_checked(json_object());

	json_set(o, "from", json_string_of(n->from));
	json_set(o, "to", json_string_of(n->to));
	json_set(o, "sent", json_count_of(n->sent));
	json_set(o, "arrived", json_count_of(n->arrived));
	json_set(o, "lost", json_count_of(n->lost));
	json_set(o, "unexplained", json_count_of(n->unexplained));
	return o;
}

/* One entry per cause that there was. */
static json_t *causes_of(const struct link_account *l)
{
	json_t *array = json_checked(json_array());

	for (size_t c = CAUSE_NONE + 1; c < N_CAUSES; c++) {
		if (l->lost[c] == 0)
			continue;

		json_t *o = json_checked(json_object());

		json_set(o, "rule", json_string_of(l->rules[c]));
		json_set(o, "frames", json_count_of(l->lost[c]));
		json_append(array, o);
	}
	return array;
}

static json_t *link_of(const struct link_account *l)
{
	json_t *o = json_checked(json_object());

	json_set(o, "link", json_string_of(l->link));
	json_set(o, "direction", json_string(direction_name(l->direction)));
	json_set(o, "engine", json_string_of(l->engine));
	json_set(o, "before", l->captured ? json_count_of(l->before) : json_null());
	json_set(o, "seen", json_count_of(l->seen));
	json_set(o, "lost", json_count_of(link_account_lost(l)));
	json_set(o, "lost_by", causes_of(l));
	json_set(o, "duplicated", json_count_of(l->duplicated));
	json_set(o, "corrupted", json_count_of(l->corrupted));
	json_set(o, "reordered", json_count_of(l->reordered));
	json_set(o, "after", l->captured ? json_count_of(l->after) : json_null());
	json_set(o, "unexplained", json_count_of(l->unexplained));
	return o;
}

static json_t *node_of(const struct node_account *n)
{
	json_t *o = json_checked(json_object());

	json_set(o, "node", json_string_of(n->node));
	json_set(o, "arrived", json_count_of(n->arrived));
	json_set(o, "delivered", json_count_of(n->delivered));
	json_set(o, "dropped_receive_buffer", json_count_of(n->rcvbuf));
	json_set(o, "receive_buffer", json_string_of(n->rcvbuf_place));
	json_set(o, "dropped_no_port", json_count_of(n->no_port));
	json_set(o, "dropped_checksum", json_count_of(n->checksum));
	json_set(o, "dropped_length", json_count_of(n->malformed));
	json_set(o, "unread", json_count_of(n->unread));
	json_set(o, "unexplained", json_count_of(n->unexplained));
	return o;
}

static json_t *ledger_of(const struct ledger *l)
{
	json_t *o = json_checked(json_object());
	json_t *networks = json_checked(json_array());
	json_t *links = json_checked(json_array());
	json_t *nodes = json_checked(json_array());

	for (size_t i = 0; i < l->n_networks; i++)
		json_append(networks, network_of(&l->networks[i]));
	for (size_t i = 0; i < l->n_links; i++)
		json_append(links, link_of(&l->links[i]));
	for (size_t i = 0; i < l->n_nodes; i++)
		json_append(nodes, node_of(&l->nodes[i]));
	json_set(o, "outcome", outcome_of(l->outcome));
	json_set(o, "reason", json_string_of(l->reason));
	json_set(o, "unexplained", json_count_of(l->unexplained));
	json_set(o, "networks", networks);
	json_set(o, "links", links);
	json_set(o, "nodes", nodes);
	return o;
}

static json_t *totals_of(const struct run_verdict *r)
{
	json_t *o = json_checked(json_object());
	double bits_per_s = r->time_ns != 0 ? (double)r->bytes * 8e9 / (double)r->time_ns : 0;

	json_set(o, "files_whole", json_count_of(r->files_whole));
	json_set(o, "files_expected", json_count_of(r->n_files + r->n_files_let_go));
	json_set(o, "size_bytes", json_count_of(r->bytes));
	json_set(o, "time_ns", time_of(r->time_ns));
	json_set(o, "goodput_bits_per_second",
		 r->time_ns != 0 ? json_count_of((uint64_t)bits_per_s) : json_null());
	json_set(o, "datagrams", json_count_of(r->datagrams));
	json_set(o, "repairs", json_count_of(r->repairs));
	json_set(o, "lost", json_count_of(r->lost));
	return o;
}

static json_t *phases_of(const struct run_verdict *r)
{
	json_t *o = json_checked(json_object());

	json_set(o, "lab_ns", json_count_of(r->lab_ns));
	json_set(o, "transfer_ns", json_count_of(r->transfer_ns));
	json_set(o, "stop_ns", json_count_of(r->stop_ns));
	json_set(o, "verify_ns", json_count_of(r->verify_ns));
	json_set(o, "total_ns", json_count_of(r->total_ns));
	return o;
}

static json_t *variables_of(const struct run_verdict *r)
{
	json_t *array = json_checked(json_array());

	for (size_t i = 0; i < r->n_variables; i++) {
		json_t *o = json_checked(json_object());

		json_set(o, "name", json_string_of(r->variables[i].name));
		json_set(o, "value", json_string_of(r->variables[i].value));
		json_append(array, o);
	}
	return array;
}

static void set_lists(json_t *o, const struct run_verdict *r)
{
	json_t *files = json_checked(json_array());
	json_t *programs = json_checked(json_array());
	json_t *captures = json_checked(json_array());
	json_t *faults = json_checked(json_array());

	for (size_t i = 0; i < r->n_files; i++)
		json_append(files, file_of(&r->files[i]));
	for (size_t i = 0; i < r->n_programs; i++)
		json_append(programs, program_of(&r->programs[i]));
	for (size_t i = 0; i < r->n_captures; i++)
		json_append(captures, capture_of(&r->captures[i]));
	for (size_t i = 0; i < r->n_faults; i++)
		json_append(faults, fault_of(&r->faults[i]));
	json_set(o, "files", files);
	json_set(o, "programs", programs);
	json_set(o, "captures", captures);
	json_set(o, "faults", faults);
}

static json_t *run_of(const struct run_verdict *r)
{
	json_t *o = json_checked(json_object());
	cleanup_free char *seed = text_format("%" PRIu64, r->seed);

	json_set(o, "label", json_string_of(r->label));
	json_set(o, "combination", json_string_of(r->combination));
	json_set(o, "variables", variables_of(r));
	json_set(o, "mode", json_string_of(r->mode));
	json_set(o, "format", json_string_of(r->format));
	/* All 64 bits count, and many readers of JSON keep 53: a string. */
	json_set(o, "seed", json_string_of(seed));
	json_set(o, "command", json_string_of(r->command));
	json_set(o, "folder", json_string_of(r->folder));
	json_set(o, "merged_capture", json_string_of(r->merged));
	json_set(o, "links_table", json_string_of(r->links_table));
	json_set(o, "outcome", outcome_of(r->outcome));
	json_set(o, "past_deadline", json_boolean(r->past_deadline));
	json_set(o, "interrupted", json_boolean(r->interrupted));
	json_set(o, "reasons", strings_of(r->reasons, r->n_reasons));
	json_set(o, "notes", strings_of(r->notes, r->n_notes));
	json_set(o, "totals", totals_of(r));
	json_set(o, "phases", phases_of(r));
	json_set(o, "brief", json_boolean(r->brief));
	set_lists(o, r);
	json_set(o, "metrics", json_metrics_of(r));
	json_set(o, "expectations", json_expectations_of(r));
	json_set(o, "ledger", ledger_of(&r->ledger));
	return o;
}

static json_t *session_of(const struct session *s)
{
	json_t *o = json_checked(json_object());
	json_t *topology = json_checked(json_object());
	json_t *runs = json_checked(json_array());

	json_set(topology, "name", json_string_of(s->topology));
	json_set(topology, "path", json_string_of(s->path));
	json_set(topology, "title", json_string_of(s->title));
	for (size_t i = 0; i < s->n_runs; i++)
		json_append(runs, run_of(&s->runs[i]));
	json_set(o, "schema", json_string(SCHEMA));
	json_set(o, "topology", topology);
	json_set(o, "command", json_string_of(s->command));
	json_set(o, "harness_version", json_string_of(s->version));
	json_set(o, "kernel", json_string_of(s->kernel));
	json_set(o, "folder", json_string_of(s->folder));
	json_set(o, "started", json_string_of(s->started));
	json_set(o, "started_unix_ns", json_count_of(s->started_real_ns));
	json_set(o, "duration_ns", json_count_of(s->duration_ns));
	json_set(o, "interrupted", json_boolean(s->interrupted));
	json_set(o, "outcome", outcome_of(s->outcome));
	json_set(o, "exit_status", json_integer(s->exit_status));
	json_set(o, "runs_planned", json_count_of(s->n_planned));
	json_set(o, "jobs", json_count_of(s->jobs));
	json_set(o, "repeat", s->repeat != 0 ? json_count_of(s->repeat) : json_null());
	json_set(o, "series", json_series_of(s));
	json_set(o, "runs", runs);
	return o;
}

int report_json(FILE *out, const struct session *s, struct err *e)
{
	return json_print(out, session_of(s), "report.json", e);
}
