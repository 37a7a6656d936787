/*
 * report.json: everything that was proved, for programs. Keys stand in the
 * order of report.schema.json and are always there; what is not known is null.
 * Units are part of the names. A change that a reader could trip over makes a
 * new SCHEMA.
 */
#include "report/report.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "report/render.h"

#define SCHEMA "harness-report/2"

/* jansson fails only when there is no memory. */
static json_t *checked(json_t *value)
{
	if (value == NULL)
		abort();
	return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, checked(value)) != 0)
		abort();
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, checked(value)) != 0)
		abort();
}

static json_t *string_of(const char *s)
{
	if (s == NULL)
		return json_null();

	cleanup_by(text_done) struct text t = { 0 };

	render_utf8(&t, s);
	return json_string(text_str(&t));
}

/* Counters stay far below 2^63, which is where jansson's integers end. */
static json_t *count_of(uint64_t n)
{
	return json_integer((json_int_t)(n <= INT64_MAX ? n : INT64_MAX));
}

static json_t *time_of(uint64_t ns)
{
	return ns != 0 ? count_of(ns) : json_null();
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
	json_t *array = checked(json_array());

	for (size_t i = 0; i < n; i++)
		append(array, string_of(strings[i]));
	return array;
}

static json_t *ranges_of(const struct ranges *r)
{
	json_t *array = checked(json_array());

	for (size_t i = 0; i < r->n; i++) {
		json_t *range = checked(json_object());

		set(range, "first", count_of(r->r[i].first));
		set(range, "last", count_of(r->r[i].last));
		append(array, range);
	}
	return array;
}

static json_t *layer_of(const struct layer *l)
{
	json_t *o = checked(json_object());

	set(o, "outcome", outcome_of(l->outcome));
	set(o, "reason", string_of(l->reason));
	set(o, "size_bytes", count_of(l->size));
	set(o, "sha256", digest_of(l->has_digest, &l->digest));
	set(o, "first_difference_byte", l->differs ? count_of(l->first_difference) : json_null());
	set(o, "missing_byte_ranges", ranges_of(&l->missing));
	set(o, "repeated_byte_ranges", ranges_of(&l->repeated));
	return o;
}

static json_t *datagrams_of(const struct datagram_account *d)
{
	json_t *o = checked(json_object());

	set(o, "ideal", count_of(d->ideal));
	set(o, "sent", count_of(d->sent));
	set(o, "repairs", count_of(d->repairs));
	set(o, "arrived", count_of(d->arrived));
	set(o, "lost", count_of(d->lost));
	set(o, "duplicated", count_of(d->duplicated));
	set(o, "reordered", count_of(d->reordered));
	set(o, "corrupted", count_of(d->corrupted));
	set(o, "interleaved", count_of(d->interleaved));
	set(o, "lost_chunk_ranges", ranges_of(&d->lost_chunks));
	return o;
}

static json_t *file_of(const struct file_verdict *f)
{
	json_t *o = checked(json_object());

	set(o, "transfer", string_of(f->transfer));
	set(o, "node", string_of(f->node));
	set(o, "file", string_of(f->file));
	set(o, "source", string_of(f->source));
	set(o, "size_bytes", count_of(f->size));
	set(o, "sha256", digest_of(true, &f->digest));
	set(o, "outcome", outcome_of(f->outcome));
	set(o, "reason", string_of(f->reason));
	set(o, "time_ns", time_of(f->time_ns));
	set(o, "receiver", layer_of(&f->receiver));
	set(o, "capture", layer_of(&f->capture));
	set(o, "sender", layer_of(&f->sender));
	set(o, "picture", layer_of(&f->picture));
	set(o, "datagrams", datagrams_of(&f->datagrams));
	return o;
}

static json_t *program_of(const struct program_verdict *p)
{
	json_t *o = checked(json_object());

	set(o, "name", string_of(p->name));
	set(o, "node", string_of(p->node));
	set(o, "outcome", outcome_of(p->outcome));
	set(o, "reason", string_of(p->reason));
	set(o, "ended", string_of(p->ended));
	set(o, "log", string_of(p->log));
	set(o, "output", string_of(p->output));
	set(o, "time_ns", time_of(p->time_ns));
	return o;
}

static json_t *capture_of(const struct capture_verdict *c)
{
	json_t *o = checked(json_object());

	set(o, "name", string_of(c->name));
	set(o, "file", string_of(c->file));
	set(o, "outcome", outcome_of(c->outcome));
	set(o, "reason", string_of(c->reason));
	set(o, "packets", count_of(c->packets));
	set(o, "size_bytes", count_of(c->bytes));
	set(o, "dropped_packets", count_of(c->dropped));
	return o;
}

static json_t *fault_of(const struct fault_verdict *f)
{
	json_t *o = checked(json_object());

	set(o, "name", string_of(f->name));
	set(o, "action", string_of(f->action));
	set(o, "due", string_of(f->due));
	set(o, "outcome", outcome_of(f->outcome));
	set(o, "reason", string_of(f->reason));
	set(o, "fired_ns", f->fired ? count_of(f->fired_ns) : json_null());
	set(o, "undone_ns", f->undone ? count_of(f->undone_ns) : json_null());
	return o;
}

static json_t *network_of(const struct network_account *n)
{
	json_t *o = checked(json_object());

	set(o, "from", string_of(n->from));
	set(o, "to", string_of(n->to));
	set(o, "sent", count_of(n->sent));
	set(o, "arrived", count_of(n->arrived));
	set(o, "lost", count_of(n->lost));
	set(o, "unexplained", count_of(n->unexplained));
	return o;
}

/* One entry per cause that there was. */
static json_t *causes_of(const struct link_account *l)
{
	json_t *array = checked(json_array());

	for (size_t c = CAUSE_NONE + 1; c < N_CAUSES; c++) {
		if (l->lost[c] == 0)
			continue;

		json_t *o = checked(json_object());

		set(o, "rule", string_of(l->rules[c]));
		set(o, "frames", count_of(l->lost[c]));
		append(array, o);
	}
	return array;
}

static json_t *link_of(const struct link_account *l)
{
	json_t *o = checked(json_object());

	set(o, "link", string_of(l->link));
	set(o, "direction", json_string(direction_name(l->direction)));
	set(o, "engine", string_of(l->engine));
	set(o, "before", l->captured ? count_of(l->before) : json_null());
	set(o, "seen", count_of(l->seen));
	set(o, "lost", count_of(link_account_lost(l)));
	set(o, "lost_by", causes_of(l));
	set(o, "duplicated", count_of(l->duplicated));
	set(o, "corrupted", count_of(l->corrupted));
	set(o, "reordered", count_of(l->reordered));
	set(o, "after", l->captured ? count_of(l->after) : json_null());
	set(o, "unexplained", count_of(l->unexplained));
	return o;
}

static json_t *node_of(const struct node_account *n)
{
	json_t *o = checked(json_object());

	set(o, "node", string_of(n->node));
	set(o, "arrived", count_of(n->arrived));
	set(o, "delivered", count_of(n->delivered));
	set(o, "dropped_receive_buffer", count_of(n->rcvbuf));
	set(o, "receive_buffer", string_of(n->rcvbuf_place));
	set(o, "dropped_no_port", count_of(n->no_port));
	set(o, "dropped_checksum", count_of(n->checksum));
	set(o, "dropped_length", count_of(n->malformed));
	set(o, "unread", count_of(n->unread));
	set(o, "unexplained", count_of(n->unexplained));
	return o;
}

static json_t *ledger_of(const struct ledger *l)
{
	json_t *o = checked(json_object());
	json_t *networks = checked(json_array());
	json_t *links = checked(json_array());
	json_t *nodes = checked(json_array());

	for (size_t i = 0; i < l->n_networks; i++)
		append(networks, network_of(&l->networks[i]));
	for (size_t i = 0; i < l->n_links; i++)
		append(links, link_of(&l->links[i]));
	for (size_t i = 0; i < l->n_nodes; i++)
		append(nodes, node_of(&l->nodes[i]));
	set(o, "outcome", outcome_of(l->outcome));
	set(o, "reason", string_of(l->reason));
	set(o, "unexplained", count_of(l->unexplained));
	set(o, "networks", networks);
	set(o, "links", links);
	set(o, "nodes", nodes);
	return o;
}

static json_t *totals_of(const struct run_verdict *r)
{
	json_t *o = checked(json_object());
	double bits_per_s = r->time_ns != 0 ? (double)r->bytes * 8e9 / (double)r->time_ns : 0;

	set(o, "files_whole", count_of(r->files_whole));
	set(o, "files_expected", count_of(r->n_files));
	set(o, "size_bytes", count_of(r->bytes));
	set(o, "time_ns", time_of(r->time_ns));
	set(o, "goodput_bits_per_second",
	    r->time_ns != 0 ? count_of((uint64_t)bits_per_s) : json_null());
	set(o, "datagrams", count_of(r->datagrams));
	set(o, "repairs", count_of(r->repairs));
	set(o, "lost", count_of(r->lost));
	return o;
}

static json_t *phases_of(const struct run_verdict *r)
{
	json_t *o = checked(json_object());

	set(o, "lab_ns", count_of(r->lab_ns));
	set(o, "transfer_ns", count_of(r->transfer_ns));
	set(o, "stop_ns", count_of(r->stop_ns));
	set(o, "verify_ns", count_of(r->verify_ns));
	set(o, "total_ns", count_of(r->total_ns));
	return o;
}

static json_t *variables_of(const struct run_verdict *r)
{
	json_t *array = checked(json_array());

	for (size_t i = 0; i < r->n_variables; i++) {
		json_t *o = checked(json_object());

		set(o, "name", string_of(r->variables[i].name));
		set(o, "value", string_of(r->variables[i].value));
		append(array, o);
	}
	return array;
}

static void set_lists(json_t *o, const struct run_verdict *r)
{
	json_t *files = checked(json_array());
	json_t *programs = checked(json_array());
	json_t *captures = checked(json_array());
	json_t *faults = checked(json_array());

	for (size_t i = 0; i < r->n_files; i++)
		append(files, file_of(&r->files[i]));
	for (size_t i = 0; i < r->n_programs; i++)
		append(programs, program_of(&r->programs[i]));
	for (size_t i = 0; i < r->n_captures; i++)
		append(captures, capture_of(&r->captures[i]));
	for (size_t i = 0; i < r->n_faults; i++)
		append(faults, fault_of(&r->faults[i]));
	set(o, "files", files);
	set(o, "programs", programs);
	set(o, "captures", captures);
	set(o, "faults", faults);
}

static json_t *run_of(const struct run_verdict *r)
{
	json_t *o = checked(json_object());
	cleanup_free char *seed = text_format("%" PRIu64, r->seed);

	set(o, "label", string_of(r->label));
	set(o, "variables", variables_of(r));
	set(o, "mode", string_of(r->mode));
	set(o, "format", string_of(r->format));
	/* All 64 bits count, and many readers of JSON keep 53: a string. */
	set(o, "seed", string_of(seed));
	set(o, "command", string_of(r->command));
	set(o, "folder", string_of(r->folder));
	set(o, "merged_capture", string_of(r->merged));
	set(o, "links_table", string_of(r->links_table));
	set(o, "outcome", outcome_of(r->outcome));
	set(o, "past_deadline", json_boolean(r->past_deadline));
	set(o, "interrupted", json_boolean(r->interrupted));
	set(o, "reasons", strings_of(r->reasons, r->n_reasons));
	set(o, "notes", strings_of(r->notes, r->n_notes));
	set(o, "totals", totals_of(r));
	set(o, "phases", phases_of(r));
	set_lists(o, r);
	set(o, "ledger", ledger_of(&r->ledger));
	return o;
}

static json_t *session_of(const struct session *s)
{
	json_t *o = checked(json_object());
	json_t *topology = checked(json_object());
	json_t *runs = checked(json_array());

	set(topology, "name", string_of(s->topology));
	set(topology, "path", string_of(s->path));
	set(topology, "title", string_of(s->title));
	for (size_t i = 0; i < s->n_runs; i++)
		append(runs, run_of(&s->runs[i]));
	set(o, "schema", json_string(SCHEMA));
	set(o, "topology", topology);
	set(o, "command", string_of(s->command));
	set(o, "harness_version", string_of(s->version));
	set(o, "kernel", string_of(s->kernel));
	set(o, "folder", string_of(s->folder));
	set(o, "started", string_of(s->started));
	set(o, "started_unix_ns", count_of(s->started_real_ns));
	set(o, "duration_ns", count_of(s->duration_ns));
	set(o, "interrupted", json_boolean(s->interrupted));
	set(o, "outcome", outcome_of(s->outcome));
	set(o, "exit_status", json_integer(s->exit_status));
	set(o, "runs_planned", count_of(s->n_planned));
	set(o, "runs", runs);
	return o;
}

int report_json(FILE *out, const struct session *s, struct err *e)
{
	json_t *document = session_of(s);
	char *dump = json_dumps(document, JSON_INDENT(2));
	cleanup_by(text_done) struct text t = { 0 };

	json_decref(document);
	if (dump == NULL)
		abort();
	text_add_bytes(&t, dump, strlen(dump));
	text_add_bytes(&t, "\n", 1);
	free(dump);
	return render_write(out, &t, "report.json", e);
}
