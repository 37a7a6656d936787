#include "topology/path.h"

#include "topology/address.h"

static bool has_address(const struct node *n, const struct address *a)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t k = 0; k < n->interfaces[i].n_addresses; k++)
			if (address_equal(&n->interfaces[i].addresses[k], a))
				return true;
	return false;
}

size_t topology_owner(const struct topology *t, const struct address *a)
{
	for (size_t n = 0; n < t->n_nodes; n++)
		if (has_address(&t->nodes[n], a))
			return n;
	return SIZE_MAX;
}

/* ---- one hop ---- */

/* Who has this address on the network. */
static bool find_next(const struct topology *t, size_t network, const struct address *a,
		      struct hop *hop)
{
	for (hop->to = 0; hop->to < t->n_nodes; hop->to++)
		for (hop->in = 0; hop->in < t->nodes[hop->to].n_interfaces; hop->in++) {
			const struct interface *i = &t->nodes[hop->to].interfaces[hop->in];

			for (size_t k = 0; i->network == network && k < i->n_addresses; k++)
				if (address_equal(&i->addresses[k], a)) {
					hop->next = *a;
					return true;
				}
		}
	return false;
}

/* The interface in whose subnet this is, that of the longest prefix. */
static const struct address *find_subnet(const struct node *n, const struct address *to,
					 size_t *ret_interface)
{
	const struct address *best = NULL;

	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t k = 0; k < n->interfaces[i].n_addresses; k++) {
			const struct address *a = &n->interfaces[i].addresses[k];

			if (!address_in_subnet(to, a) ||
			    (best != NULL && best->prefix_len >= a->prefix_len))
				continue;
			best = a;
			*ret_interface = i;
		}
	return best;
}

static const struct route *find_route(const struct node *n, const struct address *to)
{
	const struct route *best = NULL;

	for (size_t i = 0; i < n->n_routes; i++)
		if (address_in_subnet(to, &n->routes[i].to) &&
		    (best == NULL || n->routes[i].to.prefix_len > best->to.prefix_len))
			best = &n->routes[i];
	return best;
}

bool path_step(const struct topology *t, size_t node, const struct address *to, struct hop *ret_hop)
{
	const struct node *n = &t->nodes[node];
	const struct route *r = find_route(n, to);
	struct hop hop = { .from = node };
	const struct address *subnet = find_subnet(n, to, &hop.out);

	if (has_address(n, to))
		return false;
	/* Of equal prefixes the kernel prefers its own. */
	if (r != NULL && subnet != NULL && subnet->prefix_len >= r->to.prefix_len)
		r = NULL;
	if (r != NULL && r->kind == ROUTE_BLACKHOLE)
		return false;
	if (r != NULL)
		hop.out = r->interface;
	else if (subnet == NULL)
		return false;
	if (!find_next(t, n->interfaces[hop.out].network,
		       r != NULL && r->kind == ROUTE_VIA ? &r->via : to, &hop))
		return false;
	*ret_hop = hop;
	return true;
}

/* ---- the whole way ---- */

static size_t follow(const struct topology *t, size_t from, const struct address *to,
		     struct hop hops[PATH_MAX_HOPS], size_t *ret_end)
{
	size_t n = 0, at = from;

	while (n < PATH_MAX_HOPS && (n == 0 || t->nodes[at].forward) &&
	       path_step(t, at, to, &hops[n]))
		at = hops[n++].to;
	*ret_end = at;
	return n;
}

size_t path_length(const struct topology *t, size_t from, const struct address *to)
{
	struct hop hops[PATH_MAX_HOPS];
	size_t end, n = follow(t, from, to, hops, &end);

	if (!has_address(&t->nodes[end], to))
		return PATH_NONE;
	return n > 0 ? n - 1 : 0;
}

size_t path_hops(const struct topology *t, size_t from, size_t to, struct hop hops[PATH_MAX_HOPS])
{
	const struct address *a = path_address(t, to, from);
	size_t end, n = a != NULL ? follow(t, from, a, hops, &end) : 0;

	return n > 0 && end == to ? n : 0;
}

static bool masquerades(const struct node *n, size_t interface)
{
	for (size_t i = 0; i < n->n_masquerade; i++)
		if (n->masquerade[i] == interface)
			return true;
	return false;
}

size_t path_translator(const struct topology *t, size_t from, size_t to)
{
	struct hop hops[PATH_MAX_HOPS];
	size_t n = path_hops(t, from, to, hops), last = SIZE_MAX;

	for (size_t i = 1; i < n; i++)
		if (hops[i].next.family == AF_INET &&
		    masquerades(&t->nodes[hops[i].from], hops[i].out))
			last = hops[i].from;
	return last;
}

/* ---- between two nodes ---- */

const struct address *topology_address(const struct topology *t, size_t node, size_t peer,
				       int family)
{
	const struct node *n = &t->nodes[node];
	const struct address *best = NULL;
	size_t shortest = PATH_NONE;

	for (size_t i = 0; i < n->n_interfaces && shortest != 0; i++)
		for (size_t k = 0; k < n->interfaces[i].n_addresses && shortest != 0; k++) {
			const struct address *a = &n->interfaces[i].addresses[k];
			size_t length = a->family == family ? path_length(t, peer, a) : PATH_NONE;

			if (length >= shortest)
				continue;
			shortest = length;
			best = a;
		}
	return best;
}

const struct address *path_address(const struct topology *t, size_t node, size_t peer)
{
	const struct address *a = topology_address(t, node, peer, AF_INET);

	return a != NULL ? a : topology_address(t, node, peer, AF_INET6);
}

static const struct interface *on_common_network(const struct node *n, const struct node *peer)
{
	for (size_t i = 0; i < n->n_interfaces; i++)
		for (size_t k = 0; k < peer->n_interfaces; k++)
			if (n->interfaces[i].network == peer->interfaces[k].network)
				return &n->interfaces[i];
	return NULL;
}

const struct interface *topology_interface(const struct topology *t, size_t node, size_t peer)
{
	struct hop hops[PATH_MAX_HOPS];
	size_t n = path_hops(t, node, peer, hops);

	if (n > 0)
		return &t->nodes[node].interfaces[hops[0].out];
	n = path_hops(t, peer, node, hops);
	if (n > 0)
		return &t->nodes[node].interfaces[hops[n - 1].in];
	return on_common_network(&t->nodes[node], &t->nodes[peer]);
}
