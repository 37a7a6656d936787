/* faults: whether every fault of the topology file happened, and when. */
#include <inttypes.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "verify/trial.h"

/* "down alpine-1/eth0 out", "kill alpine-2, transfer pictures". */
static char *action_text(const struct topology *t, const struct fault *f)
{
	const struct node *n = &t->nodes[f->node];
	const char *way = f->direction[LINK_OUT] && f->direction[LINK_IN] ? ""
			  : f->direction[LINK_OUT]			  ? " out"
									  : " in";

	if (f->command != NO_COMMAND)
		return text_format("%s %s, program %s", fault_action_names[f->action], n->name,
				   t->commands[f->command].name);
	if (!fault_is_of_link(f))
		return text_format("%s %s, transfer %s", fault_action_names[f->action], n->name,
				   t->transfers[f->transfer].name);
	return text_format("%s %s/%s%s", fault_action_names[f->action], n->name,
			   n->interfaces[f->interface].name, way);
}

/* "at 2.0 s", "after 100 datagrams from alpine-1 to alpine-2". */
static char *due_text(const struct topology *t, const struct fault *f)
{
	char buf[16];

	if (f->after == 0)
		return text_format("at %s", text_duration(buf, f->at_ns));

	struct text s = { 0 };

	text_add(&s, "after %" PRIu64 " datagrams from %s to %s", f->after,
		 t->nodes[f->flow.from].name, t->nodes[f->flow.to].name);
	if (f->flow.port != 0)
		text_add(&s, ", port %u", f->flow.port);
	return text_take(&s);
}

/* For how long faults could happen: from when all was ready until programs were stopped. */
static uint64_t active_ns(const struct evidence *ev)
{
	uint64_t end = ev->stopped_ns != 0 ? ev->stopped_ns : ev->ended_ns;

	end = ev->sent_ns != 0 ? ev->sent_ns : end;
	return ev->ready_ns != 0 && end > ev->ready_ns ? end - ev->ready_ns : 0;
}

static char *never_fired(const struct trial *t, const struct fault *f, const char *due)
{
	uint64_t active = active_ns(t->evidence);
	char buf[16];

	if (active == 0)
		return text_format("fault %s never fired: it was due %s", f->name, due);
	return text_format("fault %s never fired: the run was over after %s, it was due %s",
			   f->name, text_duration(buf, active), due);
}

static uint64_t since(uint64_t ready_ns, uint64_t ns)
{
	return ns > ready_ns ? ns - ready_ns : 0;
}

static void judge_fault(const struct trial *t, size_t i, struct fault_verdict *v)
{
	const struct fault *f = &t->topology->faults[i];
	const struct fault_evidence *ev = &t->evidence->faults[i];

	v->name = text_dup(f->name);
	v->action = action_text(t->topology, f);
	v->due = due_text(t->topology, f);
	v->fired = ev->fired_ns != 0;
	v->undone = ev->undone_ns != 0;
	v->fired_ns = since(t->evidence->ready_ns, ev->fired_ns);
	v->undone_ns = since(t->evidence->ready_ns, ev->undone_ns);
	if (ev->error[0] != '\0')
		v->reason = text_format("fault %s: %s", f->name, ev->error);
	else if (!v->fired)
		v->reason = never_fired(t, f, v->due);
	v->outcome = v->reason != NULL ? OUTCOME_INCONCLUSIVE : OUTCOME_PASS;
}

void faults_judge(struct trial *t)
{
	struct run_verdict *v = t->verdict;

	v->n_faults = t->evidence->n_faults;
	v->faults = array_new(v->n_faults, sizeof(*v->faults));
	for (size_t i = 0; i < v->n_faults; i++)
		judge_fault(t, i, &v->faults[i]);
}
