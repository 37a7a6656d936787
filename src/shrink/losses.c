#include "shrink/losses.h"

#include <net/ethernet.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "link/log.h"

/* ---- reading ---- */

struct place {
	size_t node, interface;
};

/* Links have engines in topology order (evidence.h), and the log counts them so. */
static int find_link(const struct topology *t, size_t link, struct place *ret, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
			if (t->nodes[i].interfaces[k].engine && n++ == link) {
				*ret = (struct place){ i, k };
				return 0;
			}
	return err_set(e, 0,
		       "link %zu of the log is not in the topology: they do not belong together",
		       link);
}

static bool is_by_chance(const struct link_frame *f)
{
	return f->cause >= CAUSE_LISTED && f->cause <= CAUSE_BURST;
}

static bool is_ip(const struct link_flow *flow)
{
	return flow->ethertype == ETHERTYPE_IP || flow->ethertype == ETHERTYPE_IPV6;
}

/* Flows are few, and one loss is mostly of the flow of the loss before. */
static size_t intern(struct losses *losses, char *flow)
{
	for (size_t i = losses->n_flows; i-- > 0;)
		if (strcmp(losses->flows[i], flow) == 0) {
			free(flow);
			return i;
		}
	*(char **)array_add(&losses->flows, &losses->n_flows, &losses->flows_room,
			    sizeof(char *)) = flow;
	return losses->n_flows - 1;
}

static int add_loss(struct losses *losses, const struct link_frame *f, const struct link_flow *flow,
		    const struct topology *t, struct err *e)
{
	struct place at = { 0 };
	struct loss *l;

	if (find_link(t, flow->link, &at, e) != 0)
		return -1;
	l = array_add(&losses->l, &losses->n, &losses->room, sizeof(*l));
	*l = (struct loss){ .node = at.node,
			    .interface = at.interface,
			    .direction = (enum direction)flow->direction,
			    .flow = intern(losses, link_flow_format(flow)),
			    .number = f->number };
	return 0;
}

int losses_read(struct losses *losses, const char *log, const struct topology *t, struct err *e)
{
	cleanup_by(log_reader_freep) struct log_reader *r = NULL;
	struct link_frame f;
	int more;

	*losses = (struct losses){ 0 };
	if (log_reader_open(log, &r, e) != 0)
		return -1;
	while ((more = log_read(r, &f, e)) > 0) {
		const struct link_flow *flow = log_flow(r, f.flow);

		if (!is_by_chance(&f))
			continue;
		if (!is_ip(flow))
			losses->n_other++;
		else if (add_loss(losses, &f, flow, t, e) != 0)
			return -1;
	}
	return more;
}

void losses_done(struct losses *losses)
{
	for (size_t i = 0; i < losses->n_flows; i++)
		free(losses->flows[i]);
	free(losses->flows);
	free(losses->l);
	*losses = (struct losses){ 0 };
}

/* ---- applying ---- */

static int compare(const void *x, const void *y)
{
	const struct loss *a = *(const struct loss *const *)x, *b = *(const struct loss *const *)y;

	if (a->flow != b->flow)
		return a->flow < b->flow ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Those of one direction of one link, by flow and number. */
static size_t gather(const struct losses *losses, const size_t *chosen, size_t n,
		     const struct loss *at, const struct loss **ret)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		const struct loss *l = &losses->l[chosen[i]];

		if (l->node == at->node && l->interface == at->interface &&
		    l->direction == at->direction)
			ret[found++] = l;
	}
	qsort(ret, found, sizeof(*ret), compare);
	return found;
}

/* As few ranges as do. */
static void list(struct impairment *i, const struct losses *losses, const struct loss **l, size_t n)
{
	i->drops = array_new(n, sizeof(*i->drops));
	for (size_t k = 0; k < n; k++) {
		struct drop_range *last = &i->drops[i->n_drops] - 1;

		if (k > 0 && l[k]->flow == l[k - 1]->flow && l[k]->number == last->last + 1) {
			last->last++;
			continue;
		}
		i->drops[i->n_drops++] = (struct drop_range){ l[k]->number, l[k]->number,
							      text_dup(losses->flows[l[k]->flow]) };
	}
}

static void forget_chance(struct impairment *i)
{
	for (size_t k = 0; k < i->n_drops; k++)
		free(i->drops[k].flow);
	free(i->drops);
	i->drops = NULL;
	i->n_drops = 0;
	i->drop_every = 0;
	i->loss = i->loss_enter = i->loss_leave = i->loss_bad = i->loss_good = 0;
	i->lines[IMPAIRMENT_LOSS] = i->lines[IMPAIRMENT_DROP] = 0;
	i->lines[IMPAIRMENT_DROP_EVERY] = 0;
}

static void replace(const struct losses *losses, const size_t *chosen, size_t n,
		    const struct loss *at, struct impairment *i)
{
	cleanup_free const struct loss **l = array_new(n, sizeof(*l));

	forget_chance(i);
	list(i, losses, l, gather(losses, chosen, n, at, l));
}

void losses_apply(const struct losses *losses, const size_t *chosen, size_t n, struct topology *t)
{
	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
			for (int d = 0; d < N_DIRECTIONS; d++)
				replace(losses, chosen, n,
					&(struct loss){ i, k, (enum direction)d, 0, 0 },
					&t->nodes[i].interfaces[k].impairments[d]);
	/* Numbers go on counting when a fault changes the link. */
	for (size_t i = 0; i < t->n_faults; i++)
		for (int d = 0; t->faults[i].action == FAULT_CHANGE && d < N_DIRECTIONS; d++)
			replace(losses, chosen, n,
				&(struct loss){ t->faults[i].node, t->faults[i].interface,
						(enum direction)d, 0, 0 },
				&t->faults[i].to[d]);
}
