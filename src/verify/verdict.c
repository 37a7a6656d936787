/* verdict: outcomes, and freeing what a session consists of. */
#include "verify/verdict.h"

#include <stdlib.h>
#include <string.h>

static const char *const outcome_names[] = {
	[OUTCOME_PASS] = "pass",
	[OUTCOME_SKIP] = "skip",
	[OUTCOME_INCONCLUSIVE] = "inconclusive",
	[OUTCOME_FAIL] = "fail",
};
_Static_assert(sizeof(outcome_names) / sizeof(outcome_names[0]) == OUTCOME_FAIL + 1,
	       "one name per outcome");

const char *outcome_name(enum outcome o)
{
	return outcome_names[o];
}

enum outcome outcome_worse(enum outcome a, enum outcome b)
{
	if (a == OUTCOME_SKIP)
		return b;
	if (b == OUTCOME_SKIP)
		return a;
	return a > b ? a : b;
}

const char *direction_name(enum direction d)
{
	return d == LINK_OUT ? "out" : "in";
}

uint64_t link_account_lost(const struct link_account *a)
{
	uint64_t lost = 0;

	for (size_t c = CAUSE_NONE + 1; c < N_CAUSES; c++)
		lost += a->lost[c];
	return lost;
}

/* These lists are short and have no room to keep in the struct. */
static void add_string(char ***list, size_t *n, char *s)
{
	*list = reallocarray(*list, *n + 1, sizeof(**list));
	if (*list == NULL)
		abort();
	(*list)[(*n)++] = s;
}

void run_verdict_reason(struct run_verdict *r, char *reason)
{
	add_string(&r->reasons, &r->n_reasons, reason);
}

void run_verdict_note(struct run_verdict *r, char *note)
{
	add_string(&r->notes, &r->n_notes, note);
}

static void free_strings(char **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i]);
	free(list);
}

static void layer_done(struct layer *l)
{
	free(l->reason);
	ranges_done(&l->missing);
	ranges_done(&l->repeated);
}

static void file_done(struct file_verdict *f)
{
	free(f->transfer);
	free(f->node);
	free(f->file);
	free(f->source);
	free(f->reason);
	layer_done(&f->receiver);
	layer_done(&f->capture);
	layer_done(&f->sender);
	layer_done(&f->picture);
	ranges_done(&f->datagrams.lost_chunks);
}

static void program_done(struct program_verdict *p)
{
	free(p->name);
	free(p->node);
	free(p->reason);
	free(p->ended);
	free(p->log);
	free(p->output);
}

static void capture_done(struct capture_verdict *c)
{
	free(c->name);
	free(c->file);
	free(c->reason);
}

static void fault_done(struct fault_verdict *f)
{
	free(f->name);
	free(f->action);
	free(f->due);
	free(f->reason);
}

static void variables_done(struct variable *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].value);
	}
	free(v);
}

static void comparison_free(struct comparison *c)
{
	if (c == NULL)
		return;
	variables_done(c->of, c->n_of);
	free(c->metric);
	free(c);
}

static void expectation_verdict_done(struct expectation_verdict *x)
{
	for (size_t i = 0; i < x->n_conditions; i++) {
		free(x->conditions[i].expected);
		free(x->conditions[i].found);
		free(x->conditions[i].nearest);
		free(x->conditions[i].look);
	}
	comparison_free(x->awaits);
	free(x->conditions);
	free(x->name);
	free(x->subject);
	free(x->node);
	free(x->reason);
}

static void metric_value_done(struct metric_value *m)
{
	free(m->name);
	free(m->unit);
	free(m->node);
	free(m->reason);
	free(m->look);
}

const struct metric_value *run_verdict_metric(const struct run_verdict *r, const char *name)
{
	for (size_t i = 0; i < r->n_metrics; i++)
		if (strcmp(r->metrics[i].name, name) == 0)
			return &r->metrics[i];
	return NULL;
}

static void link_done(struct link_account *a)
{
	free(a->link);
	free(a->engine);
	for (size_t c = 0; c < N_CAUSES; c++)
		free(a->rules[c]);
}

static void ledger_done(struct ledger *l)
{
	for (size_t i = 0; i < l->n_networks; i++) {
		free(l->networks[i].from);
		free(l->networks[i].to);
	}
	for (size_t i = 0; i < l->n_links; i++)
		link_done(&l->links[i]);
	for (size_t i = 0; i < l->n_nodes; i++) {
		free(l->nodes[i].node);
		free(l->nodes[i].rcvbuf_place);
	}
	free(l->networks);
	free(l->links);
	free(l->nodes);
	free(l->reason);
}

static void free_lists(struct run_verdict *r)
{
	for (size_t i = 0; i < r->n_files; i++)
		file_done(&r->files[i]);
	for (size_t i = 0; i < r->n_programs; i++)
		program_done(&r->programs[i]);
	for (size_t i = 0; i < r->n_captures; i++)
		capture_done(&r->captures[i]);
	for (size_t i = 0; i < r->n_faults; i++)
		fault_done(&r->faults[i]);
	free_strings(r->notes, r->n_notes);
	free(r->files);
	free(r->programs);
	free(r->captures);
	free(r->faults);
}

static void free_expectations(struct run_verdict *r)
{
	for (size_t i = 0; i < r->n_expectations; i++)
		expectation_verdict_done(&r->expectations[i]);
	free(r->expectations);
	r->expectations = NULL;
	r->n_expectations = 0;
}

void run_verdict_shorten(struct run_verdict *r)
{
	struct ledger sum = { .outcome = r->ledger.outcome, .unexplained = r->ledger.unexplained };

	sum.reason = r->ledger.reason;
	r->ledger.reason = NULL;
	ledger_done(&r->ledger);
	r->ledger = sum;
	free_lists(r);
	free_expectations(r);
	r->notes = NULL;
	r->files = NULL;
	r->programs = NULL;
	r->captures = NULL;
	r->faults = NULL;
	r->n_files_let_go += r->n_files;
	r->n_files = r->n_notes = r->n_programs = r->n_captures = r->n_faults = 0;
	while (r->n_reasons > 1)
		free(r->reasons[--r->n_reasons]);
	r->brief = true;
}

void run_verdict_done(struct run_verdict *r)
{
	variables_done(r->variables, r->n_variables);
	free_lists(r);
	for (size_t i = 0; i < r->n_metrics; i++)
		metric_value_done(&r->metrics[i]);
	free(r->metrics);
	free_expectations(r);
	ledger_done(&r->ledger);
	free_strings(r->reasons, r->n_reasons);
	free(r->combination);
	free(r->label);
	free(r->mode);
	free(r->format);
	free(r->folder);
	free(r->merged);
	free(r->links_table);
	free(r->command);
	*r = (struct run_verdict){ 0 };
}

void session_done(struct session *s)
{
	for (size_t i = 0; i < s->n_runs; i++)
		run_verdict_done(&s->runs[i]);
	free(s->runs);
	free(s->topology);
	free(s->path);
	free(s->title);
	free(s->command);
	free(s->version);
	free(s->kernel);
	free(s->folder);
	free(s->started);
	*s = (struct session){ 0 };
}
