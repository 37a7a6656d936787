/* Networks, nodes and interfaces of a topology file, and their addresses. */
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/names.h"
#include "topology/units.h"

#define DEFAULT_MTU 1500
#define NO_MTU	    0	 /* one that was refused */
#define MIN_MTU	    68	 /* RFC 791 */
#define MIN_MTU_V6  1280 /* RFC 8200, section 5 */
#define MAX_MTU	    65535

/* ---- hub and switch ---- */

static void *begin_network(struct builder *b, const struct section *s, enum network_kind kind)
{
	struct topology *t = b->t;
	struct network *n = &t->networks[t->n_networks];
	struct err why;

	*n = (struct network){ text_dup(s->title), kind, build_line(b, s->at) };
	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "%s '%s' %s", s->kind->name, s->title, why.msg);
	for (size_t i = 0; i < t->n_networks; i++)
		if (strcmp(t->networks[i].name, n->name) == 0) {
			problem_add(b->problems, s->at,
				    "network '%s' is there twice (first in line %d)", n->name,
				    t->networks[i].line);
			break;
		}
	t->n_networks++;
	return n;
}

static void *begin_hub(struct builder *b, void *parent, const struct section *s)
{
	(void)parent;
	return begin_network(b, s, NETWORK_HUB);
}

static void *begin_switch(struct builder *b, void *parent, const struct section *s)
{
	(void)parent;
	return begin_network(b, s, NETWORK_SWITCH);
}

const struct section_kind grammar_hub = {
	.name = "hub",
	.named = true,
	.phase = PHASE_NETWORKS,
	.begin = begin_hub,
};

const struct section_kind grammar_switch = {
	.name = "switch",
	.named = true,
	.phase = PHASE_NETWORKS,
	.begin = begin_switch,
};

/* ---- node ---- */

/* Host names are the same in either case (RFC 4343), and /etc/hosts has one line for each. */
static void check_node_is_new(struct builder *b, const struct section *s)
{
	for (size_t i = 0; i < b->t->n_nodes; i++) {
		const struct node *other = &b->t->nodes[i];

		if (strcasecmp(other->name, s->title) != 0)
			continue;
		if (strcmp(other->name, s->title) == 0)
			problem_add(b->problems, s->at,
				    "node '%s' is there twice (first in line %d)", s->title,
				    other->line);
		else
			problem_add(b->problems, s->at,
				    "node '%s' is '%s' of line %d: case makes no difference",
				    s->title, other->name, other->line);
		return;
	}
}

static void *begin_node(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct node *n = &t->nodes[t->n_nodes];
	struct err why;

	if (name_check_host(s->title, &why) != 0)
		problem_add(b->problems, s->at, "node '%s' %s", s->title, why.msg);
	check_node_is_new(b, s);
	*n = (struct node){ .name = text_dup(s->title), .line = build_line(b, s->at) };
	n->interfaces = array_new(build_count(b, s, &grammar_interface), sizeof(*n->interfaces));
	t->n_nodes++;
	return n;
}

static const struct section_kind *const node_children[] = { &grammar_interface };

const struct section_kind grammar_node = {
	.name = "node",
	.named = true,
	.keys_last = true,
	.phase = PHASE_NODES,
	.shared_keys = routing_keys,
	.n_shared_keys = N_ROUTING_KEYS,
	.children = node_children,
	.n_children = N_ELEMENTS(node_children),
	.begin = begin_node,
};

/* ---- interface ---- */

/* The node that is being built lost an address or a network: who can reach it is not known. */
static void doubt_node(struct builder *b)
{
	b->doubtful[b->t->n_nodes - 1] = true;
}

static void set_network(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct interface *iface = object;
	struct nearest near = { .word = values[0].text };

	(void)n;
	size_t found = nearest_find(&near, b->t->networks, b->t->n_networks);

	if (found == NOT_RESOLVED)
		build_refuse(b, &values[0], "is no hub or switch of this file%s",
			     nearest_hint(&near));
	else
		iface->network = found;
}

static const struct seen_mac *find_mac(const struct builder *b, const uint8_t mac[6])
{
	for (size_t i = 0; i < b->n_macs; i++)
		if (memcmp(b->macs[i].mac, mac, 6) == 0)
			return &b->macs[i];
	return NULL;
}

static void add_mac(struct builder *b, const uint8_t mac[6], size_t at)
{
	struct seen_mac *seen = array_add(&b->macs, &b->n_macs, &b->macs_room, sizeof(*seen));

	memcpy(seen->mac, mac, 6);
	seen->at = at;
}

static void set_mac(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct interface *iface = object;
	const struct seen_mac *other;
	struct err why;

	(void)n;
	if (mac_parse(values[0].text, iface->mac, &why) != 0) {
		build_refuse(b, &values[0], "%s", why.msg);
		return;
	}
	other = find_mac(b, iface->mac);
	if (other != NULL)
		build_refuse(b, &values[0], "is there twice (first in line %d)",
			     build_line(b, other->at));
	else
		add_mac(b, iface->mac, values[0].at);
}

static bool is_new_address(struct builder *b, const struct address *a, const struct value *v)
{
	for (size_t i = 0; i < b->n_addresses; i++) {
		if (!address_equal(&b->addresses[i].address, a))
			continue;
		build_refuse(b, v, "is there twice (first in line %d)",
			     build_line(b, b->addresses[i].at));
		return false;
	}
	return true;
}

/* Whether two subnets cannot both be: they overlap, and are not one subnet of one network. */
static bool subnets_clash(const struct seen_address *x, const struct seen_address *y)
{
	if (!address_subnets_overlap(&x->address, &y->address))
		return false;
	if (x->network != y->network)
		return !address_is_link_local(&x->address);
	return !address_same_subnet(&x->address, &y->address);
}

/* Of each subnet of a network only the first address is judged: one mistake, one message. */
static bool is_judged(const struct builder *b, const struct seen_address *new)
{
	for (size_t i = 0; i < b->n_addresses; i++)
		if (b->addresses[i].network == new->network &&
		    address_same_subnet(&b->addresses[i].address, &new->address))
			return true;
	return false;
}

static void check_subnet(struct builder *b, const struct seen_address *new, const struct value *v)
{
	char mine[ADDRESS_TEXT_LEN], theirs[ADDRESS_TEXT_LEN];

	if (new->network == NOT_RESOLVED || is_judged(b, new))
		return;
	for (size_t i = 0; i < b->n_addresses; i++) {
		const struct seen_address *old = &b->addresses[i];

		if (old->network == NOT_RESOLVED || !subnets_clash(old, new))
			continue;
		build_refuse(b, v, "makes subnet %s of network '%s' overlap %s of '%s' (line %d)",
			     address_format_subnet(mine, &new->address),
			     b->t->networks[new->network].name,
			     address_format_subnet(theirs, &old->address),
			     b->t->networks[old->network].name, build_line(b, old->at));
		return;
	}
}

static void set_address(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct interface *iface = object;

	iface->addresses = array_new(n, sizeof(*iface->addresses));
	for (size_t i = 0; i < n; i++) {
		struct seen_address new = { .network = iface->network, .at = values[i].at };
		struct err why;

		if (address_parse(values[i].text, &new.address, &why) != 0) {
			build_refuse(b, &values[i], "%s", why.msg);
			doubt_node(b);
			continue;
		}
		iface->addresses[iface->n_addresses++] = new.address;
		if (!is_new_address(b, &new.address, &values[i]))
			continue;
		check_subnet(b, &new, &values[i]);
		*(struct seen_address *)array_add(&b->addresses, &b->n_addresses,
						  &b->addresses_room, sizeof(new)) = new;
	}
}

static void set_mtu(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct interface *iface = object;
	uint64_t mtu;
	struct err why;

	(void)n;
	iface->mtu = NO_MTU;
	if (unit_count(values[0].text, MIN_MTU, MAX_MTU, &mtu, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else
		iface->mtu = (unsigned)mtu;
}

static void *begin_interface(struct builder *b, void *parent, const struct section *s)
{
	struct node *n = parent;
	struct interface *iface = &n->interfaces[n->n_interfaces];
	struct err why;

	*iface = (struct interface){ .name = text_dup(s->title),
				     .network = NOT_RESOLVED,
				     .mtu = DEFAULT_MTU,
				     .line = build_line(b, s->at) };
	if (name_check_interface(s->title, &why) != 0)
		problem_add(b->problems, s->at, "interface '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < n->n_interfaces; i++)
		if (strcmp(n->interfaces[i].name, iface->name) == 0)
			problem_add(b->problems, s->at,
				    "interface '%s' is there twice (first in line %d)", iface->name,
				    n->interfaces[i].line);
	n->n_interfaces++;
	impaired_begin(b, &iface->impairments[LINK_OUT], &iface->impairments[LINK_IN]);
	return iface;
}

static void end_interface(struct builder *b, void *object, const struct section *s)
{
	struct interface *iface = object;

	impaired_end(b);
	if (iface->network == NOT_RESOLVED)
		doubt_node(b);
	for (size_t i = 0; i < iface->n_addresses; i++) {
		if (iface->addresses[i].family != AF_INET6 || iface->mtu >= MIN_MTU_V6 ||
		    iface->mtu == NO_MTU)
			continue;
		build_complain(b, s, "mtu", "mtu '%u' is too small for IPv6, which needs %d",
			       iface->mtu, MIN_MTU_V6);
		iface->mtu = NO_MTU;
		return;
	}
}

/* network first: addresses are judged by it. */
static const struct key interface_keys[] = {
	{ "network", false, true, set_network },
	{ "mac", false, false, set_mac },
	{ "address", true, false, set_address },
	{ "mtu", false, false, set_mtu },
};

const struct section_kind grammar_interface = {
	.name = "interface",
	.named = true,
	.phase = PHASE_NODES,
	.keys = interface_keys,
	.n_keys = N_ELEMENTS(interface_keys),
	.shared_keys = impaired_keys,
	.n_shared_keys = N_IMPAIRED_KEYS,
	.children = impaired_children,
	.n_children = N_IMPAIRED_CHILDREN,
	.begin = begin_interface,
	.end = end_interface,
};

/* ---- MTUs ---- */

/* The first interface of the network, in the order of the file. */
static const struct interface *first_on(const struct topology *t, size_t network,
					const char **ret_node)
{
	for (size_t n = 0; n < t->n_nodes; n++)
		for (size_t i = 0; i < t->nodes[n].n_interfaces; i++)
			if (t->nodes[n].interfaces[i].network == network &&
			    t->nodes[n].interfaces[i].mtu != NO_MTU) {
				*ret_node = t->nodes[n].name;
				return &t->nodes[n].interfaces[i];
			}
	return NULL;
}

static void check_mtu(struct builder *b, const struct interface *i)
{
	const char *node = "";
	const struct interface *first = i->network != NOT_RESOLVED
						? first_on(b->t, i->network, &node)
						: NULL;

	if (first == NULL || first->mtu == i->mtu || i->mtu == NO_MTU)
		return;
	problem_add(b->problems, problem_line_start(b->problems, i->line),
		    "mtu '%u' is not that of %s/%s on the same network, %u (line %d): what is "
		    "larger would be lost without a word, which in { mtu = %u } does on purpose",
		    i->mtu, node, first->name, first->mtu, first->line,
		    i->mtu < first->mtu ? i->mtu : first->mtu);
}

/* Of each network the first interface says what is right. */
void build_check_mtus(struct builder *b)
{
	for (size_t n = 0; n < b->t->n_nodes; n++)
		for (size_t i = 0; i < b->t->nodes[n].n_interfaces; i++)
			check_mtu(b, &b->t->nodes[n].interfaces[i]);
}

/* ---- derived MAC addresses ---- */

static void derive_mac(struct builder *b, const char *node, struct interface *iface)
{
	unsigned attempt = 0;

	do {
		mac_derive(node, iface->name, attempt++, iface->mac);
	} while (find_mac(b, iface->mac) != NULL);
	add_mac(b, iface->mac, 0);
}

void build_derive_macs(struct builder *b)
{
	static const uint8_t none[6];

	for (size_t i = 0; i < b->t->n_nodes; i++)
		for (size_t k = 0; k < b->t->nodes[i].n_interfaces; k++) {
			struct interface *iface = &b->t->nodes[i].interfaces[k];

			if (memcmp(iface->mac, none, sizeof(none)) == 0)
				derive_mac(b, b->t->nodes[i].name, iface);
		}
}
