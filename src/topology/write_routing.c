#include "topology/write_routing.h"

#include "base/cleanup.h"
#include "topology/describe.h"
#include "topology/write_values.h"

static void write_routes(struct text *out, const struct node *n)
{
	for (size_t i = 0; i < n->n_routes; i++) {
		cleanup_free char *route = describe_route(n, &n->routes[i]);

		text_add(out, "%s\"%s\"", i == 0 ? "\troute = { " : ", ", route);
	}
	text_add(out, "%s", n->n_routes != 0 ? " }\n" : "");
}

static void write_settings(struct text *out, const struct node *n)
{
	for (size_t i = 0; i < n->n_settings; i++) {
		cleanup_free char *setting = text_format("%s=%s", n->settings[i].name,
							 n->settings[i].value);

		text_add(out, "%s", i == 0 ? "\tsysctl = { " : ", ");
		write_quoted(out, setting);
	}
	text_add(out, "%s", n->n_settings != 0 ? " }\n" : "");
}

void write_routing(struct text *out, const struct node *n)
{
	if (n->forward)
		text_add(out, "\tforward = yes\n");
	write_routes(out, n);
	write_settings(out, n);
	for (size_t i = 0; i < n->n_masquerade; i++)
		text_add(out, "%s%s", i == 0 ? "\tmasquerade = { " : ", ",
			 n->interfaces[n->masquerade[i]].name);
	text_add(out, "%s", n->n_masquerade != 0 ? " }\n" : "");
	for (size_t i = 0; i < n->n_port_forwards; i++) {
		cleanup_free char *forward = describe_port_forward(&n->port_forwards[i]);

		text_add(out, "%s\"%s\"", i == 0 ? "\tport-forward = { " : ", ", forward);
	}
	text_add(out, "%s", n->n_port_forwards != 0 ? " }\n" : "");
}
