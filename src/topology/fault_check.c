/* What only the whole block of a fault, or all of them, can tell. */
#include "topology/build.h"

#define NO_ACTION	N_FAULT_ACTIONS /* none given, or one that was refused */
#define LINK_ACTIONS	"change, down, up or blackhole"
#define PROGRAM_ACTIONS "kill, pause, continue or restart"

static bool has(const struct section *s, const char *key)
{
	return section_entry(s, key) != NULL;
}

static void check_when(struct builder *b, const struct section *s)
{
	static const char *const of_after[] = { "from", "to", "port" };

	if (has(s, "at") && has(s, "after"))
		build_complain(b, s, "after",
			       "after and at in one fault: it happens at a time or after so many "
			       "datagrams");
	else if (!has(s, "at") && !has(s, "after"))
		problem_add(b->problems, s->at,
			    "fault '%s' never happens: give it a time, as in at = 2s, or a number "
			    "of datagrams, as in after = 500",
			    s->title);
	for (size_t i = 0; i < N_ELEMENTS(of_after); i++)
		if (has(s, of_after[i]) && !has(s, "after"))
			build_complain(b, s, of_after[i], "%s goes with after only", of_after[i]);
	for (size_t i = 0; i < 2; i++)
		if (!has(s, of_after[i]) && has(s, "after"))
			build_complain(b, s, "after",
				       "after without '%s': whose datagrams are counted stands in "
				       "from and to",
				       of_after[i]);
}

/* What only one kind of action goes with, and is there with another. */
static void refuse_stray(struct builder *b, const struct section *s, const char *key,
			 const char *where)
{
	if (has(s, key))
		build_complain(b, s, key, "%s goes with %s", key, where);
}

static void check_for(struct builder *b, const struct fault *f, const struct section *s)
{
	if (f->action == FAULT_UP || f->action == FAULT_CONTINUE)
		refuse_stray(b, s, "for", "change, down, blackhole and pause: this undoes one");
	else if (f->action == FAULT_KILL || f->action == FAULT_RESTART)
		refuse_stray(b, s, "for",
			     "change, down, blackhole and pause: a kill is not undone");
}

static void check_change(struct builder *b, const struct fault *f, const struct section *s)
{
	size_t at;
	const struct key *first = impaired_first(b, &at);

	if (first == NULL && f->action == FAULT_CHANGE && !impaired_is_doubtful(b))
		build_complain(b, s, "action",
			       "action 'change' changes nothing: say what the link does from then "
			       "on, as in loss = 10%%");
	else if (first != NULL && f->action != FAULT_CHANGE)
		problem_add(b->problems, at, "%s goes with action = change only, not with '%s'",
			    first->name, fault_action_names[f->action]);
}

static void check_directions(struct builder *b, struct fault *f, const struct section *s)
{
	if (f->action == FAULT_BLACKHOLE) {
		if (!has(s, "direction"))
			build_complain(b, s, "action",
				       "action 'blackhole' needs a direction, out or in; action = "
				       "down is both");
		return;
	}
	refuse_stray(b, s, "direction",
		     f->action == FAULT_CHANGE
			     ? "action = blackhole only: put what changes into out { } or in { }"
			     : "action = blackhole only: down and up are of both directions");
	for (int d = 0; d < N_DIRECTIONS; d++)
		f->direction[d] = f->action != FAULT_CHANGE || impaired_has(b, (enum direction)d);
}

static void end_link_fault(struct builder *b, struct fault *f, const struct section *s)
{
	size_t at;

	refuse_stray(b, s, "node", "program only: a link is named NODE/INTERFACE");
	if (!has(s, "action") && impaired_first(b, &at) != NULL)
		f->action = FAULT_CHANGE;
	if (f->action == NO_ACTION) {
		if (!has(s, "action") && !impaired_is_doubtful(b))
			problem_add(b->problems, s->at,
				    "fault '%s' does nothing: give it an action (" LINK_ACTIONS
				    "), or what changes, as in loss = 10%%",
				    s->title);
		return;
	}
	if (!fault_is_of_link(f)) {
		build_complain(b, s, "action", "action '%s' is of programs: a link takes %s",
			       fault_action_names[f->action], LINK_ACTIONS);
		return;
	}
	check_change(b, f, s);
	check_directions(b, f, s);
	if (f->interface != NOT_RESOLVED)
		impaired_end(b);
}

static void end_program_fault(struct builder *b, const struct fault *f, const struct section *s)
{
	size_t at;
	const struct key *first = impaired_first(b, &at);

	if (first != NULL)
		problem_add(b->problems, at, "%s is of links: this fault is of a program",
			    first->name);
	refuse_stray(b, s, "direction", "link only");
	if (!has(s, "node") && f->transfer != NOT_RESOLVED)
		build_complain(b, s, "program",
			       "program without 'node': the node says which of the transfer's "
			       "programs, its sender or a receiver");
	if (!has(s, "action"))
		problem_add(b->problems, s->at, "fault '%s' has no 'action': %s", s->title,
			    PROGRAM_ACTIONS);
	else if (f->action != NO_ACTION && fault_is_of_link(f))
		build_complain(b, s, "action", "action '%s' is of links: a program takes %s",
			       fault_action_names[f->action], PROGRAM_ACTIONS);
}

void fault_end(struct builder *b, void *object, const struct section *s)
{
	struct fault *f = object;

	check_when(b, s);
	check_for(b, f, s);
	if (has(s, "link") && has(s, "program"))
		build_complain(b, s, "program",
			       "program and link in one fault: write a fault for each");
	else if (has(s, "link"))
		end_link_fault(b, f, s);
	else if (has(s, "program"))
		end_program_fault(b, f, s);
	else
		problem_add(
			b->problems, s->at,
			"fault '%s' is of nothing: give it a link, as in link = NODE/INTERFACE, "
			"or a program, as in program = NAME",
			s->title);
}

/* ---- all faults ---- */

/* Whether `undo` ends what this one began. */
static bool is_undone_by(const struct fault *f, const struct fault *undo)
{
	if (undo->action == FAULT_UP)
		return (f->action == FAULT_DOWN || f->action == FAULT_BLACKHOLE) &&
		       f->node == undo->node && f->interface == undo->interface;
	return f->action == FAULT_PAUSE && f->node == undo->node && f->transfer == undo->transfer &&
	       f->command == undo->command;
}

static void check_undoes_something(struct builder *b, const struct fault *f)
{
	const struct topology *t = b->t;

	for (size_t i = 0; i < t->n_faults; i++)
		if (is_undone_by(&t->faults[i], f))
			return;
	problem_add(b->problems, problem_line_start(b->problems, f->line),
		    f->action == FAULT_UP ? "fault '%s': action 'up' without one that takes this "
					    "link down"
					  : "fault '%s': action 'continue' without one that pauses "
					    "this program",
		    f->name);
}

void build_check_faults(struct builder *b)
{
	for (size_t i = 0; i < b->t->n_faults; i++) {
		const struct fault *f = &b->t->faults[i];

		if ((f->action == FAULT_UP && f->interface != NOT_RESOLVED) ||
		    (f->action == FAULT_CONTINUE && f->node != NOT_RESOLVED &&
		     (f->transfer != NOT_RESOLVED || f->command != NO_COMMAND)))
			check_undoes_something(b, f);
	}
}

static void mark(const struct topology *t, size_t node, const struct interface *iface)
{
	if (iface != NULL)
		t->nodes[node].interfaces[iface - t->nodes[node].interfaces].engine = true;
}

void build_mark_engines(struct builder *b)
{
	const struct topology *t = b->t;

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
			struct interface *iface = &t->nodes[i].interfaces[k];

			iface->engine = !impairment_is_clean(&iface->impairments[LINK_OUT]) ||
					!impairment_is_clean(&iface->impairments[LINK_IN]);
		}
	for (size_t i = 0; i < t->n_faults; i++) {
		const struct fault *f = &t->faults[i];
		const struct flow_selector *flow = &f->flow;

		if (f->interface != NOT_RESOLVED)
			mark(t, f->node, &t->nodes[f->node].interfaces[f->interface]);
		if (f->after > 0 && flow->from != NOT_RESOLVED && flow->to != NOT_RESOLVED)
			mark(t, flow->from, topology_interface(t, flow->from, flow->to));
	}
}
