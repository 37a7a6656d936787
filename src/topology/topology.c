#include "topology/topology.h"

#include <stdlib.h>

#include "topology/address.h"

const char *const transfer_mode_names[N_MODES] = {
	[MODE_MULTI_PROCESS] = "multi-process",
	[MODE_MULTI_THREAD] = "multi-thread",
	[MODE_MULTI_PROCESS_ASYNC] = "multi-process-async",
	[MODE_MULTI_THREAD_ASYNC] = "multi-thread-async",
	[MODE_EVENT_LOOP] = "event-loop",
	[MODE_SEQUENTIAL] = "sequential",
};

static bool is_on(const struct node *n, size_t network)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		if (n->interfaces[i].network == network)
			return true;
	return false;
}

const struct interface *topology_interface(const struct topology *t, size_t node, size_t peer)
{
	const struct node *n = &t->nodes[node];

	for (size_t i = 0; i < n->n_interfaces; i++)
		if (is_on(&t->nodes[peer], n->interfaces[i].network))
			return &n->interfaces[i];
	return NULL;
}

/* Whether the node has an address in the subnet of this one, on this network. */
static bool is_neighbour(const struct node *n, const struct address *a, size_t network)
{
	for (size_t i = 0; i < n->n_interfaces; i++) {
		const struct interface *iface = &n->interfaces[i];

		for (size_t k = 0; iface->network == network && k < iface->n_addresses; k++)
			if (address_same_subnet(&iface->addresses[k], a))
				return true;
	}
	return false;
}

static const struct address *first_near(const struct interface *iface, const struct node *peer,
					int family)
{
	for (size_t i = 0; i < iface->n_addresses; i++)
		if (iface->addresses[i].family == family &&
		    is_neighbour(peer, &iface->addresses[i], iface->network))
			return &iface->addresses[i];
	return NULL;
}

const struct address *topology_address(const struct topology *t, size_t node, size_t peer,
				       int family)
{
	const struct interface *iface = topology_interface(t, node, peer);
	const struct node *p = &t->nodes[peer];
	const struct address *a = iface != NULL ? first_near(iface, p, family) : NULL;

	/* A node reaches itself by every address it has. */
	for (size_t i = 0; node == peer && a == NULL && i < p->n_interfaces; i++)
		a = first_near(&p->interfaces[i], p, family);
	return a;
}

bool command_is_server(const struct command *c)
{
	return c->n_listens != 0 || c->ready_output != NULL || c->background;
}

static void free_strings(char **strings)
{
	for (char **s = strings; s != NULL && *s != NULL; s++)
		free(*s);
	free(strings);
}

static void node_done(struct node *n)
{
	for (size_t i = 0; i < n->n_interfaces; i++) {
		free(n->interfaces[i].name);
		free(n->interfaces[i].addresses);
		for (int d = 0; d < N_DIRECTIONS; d++)
			impairment_done(&n->interfaces[i].impairments[d]);
	}
	free(n->interfaces);
	free(n->name);
}

static void transfer_done(struct transfer *tr)
{
	for (size_t i = 0; i < tr->n_files; i++) {
		free(tr->files[i].name);
		free(tr->files[i].path);
	}
	free(tr->files);
	free(tr->to);
	free_strings(tr->sender);
	free_strings(tr->receiver);
	free(tr->name);
}

static void command_done(struct command *c)
{
	free(c->name);
	free_strings(c->argv);
	free(c->listens);
	free(c->ready_output);
	free(c->after);
	free_strings(c->env);
	free(c->cwd);
	free(c->user);
	free(c->input);
}

static void fault_done(struct fault *f)
{
	for (int d = 0; d < N_DIRECTIONS; d++)
		impairment_done(&f->to[d]);
	free(f->name);
}

void topology_free(struct topology *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_networks; i++)
		free(t->networks[i].name);
	for (size_t i = 0; i < t->n_nodes; i++)
		node_done(&t->nodes[i]);
	for (size_t i = 0; i < t->n_transfers; i++)
		transfer_done(&t->transfers[i]);
	free(t->networks);
	free(t->nodes);
	for (size_t i = 0; i < t->n_commands; i++)
		command_done(&t->commands[i]);
	for (size_t i = 0; i < t->n_faults; i++)
		fault_done(&t->faults[i]);
	free(t->transfers);
	free(t->commands);
	free(t->faults);
	free(t->capture.filter);
	free(t->title);
	free(t->name);
	free(t->path);
	free(t);
}

size_t topology_count_interfaces(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_nodes; i++)
		n += t->nodes[i].n_interfaces;
	return n;
}

size_t topology_count_engines(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
			n += t->nodes[i].interfaces[k].engine;
	return n;
}
