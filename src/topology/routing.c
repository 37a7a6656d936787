/* What a node does beside having interfaces: forwarding, its routes, its sysctls. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/build.h"

#define MIN_WORDS 2 /* blackhole SUBNET */
#define MAX_WORDS 5 /* SUBNET via ADDRESS dev INTERFACE */

static void set_forward(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &((struct node *)object)->forward, &values[0]);
}

size_t build_find_interface(struct builder *b, const struct node *node, const char *name,
			    const struct value *v)
{
	struct nearest near = { .word = name };
	size_t found = nearest_find(&near, node->interfaces, node->n_interfaces);

	if (found == NOT_RESOLVED)
		build_refuse(b, v, "names no interface of '%s'%s", node->name, nearest_hint(&near));
	return found;
}

/* ---- gateways ---- */

static size_t node_index(const struct builder *b, const struct node *node)
{
	return (size_t)(node - b->t->nodes);
}

static bool is_own(const struct node *node, const struct address *a)
{
	for (size_t i = 0; i < node->n_interfaces; i++)
		for (size_t k = 0; k < node->interfaces[i].n_addresses; k++)
			if (address_equal(&node->interfaces[i].addresses[k], a))
				return true;
	return false;
}

static bool reaches(const struct interface *i, const struct address *gateway)
{
	for (size_t k = 0; k < i->n_addresses; k++)
		if (address_in_subnet(gateway, &i->addresses[k]))
			return true;
	return false;
}

/* The interface behind which the gateway is; `given` is the one that the route names, if any. */
static bool find_gateway(struct builder *b, const struct node *node, const struct address *gateway,
			 size_t given, const struct value *v, size_t *ret_interface)
{
	char text[ADDRESS_TEXT_LEN];
	size_t first = given != NOT_RESOLVED ? given : 0, n = 0;
	size_t end = given != NOT_RESOLVED ? given + 1 : node->n_interfaces;

	address_format_host(text, gateway);
	for (size_t i = first; i < end; i++)
		if (reaches(&node->interfaces[i], gateway) && n++ == 0)
			*ret_interface = i;
	if (is_own(node, gateway))
		build_refuse(b, v, "leads to '%s' itself: %s is its own address", node->name, text);
	else if (n == 0 && !b->doubtful[node_index(b, node)])
		build_refuse(b, v, "cannot work: %s is in no subnet of %s%s%s", text,
			     given != NOT_RESOLVED ? node->interfaces[given].name : "'",
			     given != NOT_RESOLVED ? "" : node->name,
			     given != NOT_RESOLVED ? "" : "'");
	else if (n > 1 && address_is_link_local(gateway))
		build_refuse(b, v, "needs an interface, as in 'via %s dev %s'", text,
			     node->interfaces[*ret_interface].name);
	else
		return n > 0;
	return false;
}

void build_expect_owner(struct builder *b, size_t network, const struct address *a,
			const struct value *v)
{
	struct seen_gateway *g = array_add(&b->gateways, &b->n_gateways, &b->gateways_room,
					   sizeof(*g));

	*g = (struct seen_gateway){ b->t->n_nodes - 1, network, *a, b->key->name, v->at };
}

/* Whether the node has an interface there that may get an address while the lab runs. */
static bool may_get_address(const struct builder *b, const struct seen_gateway *g)
{
	for (size_t n = 0; n < b->t->n_nodes; n++)
		for (size_t i = 0; i < b->t->nodes[n].n_interfaces; i++) {
			const struct interface *iface = &b->t->nodes[n].interfaces[i];

			if (n != g->node && iface->n_addresses == 0 &&
			    (g->network == NOT_RESOLVED || iface->network == g->network))
				return true;
		}
	return false;
}

void build_check_gateways(struct builder *b)
{
	char text[ADDRESS_TEXT_LEN];
	bool doubtful = false;

	for (size_t i = 0; i < b->t->n_nodes; i++)
		doubtful = doubtful || b->doubtful[i];
	for (size_t i = 0; i < b->n_gateways && !doubtful; i++) {
		const struct seen_gateway *g = &b->gateways[i];

		if (topology_owner(b->t, &g->address) != SIZE_MAX || may_get_address(b, g))
			continue;
		problem_add(b->problems, g->at, "%s: no node has the address %s", g->key,
			    address_format_host(text, &g->address));
	}
}

/* ---- routes ---- */

static void add_route(struct builder *b, struct node *node, const struct route *r,
		      const struct value *v)
{
	char text[ADDRESS_TEXT_LEN];

	for (size_t i = 0; i < node->n_routes; i++)
		if (address_same_subnet(&node->routes[i].to, &r->to)) {
			build_refuse(b, v, "is a second route to %s",
				     address_format_subnet(text, &r->to));
			return;
		}
	for (size_t i = 0; i < node->n_interfaces; i++)
		for (size_t k = 0; k < node->interfaces[i].n_addresses; k++)
			if (address_same_subnet(&node->interfaces[i].addresses[k], &r->to)) {
				build_refuse(b, v, "is for the subnet that %s is in anyway",
					     node->interfaces[i].name);
				return;
			}
	if (r->kind == ROUTE_VIA)
		build_expect_owner(b, node->interfaces[r->interface].network, &r->via, v);
	node->routes[node->n_routes++] = *r;
}

/* "default", or a subnet; the default is of the gateway's family. */
static bool parse_destination(struct builder *b, const char *word, const char *via,
			      struct address *ret_to, const struct value *v)
{
	struct err why;

	if (strcmp(word, "default") == 0) {
		bool v6 = via != NULL && strchr(via, ':') != NULL;

		*ret_to = (struct address){ .family = v6 ? AF_INET6 : AF_INET };
		return true;
	}
	if (address_parse_subnet(word, ret_to, &why) == 0)
		return true;
	build_refuse(b, v, "begins with '%.60s', which %s", word, why.msg);
	return false;
}

static bool parse_via(struct builder *b, const struct node *node, const char *via, size_t given,
		      struct route *r, const struct value *v)
{
	struct err why;

	r->kind = ROUTE_VIA;
	if (address_parse_host(via, &r->via, &why) != 0)
		build_refuse(b, v, "goes via '%.60s', which %s", via, why.msg);
	else if (r->via.family != r->to.family)
		build_refuse(b, v, "mixes IPv4 and IPv6");
	else
		return find_gateway(b, node, &r->via, given, v, &r->interface);
	return false;
}

struct route_words {
	const char *to, *via, *dev;
	bool blackhole;
};

static bool sort_words(char *const *words, size_t n, struct route_words *w)
{
	w->blackhole = n > 0 && strcmp(words[0], "blackhole") == 0;
	if (w->blackhole) {
		w->to = words[n - 1];
		return n == 2;
	}
	w->to = words[0];
	for (size_t i = 1; i + 1 < n; i += 2) {
		const char **place = strcmp(words[i], "via") == 0   ? &w->via
				     : strcmp(words[i], "dev") == 0 ? &w->dev
								    : NULL;

		if (place == NULL || *place != NULL)
			return false;
		*place = words[i + 1];
	}
	return n == 3 || n == 5;
}

static void parse_route(struct builder *b, struct node *node, char *const *words, size_t n,
			const struct value *v)
{
	struct route_words w = { 0 };
	struct route r = { .kind = ROUTE_BLACKHOLE };
	size_t given = NOT_RESOLVED;

	if (!sort_words(words, n, &w)) {
		build_refuse(b, v,
			     "is no route: write 'SUBNET via ADDRESS', 'SUBNET dev INTERFACE' or "
			     "'blackhole SUBNET'");
		return;
	}
	if (!parse_destination(b, w.to, w.via, &r.to, v))
		return;
	if (w.dev != NULL && (given = build_find_interface(b, node, w.dev, v)) == NOT_RESOLVED)
		return;
	if (w.via != NULL && !parse_via(b, node, w.via, given, &r, v))
		return;
	if (w.via == NULL && w.dev != NULL) {
		r.kind = ROUTE_ON_LINK;
		r.interface = given;
	}
	add_route(b, node, &r, v);
}

/* `route` and `gateway` fill one list, in either order. */
static void make_room(struct node *node, size_t n)
{
	node->routes = reallocarray(node->routes, node->n_routes + n, sizeof(*node->routes));
	if (node->routes == NULL)
		abort();
}

static void set_route(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct node *node = object;

	make_room(node, n);
	for (size_t i = 0; i < n; i++) {
		cleanup_free char *text = text_dup(values[i].text);
		char *words[MAX_WORDS + 1];
		size_t n_words = 0;

		for (char *rest = text, *word; (word = strsep(&rest, " \t")) != NULL;)
			if (*word != '\0' && n_words <= MAX_WORDS)
				words[n_words++] = word;
		parse_route(b, node, words, n_words < MIN_WORDS ? 0 : n_words, &values[i]);
	}
}

static void set_gateway(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct node *node = object;

	make_room(node, n);
	for (size_t i = 0; i < n; i++) {
		struct route r = { .kind = ROUTE_VIA };
		struct err why;

		if (address_parse_host(values[i].text, &r.via, &why) != 0) {
			build_refuse(b, &values[i], "%s", why.msg);
			continue;
		}
		r.to.family = r.via.family;
		if (find_gateway(b, node, &r.via, NOT_RESOLVED, &values[i], &r.interface))
			add_route(b, node, &r, &values[i]);
	}
}

/* ---- sysctls ---- */

/* As sysctl(8) has it: dots between the parts, or slashes, and then a part may have dots. */
static bool is_net_name(const char *name, size_t len)
{
	if (len < 5 || strncmp(name, "net", 3) != 0 || (name[3] != '.' && name[3] != '/'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(isascii(name[i]) && isalnum((unsigned char)name[i])) &&
		    strchr("._-/", name[i]) == NULL)
			return false;
	/* No part is empty, "." or "..": it is a path below /proc/sys/net. */
	for (size_t i = 0; i < len; i++)
		if (strchr("./", name[i]) != NULL &&
		    (i + 1 == len || strchr("./", name[i + 1]) != NULL))
			return false;
	return true;
}

static bool has_setting(const struct node *node, const char *name)
{
	for (size_t i = 0; i < node->n_settings; i++)
		if (strcmp(node->settings[i].name, name) == 0)
			return true;
	return false;
}

static void set_sysctl(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct node *node = object;

	node->settings = array_new(n, sizeof(*node->settings));
	for (size_t i = 0; i < n; i++) {
		const char *text = values[i].text, *equals = strchr(text, '=');
		size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);

		while (len > 0 && text[len - 1] == ' ')
			len--;
		const char *value = equals != NULL ? equals + 1 + strspn(equals + 1, " ") : "";
		cleanup_free char *name = text_format("%.*s", (int)len, text);

		if (equals == NULL || *value == '\0')
			build_refuse(b, &values[i],
				     "has no value, as in net.ipv4.icmp_ratelimit=0");
		else if (!is_net_name(name, len))
			build_refuse(b, &values[i],
				     "is no sysctl of a node: their names begin with net.");
		else if (has_setting(node, name))
			build_refuse(b, &values[i], "sets '%s' twice", name);
		else
			node->settings[node->n_settings++] = (struct setting){ take_ptr(name),
									       text_dup(value) };
	}
}

const struct key routing_keys[N_ROUTING_KEYS] = {
	{ "forward", false, false, set_forward },
	{ "route", true, false, set_route },
	{ "gateway", true, false, set_gateway },
	{ "sysctl", true, false, set_sysctl },
	{ "masquerade", true, false, node_set_masquerade },
	{ "port-forward", true, false, node_set_port_forward },
};
