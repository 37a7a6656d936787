/* The faults of a topology file: what goes wrong in the middle of a run, and when. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/names.h"
#include "topology/units.h"

/* ---- on which link ---- */

static size_t find_interface(struct builder *b, const struct node *node, const char *name,
			     const struct value *v)
{
	struct nearest near = { .word = name };
	size_t found = nearest_find(&near, node->interfaces, node->n_interfaces);

	if (found == NOT_RESOLVED)
		build_refuse(b, v, "is no link: node '%s' has no interface '%s'%s", node->name,
			     name, nearest_hint(&near));
	return found;
}

/* A node with one interface is enough to say which. */
static size_t only_interface(struct builder *b, const struct node *node, const struct value *v)
{
	if (node->n_interfaces == 1)
		return 0;
	if (node->n_interfaces == 0)
		build_refuse(b, v, "has no interface, so it has no link");
	else
		build_refuse(b, v, "has %zu interfaces: say whose link, as in %s/%s",
			     node->n_interfaces, node->name, node->interfaces[0].name);
	return NOT_RESOLVED;
}

static bool is_network(const struct builder *b, const struct value *v)
{
	for (size_t i = 0; i < b->t->n_networks; i++)
		if (strcmp(b->t->networks[i].name, v->text) == 0)
			return true;
	return false;
}

void build_find_link(struct builder *b, const struct value *v, size_t *ret_node,
		     size_t *ret_interface)
{
	const char *slash = strchr(v->text, '/');
	size_t len = slash != NULL ? (size_t)(slash - v->text) : strlen(v->text);
	cleanup_free char *name = text_format("%.*s", (int)len, v->text);
	const struct value host = { name, v->at };

	*ret_node = *ret_interface = NOT_RESOLVED;
	if (is_network(b, &host))
		build_refuse(b, &host,
			     "is a network: a link is named by its node, as in alpine-2/eth0");
	else
		*ret_node = build_find_node(b, &host);
	if (*ret_node == NOT_RESOLVED)
		return;

	const struct node *node = &b->t->nodes[*ret_node];

	*ret_interface = slash != NULL ? find_interface(b, node, slash + 1, v)
				       : only_interface(b, node, v);
}

static void set_link(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;

	(void)n;
	build_find_link(b, &values[0], &f->node, &f->interface);
	if (f->node == NOT_RESOLVED)
		return;

	const struct node *node = &b->t->nodes[f->node];

	/* What the fault does not change stays as the interface has it. */
	for (int d = 0; f->interface != NOT_RESOLVED && d < N_DIRECTIONS; d++)
		impairment_copy(&f->to[d], &node->interfaces[f->interface].impairments[d]);
}

/* ---- on which program ---- */

static void set_program(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	struct nearest near = { .word = values[0].text };

	(void)n;
	f->command = nearest_find(&near, b->t->commands, b->t->n_commands);
	if (f->command != NOT_RESOLVED) {
		f->node = b->t->commands[f->command].node;
		return;
	}
	f->transfer = nearest_find(&near, b->t->transfers, b->t->n_transfers);
	if (f->transfer == NOT_RESOLVED)
		build_refuse(b, &values[0], "is no program or transfer of this file%s",
			     nearest_hint(&near));
}

static bool has_part(const struct transfer *tr, size_t node)
{
	for (size_t i = 0; i < tr->n_to; i++)
		if (tr->to[i] == node)
			return true;
	return tr->from == node;
}

static void refuse_outsider(struct builder *b, const struct transfer *tr, const struct value *v)
{
	const struct node *nodes = b->t->nodes;
	struct text receivers = { 0 };

	for (size_t i = 0; i < tr->n_to; i++)
		text_add(&receivers, "%s%s",
			 i == 0		    ? ""
			 : i + 1 < tr->n_to ? ", "
					    : " and ",
			 nodes[tr->to[i]].name);
	build_refuse(b, v, "has no part in transfer '%s', which goes from %s to %s", tr->name,
		     nodes[tr->from].name, text_str(&receivers));
	text_done(&receivers);
}

/* With `link` it says nothing, which is told when the block ends. */
static void set_node(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	const struct transfer *tr;
	size_t node;

	(void)n;
	if (section_entry(b->section, "link") != NULL)
		return;
	node = build_find_node(b, &values[0]);
	if (f->command != NO_COMMAND && node != NOT_RESOLVED && node != f->node)
		build_refuse(b, &values[0], "is not where program '%s' runs",
			     b->t->commands[f->command].name);
	if (f->command != NO_COMMAND)
		return;
	f->node = node;
	if (node == NOT_RESOLVED || f->transfer == NOT_RESOLVED)
		return;
	tr = &b->t->transfers[f->transfer];
	if (tr->from != NOT_RESOLVED && tr->n_to > 0 && !has_part(tr, node))
		refuse_outsider(b, tr, &values[0]);
}

/* ---- what ---- */

static void set_action(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	int action = build_choose(b, &values[0], fault_action_names, N_FAULT_ACTIONS);

	(void)n;
	if (action >= 0)
		f->action = (enum fault_action)action;
}

static void set_direction(struct builder *b, void *object, const struct value *values, size_t n)
{
	static const char *const words[N_DIRECTIONS] = { [LINK_OUT] = "out", [LINK_IN] = "in" };
	struct fault *f = object;
	int d = build_choose(b, &values[0], words, N_DIRECTIONS);

	(void)n;
	if (d >= 0)
		f->direction[d] = true;
}

static void refuse_mtu(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)object;
	(void)n;
	build_refuse(b, &values[0],
		     "would change the interface itself: what the link lets through stands in "
		     "out { } or in { }");
}

/* ---- when ---- */

static void set_at(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	char deadline[UNIT_TEXT_LEN];
	struct err why;

	(void)n;
	if (unit_duration(values[0].text, &f->at_ns, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (f->at_ns >= b->t->deadline_ns)
		build_refuse(b, &values[0], "never comes: the deadline of a run is %s",
			     unit_format_duration(deadline, b->t->deadline_ns));
}

static void set_after(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	struct err why;

	(void)n;
	f->after_line = build_line(b, values[0].at);
	if (unit_count(values[0].text, 0, UINT64_MAX, &f->after, &why) != 0)
		build_refuse(b, &values[0],
			     "is not a number of datagrams; for a time write at = 2s");
	else if (f->after == 0)
		build_refuse(b, &values[0], "counts from 1: for the very beginning write at = 0s");
}

static void set_from(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	((struct fault *)object)->flow.from = build_find_node(b, &values[0]);
}

static void set_to(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct flow_selector *flow = &((struct fault *)object)->flow;

	(void)n;
	flow->to = build_find_node(b, &values[0]);
	if (flow->from == NOT_RESOLVED || flow->to == NOT_RESOLVED)
		return;
	if (flow->from == flow->to)
		build_refuse(b, &values[0], "is where they come from");
	else
		build_check_path(b, flow->from, flow->to, &values[0]);
}

static void set_port(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	uint64_t port;
	struct err why;

	(void)n;
	if (unit_count(values[0].text, 1, UINT16_MAX, &port, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else
		f->flow.port = (uint16_t)port;
}

static void set_for(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct fault *f = object;
	struct err why;

	(void)n;
	if (unit_duration(values[0].text, &f->for_ns, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (f->for_ns == 0)
		build_refuse(b, &values[0], "is no time: leave it out when the fault is to stay");
}

/* ---- the whole block ---- */

static void *begin_fault(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct fault *f = &t->faults[t->n_faults];
	struct err why;

	*f = (struct fault){ .name = text_dup(s->title),
			     .action = N_FAULT_ACTIONS,
			     .flow = { NOT_RESOLVED, NOT_RESOLVED, 0 },
			     .node = NOT_RESOLVED,
			     .interface = NOT_RESOLVED,
			     .command = NO_COMMAND,
			     .transfer = NOT_RESOLVED,
			     .line = build_line(b, s->at) };
	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "fault '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < t->n_faults; i++)
		if (strcmp(t->faults[i].name, f->name) == 0) {
			problem_add(b->problems, s->at,
				    "fault '%s' is there twice (first in line %d)", f->name,
				    t->faults[i].line);
			break;
		}
	t->n_faults++;
	impaired_begin(b, &f->to[LINK_OUT], &f->to[LINK_IN]);
	return f;
}

/* link and program before what is judged by them, from before to; link before shared keys. */
static const struct key fault_keys[] = {
	{ "link", false, false, set_link },
	{ "program", false, false, set_program },
	{ "node", false, false, set_node },
	{ "action", false, false, set_action },
	{ "direction", false, false, set_direction },
	{ "at", false, false, set_at },
	{ "after", false, false, set_after },
	{ "from", false, false, set_from },
	{ "to", false, false, set_to },
	{ "port", false, false, set_port },
	{ "for", false, false, set_for },
	{ "mtu", false, false, refuse_mtu },
};

const struct section_kind grammar_fault = {
	.name = "fault",
	.named = true,
	.phase = PHASE_FAULTS,
	.keys = fault_keys,
	.n_keys = N_ELEMENTS(fault_keys),
	.shared_keys = impaired_keys,
	.n_shared_keys = N_IMPAIRED_KEYS,
	.children = impaired_children,
	.n_children = N_IMPAIRED_CHILDREN,
	.begin = begin_fault,
	.end = fault_end,
};
