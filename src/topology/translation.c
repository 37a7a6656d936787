/* What a node makes of addresses of what passes it (NAT, RFC 3022). */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/units.h"

static bool has_interface(const struct node *node, size_t interface)
{
	for (size_t i = 0; i < node->n_masquerade; i++)
		if (node->masquerade[i] == interface)
			return true;
	return false;
}

static bool has_v4(const struct node *node)
{
	for (size_t i = 0; i < node->n_interfaces; i++)
		for (size_t k = 0; k < node->interfaces[i].n_addresses; k++)
			if (node->interfaces[i].addresses[k].family == AF_INET)
				return true;
	return false;
}

/* What a node translates without forwarding is nothing. */
static bool can_translate(struct builder *b, const struct node *node, const struct value *v)
{
	if (node->forward)
		return true;
	build_refuse(b, v, "does nothing without forward = yes");
	return false;
}

void node_set_masquerade(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct node *node = object;

	if (!can_translate(b, node, &values[0]))
		return;
	node->masquerade = array_new(n, sizeof(*node->masquerade));
	for (size_t i = 0; i < n; i++) {
		size_t interface = build_find_interface(b, node, values[i].text, &values[i]);

		if (interface == NOT_RESOLVED)
			continue;
		if (has_interface(node, interface))
			build_refuse(b, &values[i], "is given twice");
		else
			node->masquerade[node->n_masquerade++] = interface;
	}
}

/* ---- "tcp/8080 to 192.168.1.2:80" ---- */

static bool parse_port(const char *text, uint16_t *ret_port)
{
	uint64_t port;
	struct err ignored;

	if (unit_count(text, 1, UINT16_MAX, &port, &ignored) != 0)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static bool parse_port_forward(char *text, struct port_forward *f, const char **ret_host)
{
	char *to = strstr(text, " to "), *colon = to != NULL ? strrchr(to, ':') : NULL;

	if (colon == NULL)
		return false;
	*to = *colon = '\0';
	*ret_host = to + strlen(" to ");
	f->protocol = strncmp(text, "tcp/", 4) == 0 ? IPPROTO_TCP : IPPROTO_UDP;
	return (f->protocol == IPPROTO_TCP || strncmp(text, "udp/", 4) == 0) &&
	       parse_port(text + 4, &f->port) && parse_port(colon + 1, &f->to_port);
}

static bool is_taken(const struct node *node, const struct port_forward *f)
{
	for (size_t i = 0; i < node->n_port_forwards; i++)
		if (node->port_forwards[i].protocol == f->protocol &&
		    node->port_forwards[i].port == f->port)
			return true;
	return false;
}

static void add_port_forward(struct builder *b, struct node *node, const struct value *v)
{
	cleanup_free char *text = text_dup(v->text);
	struct port_forward f = { 0 };
	const char *host;
	struct err why;

	if (!parse_port_forward(text, &f, &host))
		build_refuse(b, v, "is not of the form 'tcp/8080 to 192.168.1.2:80'");
	else if (address_parse_host(host, &f.to, &why) != 0)
		build_refuse(b, v, "goes to '%.60s', which %s", host, why.msg);
	else if (f.to.family != AF_INET)
		build_refuse(b, v, "goes to IPv6, where addresses are not translated");
	else if (is_taken(node, &f))
		build_refuse(b, v, "forwards a port that is forwarded already");
	else {
		build_expect_owner(b, NOT_RESOLVED, &f.to, v);
		node->port_forwards[node->n_port_forwards++] = f;
	}
}

void node_set_port_forward(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct node *node = object;

	if (!can_translate(b, node, &values[0]))
		return;
	if (!has_v4(node) && !b->doubtful[b->t->n_nodes - 1]) {
		build_refuse(b, &values[0], "needs an IPv4 address of '%s' to come to", node->name);
		return;
	}
	node->port_forwards = array_new(n, sizeof(*node->port_forwards));
	for (size_t i = 0; i < n; i++)
		add_port_forward(b, node, &values[i]);
}
