/* Routes and translations, in the words of topology files. */
#include <string.h>

#include "base/text.h"
#include "topology/address.h"
#include "topology/describe.h"

char *describe_route(const struct node *n, const struct route *r)
{
	char to[ADDRESS_TEXT_LEN], via[ADDRESS_TEXT_LEN];
	struct text t = { 0 };

	if (r->kind == ROUTE_BLACKHOLE)
		text_add(&t, "blackhole ");
	text_add(&t, "%s", address_format_subnet(to, &r->to));
	if (r->kind == ROUTE_VIA)
		text_add(&t, " via %s", address_format_host(via, &r->via));
	if (r->kind != ROUTE_BLACKHOLE)
		text_add(&t, " dev %s", n->interfaces[r->interface].name);
	return text_take(&t);
}

char *describe_port_forward(const struct port_forward *f)
{
	char to[ADDRESS_TEXT_LEN];

	return text_format("%s/%u to %s:%u", f->protocol == IPPROTO_TCP ? "tcp" : "udp", f->port,
			   address_format_host(to, &f->to), f->to_port);
}

char *describe_gateway(const struct topology *t, const struct route *r)
{
	size_t owner = r->kind == ROUTE_VIA ? topology_owner(t, &r->via) : SIZE_MAX;

	if (r->kind != ROUTE_VIA)
		return text_dup("");
	if (owner == SIZE_MAX)
		return text_dup("an address that no node has yet");
	return text_format("%s%s", t->nodes[owner].name,
			   t->nodes[owner].forward ? "" : ", which does not forward");
}
