#include "link/faults.h"

#include <net/ethernet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "link/frame.h"

/* ---- what links do ---- */

static bool is_on(const struct fault *f, const struct link_evidence *link)
{
	return f->node == link->node && f->interface == link->interface;
}

static void apply(const struct fault *f, enum direction d, struct impairment *now)
{
	switch (f->action) {
	case FAULT_CHANGE:
		if (f->direction[d])
			*now = f->to[d];
		break;
	case FAULT_BLACKHOLE:
		now->down = now->down || f->direction[d];
		break;
	case FAULT_DOWN:
		now->down = true;
		break;
	case FAULT_UP:
		now->down = false;
		break;
	default:
		break;
	}
}

static void update(const struct faults *f, size_t number, enum direction d)
{
	const struct link_evidence *link = &f->evidence->links[number];
	const struct node *node = &f->topology->nodes[link->node];
	struct impairment now = node->interfaces[link->interface].impairments[d];

	for (size_t i = 0; i < f->n_in_force; i++) {
		const struct fault *fault = &f->topology->faults[f->in_force[i]];

		if (is_on(fault, link))
			apply(fault, d, &now);
	}
	f->set(f->arg, number, d, &now);
}

static void update_all(const struct faults *f)
{
	for (size_t i = 0; i < f->evidence->n_links; i++)
		for (int d = 0; d < N_DIRECTIONS; d++)
			update(f, i, (enum direction)d);
}

/* ---- when ---- */

static void find_next(struct faults *f)
{
	f->next_ns = UINT64_MAX;
	for (size_t i = 0; i < f->topology->n_faults; i++)
		if (f->states[i].next_ns < f->next_ns)
			f->next_ns = f->states[i].next_ns;
}

static void fire(struct faults *f, size_t i, uint64_t now_ns)
{
	const struct fault *fault = &f->topology->faults[i];

	f->states[i].next_ns = UINT64_MAX;
	if (!fault_is_of_link(fault)) {
		f->due(f->arg, i);
		return;
	}
	f->in_force[f->n_in_force++] = i;
	f->evidence->faults[i].fired_ns = now_ns;
	if (fault->for_ns != 0)
		f->states[i].next_ns = now_ns + fault->for_ns;
	update_all(f);
	find_next(f);
}

static void undo(struct faults *f, size_t i, uint64_t now_ns)
{
	size_t n = 0;

	for (size_t k = 0; k < f->n_in_force; k++)
		if (f->in_force[k] != i)
			f->in_force[n++] = f->in_force[k];
	f->n_in_force = n;
	f->states[i].next_ns = UINT64_MAX;
	f->evidence->faults[i].undone_ns = now_ns;
	update_all(f);
	find_next(f);
}

void faults_init(struct faults *f)
{
	size_t n = f->topology->n_faults;

	f->states = array_new(n, sizeof(*f->states));
	f->in_force = array_new(n, sizeof(*f->in_force));
	f->n_in_force = 0;
	for (size_t i = 0; i < n; i++)
		f->states[i].next_ns = UINT64_MAX;
	find_next(f);
	update_all(f);
}

void faults_begin(struct faults *f, uint64_t ready_ns)
{
	for (size_t i = 0; i < f->topology->n_faults; i++) {
		const struct fault *fault = &f->topology->faults[i];

		if (fault->after == 0 && fault_is_of_link(fault))
			f->states[i].next_ns = ready_ns + fault->at_ns;
	}
	find_next(f);
}

/* Of two that are due, the one that was due first. */
void faults_run(struct faults *f, uint64_t now_ns)
{
	while (f->next_ns <= now_ns) {
		size_t i = 0;

		while (f->states[i].next_ns != f->next_ns)
			i++;
		if (f->evidence->faults[i].fired_ns == 0)
			fire(f, i, now_ns);
		else
			undo(f, i, now_ns);
	}
}

/* ---- counting ---- */

static bool is_of(const struct topology *t, size_t node, const struct link_flow *flow,
		  const uint8_t address[16])
{
	bool v4 = flow->ethertype == ETHERTYPE_IP;
	const struct node *n = &t->nodes[node];

	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t k = 0; k < n->interfaces[i].n_addresses; k++) {
			const struct address *a = &n->interfaces[i].addresses[k];

			if (v4 && a->family == AF_INET && memcmp(&a->v4, address + 12, 4) == 0)
				return true;
			if (!v4 && a->family == AF_INET6 && memcmp(&a->v6, address, 16) == 0)
				return true;
		}
	return false;
}

/* A datagram counts once: by its first fragment, on its way out of the node that sent it. */
static bool counts(const struct faults *f, const struct fault *fault, const struct link_flow *flow)
{
	const struct flow_selector *wanted = &fault->flow;

	return fault->after != 0 && flow->protocol == IPPROTO_UDP && flow->to_port != 0 &&
	       (wanted->port == 0 || wanted->port == flow->to_port) &&
	       flow->direction == LINK_OUT && f->evidence->links[flow->link].node == wanted->from &&
	       is_of(f->topology, wanted->from, flow, flow->from) &&
	       is_of(f->topology, wanted->to, flow, flow->to);
}

void faults_watch(const struct faults *f, struct flow *flow)
{
	if (!flow_is_ip(&flow->seen))
		return;
	for (size_t i = 0; i < f->topology->n_faults; i++) {
		if (!counts(f, &f->topology->faults[i], &flow->seen))
			continue;
		flow->counts = reallocarray(flow->counts, flow->n_counts + 1,
					    sizeof(*flow->counts));
		if (flow->counts == NULL)
			abort();
		flow->counts[flow->n_counts++] = i;
	}
}

void faults_count(struct faults *f, const struct flow *flow, uint64_t now_ns)
{
	for (uint32_t k = 0; k < flow->n_counts; k++) {
		size_t i = flow->counts[k];

		if (++f->states[i].counted == f->topology->faults[i].after)
			fire(f, i, now_ns);
	}
}
