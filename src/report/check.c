#include "report/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/fs.h"
#include "base/text.h"
#include "report/render.h"

/* The new check owns name; message may be NULL and is copied. */
static struct check *add(struct check_list *l, char *name, enum outcome o, const char *message)
{
	struct check *c = array_add(&l->checks, &l->n, &l->room, sizeof(*c));

	c->name = name;
	c->outcome = o;
	if (o != OUTCOME_PASS)
		c->message = text_dup(message != NULL ? message : outcome_name(o));
	return c;
}

static char *layer_detail(const struct file_verdict *f, const struct layer *l)
{
	const struct layer source = { .size = f->size, .has_digest = true, .digest = f->digest };
	struct text t = { 0 };

	text_add(&t, "source: ");
	render_layer_facts(&t, &source, true);
	text_add(&t, "\nhere: ");
	render_layer_facts(&t, l, true);
	text_add(&t, "\ndatagrams: ");
	render_datagrams(&t, &f->datagrams);
	return text_take(&t);
}

/* Whether files need their transfer's name to be told apart. */
static bool several_transfers(const struct run_verdict *r)
{
	for (size_t i = 1; i < r->n_files; i++)
		if (strcmp(r->files[i].transfer, r->files[0].transfer) != 0)
			return true;
	return false;
}

static void add_file(struct check_list *l, const char *run, const struct file_verdict *f,
		     bool with_transfer)
{
	const struct {
		const char *name;
		const struct layer *layer;
	} layers[] = {
		{ "receiver", &f->receiver },
		{ "capture", &f->capture },
		{ "sender", &f->sender },
		{ "picture", &f->picture },
	};

	for (size_t i = 0; i < sizeof(layers) / sizeof(layers[0]); i++) {
		const struct layer *layer = layers[i].layer;
		char *name = text_format("%s.%s.%s%s%s.%s", run, f->node,
					 with_transfer ? f->transfer : "", with_transfer ? "/" : "",
					 f->file, layers[i].name);
		struct check *c = add(l, name, layer->outcome, layer->reason);

		if (layer->outcome > OUTCOME_SKIP)
			c->detail = layer_detail(f, layer);
		if (layer == &f->receiver)
			c->time_ns = f->time_ns;
	}
}

/* How many programs before this one have its name. */
static size_t namesakes(const struct run_verdict *r, size_t program)
{
	size_t n = 0;

	for (size_t i = 0; i < program; i++)
		n += strcmp(r->programs[i].name, r->programs[program].name) == 0;
	return n;
}

static void add_program(struct check_list *l, const char *run, const struct run_verdict *r,
			size_t program)
{
	const struct program_verdict *p = &r->programs[program];
	struct text name = { 0 };
	size_t n = namesakes(r, program);

	text_add(&name, "%s.%s.%s", run, p->node, fs_basename(p->name));
	if (n != 0)
		text_add(&name, "#%zu", n + 1);
	text_add(&name, ".exit");

	struct check *c = add(l, text_take(&name), p->outcome,
			      p->reason != NULL ? p->reason : p->ended);

	c->time_ns = p->time_ns;
	if (p->outcome > OUTCOME_SKIP && p->output != NULL)
		c->detail = text_format("%s %s; the last lines of %s:\n%s", p->name,
					render_text(p->ended), render_text(p->log), p->output);
}

static void add_capture(struct check_list *l, const char *run, const struct capture_verdict *v)
{
	size_t node_len = strcspn(v->name, "/");
	const char *interface = v->name + node_len + (v->name[node_len] == '/');
	char *name = text_format("%s.%.*s.%s.complete", run, (int)node_len, v->name, interface);
	struct check *c = add(l, name, v->outcome, v->reason);

	if (v->outcome > OUTCOME_SKIP)
		c->detail = text_format("%s: %" PRIu64 " packets, %" PRIu64 " dropped",
					render_text(v->file), v->packets, v->dropped);
}

/* What belongs to no node is the run's. */
static const char *node_or_run(const char *node)
{
	return node != NULL ? node : "run";
}

static void add_metric(struct check_list *l, const char *run, const struct metric_value *m)
{
	struct check *c = add(l, text_format("%s.%s.%s.metric", run, node_or_run(m->node), m->name),
			      m->outcome, m->reason);

	if (m->outcome > OUTCOME_SKIP && m->look != NULL)
		c->detail = text_format("look: %s", m->look);
}

static void add_expectation(struct check_list *l, const char *run,
			    const struct expectation_verdict *x)
{
	struct check *check = add(
		l, text_format("%s.%s.%s.expect", run, node_or_run(x->node), x->name), x->outcome,
		x->reason);
	struct text t = { 0 };

	for (size_t i = 0; i < x->n_conditions; i++) {
		const struct condition_verdict *c = &x->conditions[i];

		if (c->outcome <= OUTCOME_SKIP)
			continue;
		text_add(&t, "expected: %s\nfound: %s\n", render_text(c->expected),
			 render_text(c->found));
		if (c->nearest != NULL)
			text_add(&t, "%s\n", c->nearest);
		if (c->look != NULL)
			text_add(&t, "look: %s\n", c->look);
	}
	if (t.len != 0)
		check->detail = text_take(&t);
}

static char *run_detail(const struct session *s, const struct run_verdict *r)
{
	struct text t = { 0 };

	for (size_t i = 0; i < r->n_reasons; i++)
		text_add(&t, "%s\n", r->reasons[i]);
	if (r->folder != NULL)
		text_add(&t, "evidence: %s/%s\n", render_text(s->folder), r->folder);
	text_add(&t, "repeat: %s", render_text(r->command));
	return text_take(&t);
}

static void add_parts(struct check_list *l, const char *run, const struct run_verdict *r)
{
	bool with_transfer = several_transfers(r);

	for (size_t i = 0; i < r->n_files; i++)
		add_file(l, run, &r->files[i], with_transfer);
	for (size_t i = 0; i < r->n_programs; i++)
		add_program(l, run, r, i);
	for (size_t i = 0; i < r->n_captures; i++)
		add_capture(l, run, &r->captures[i]);
	for (size_t i = 0; i < r->n_metrics; i++)
		add_metric(l, run, &r->metrics[i]);
	for (size_t i = 0; i < r->n_expectations; i++)
		add_expectation(l, run, &r->expectations[i]);
	add(l, text_format("%s.run.ledger", run), r->ledger.outcome, r->ledger.reason);
}

void check_list_add_run(struct check_list *l, const struct session *s, const struct run_verdict *r)
{
	const char *run = render_run_name(s, r);

	/* One of many is one check. */
	if (s->repeat == 0)
		add_parts(l, run, r);

	struct check *c = add(l, text_format("%s.run.verdict", run), r->outcome,
			      r->n_reasons != 0 ? r->reasons[0] : NULL);

	c->time_ns = r->total_ns;
	if (r->outcome > OUTCOME_SKIP)
		c->detail = run_detail(s, r);
}

void check_list_add_session(struct check_list *l, const struct session *s)
{
	if (s->n_runs >= s->n_planned)
		return;

	char *message = text_format("%s%zu of %zu runs were made",
				    s->interrupted ? "interrupted: " : "", s->n_runs, s->n_planned);

	add(l, text_dup("session.runs"), OUTCOME_INCONCLUSIVE, message);
	free(message);
}

size_t check_list_count(const struct check_list *l, enum outcome o)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->checks[i].outcome == o;
	return n;
}

void check_list_done(struct check_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->checks[i].name);
		free(l->checks[i].message);
		free(l->checks[i].detail);
	}
	free(l->checks);
	*l = (struct check_list){ 0 };
}
