/* The plan of a run: its lab, and what is done to it. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check_parts.h"
#include "topology/address.h"
#include "topology/describe.h"

static const char *const kind_names[] = { [NETWORK_HUB] = "hub", [NETWORK_SWITCH] = "switch" };

void check_nodes(const struct topology *t, struct table *table)
{
	char buf[ADDRESS_TEXT_LEN], mac[MAC_TEXT_LEN];

	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *n = &t->nodes[i];

		if (n->n_interfaces == 0) {
			table_add(table, NULL, "%s", n->name);
			table_end_row(table);
		}
		for (size_t k = 0; k < n->n_interfaces; k++) {
			const struct interface *iface = &n->interfaces[k];
			struct text addresses = { 0 };

			for (size_t a = 0; a < iface->n_addresses; a++)
				text_add(&addresses, "%s%s", a != 0 ? " " : "",
					 address_format(buf, &iface->addresses[a]));
			table_add(table, NULL, "%s", k == 0 ? n->name : "");
			table_add(table, NULL, "%s", iface->name);
			table_add(table, NULL, "%s", mac_format(mac, iface->mac));
			table_add(table, NULL, "%s",
				  addresses.len != 0 ? addresses.s : "no address");
			table_end_row(table);
			text_done(&addresses);
		}
	}
}

void check_links(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
			const struct interface *iface = &t->nodes[i].interfaces[k];
			const struct network *net = &t->networks[iface->network];

			table_add(table, NULL, "%s/%s", t->nodes[i].name, iface->name);
			table_add(table, NULL, "%s %s", kind_names[net->kind], net->name);
			table_add(table, NULL, "MTU %u", iface->mtu);
			if (iface->engine) {
				cleanup_free char *words = describe_link(iface);

				table_add(table, NULL, "%s", words);
			}
			table_end_row(table);
		}
}

/* Takes both strings. */
static void routing_row(struct table *table, const struct node *n, char *what, char *whom)
{
	table_add(table, NULL, "%s", n->name);
	table_add(table, NULL, "%s", what);
	if (whom != NULL)
		table_add(table, NULL, "%s", whom);
	table_end_row(table);
	free(what);
	free(whom);
}

/* What nodes do beside having interfaces. */
void check_routing(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *n = &t->nodes[i];

		if (n->forward)
			routing_row(table, n, text_dup("forwards"), NULL);
		for (size_t k = 0; k < n->n_routes; k++)
			routing_row(table, n, describe_route(n, &n->routes[k]),
				    describe_gateway(t, &n->routes[k]));
		for (size_t k = 0; k < n->n_masquerade; k++)
			routing_row(table, n,
				    text_format("masquerades what leaves by %s",
						n->interfaces[n->masquerade[k]].name),
				    NULL);
		for (size_t k = 0; k < n->n_port_forwards; k++)
			routing_row(table, n, describe_port_forward(&n->port_forwards[k]), NULL);
		for (size_t k = 0; k < n->n_settings; k++)
			routing_row(
				table, n,
				text_format("%s = %s", n->settings[k].name, n->settings[k].value),
				NULL);
	}
}

void check_faults(const struct topology *t, struct table *table)
{
	for (size_t i = 0; i < t->n_faults; i++) {
		const struct fault *f = &t->faults[i];
		cleanup_free char *time = describe_fault_time(t, f);
		cleanup_free char *place = describe_fault_place(t, f);
		cleanup_free char *action = describe_fault_action(f);

		table_add(table, NULL, "%s", f->name);
		table_add(table, NULL, "%s", time);
		table_add(table, NULL, "%s", place);
		table_add(table, NULL, "%s", action);
		table_end_row(table);
	}
}

/* Which packets, and how much of each. */
static char *describe_capture(const struct capture_settings *c)
{
	struct text t = { 0 };

	if (c->kind == CAPTURE_OFF)
		return text_dup("no capture");
	if (c->kind == CAPTURE_FULL)
		text_add(&t, "capture of whole packets");
	else
		text_add(&t, "capture of the first %u bytes of each packet", c->snaplen);
	if (c->filter != NULL)
		text_add(&t, ", only '%s'", c->filter);
	if (c->buffer != 0)
		text_add(&t, ", buffers of %zu bytes", c->buffer);
	return text_take(&t);
}

void check_settings(const struct topology *t, struct table *table)
{
	cleanup_free char *capture = describe_capture(&t->capture);
	char buf[16];

	table_add(table, NULL, "seed %llu, deadline %s per run", (unsigned long long)t->seed,
		  text_duration(buf, t->deadline_ns));
	table_end_row(table);
	table_add(table, NULL, "%s", capture);
	table_end_row(table);
}
