/* The plan of a run: its lab, and what is done to it. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check_parts.h"
#include "cli/rows.h"
#include "topology/address.h"
#include "topology/describe.h"
#include "topology/units.h"

static const char *const kind_names[] = { [NETWORK_HUB] = "hub", [NETWORK_SWITCH] = "switch" };

void check_nodes(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };
	char buf[ADDRESS_TEXT_LEN], mac[MAC_TEXT_LEN];

	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *n = &t->nodes[i];

		if (n->n_interfaces == 0)
			row_cell(rows_add(&rows), "%s", n->name);
		for (size_t k = 0; k < n->n_interfaces; k++) {
			const struct interface *iface = &n->interfaces[k];
			struct row *r = rows_add(&rows);
			struct text addresses = { 0 };

			for (size_t a = 0; a < iface->n_addresses; a++)
				text_add(&addresses, "%s%s", a != 0 ? " " : "",
					 address_format(buf, &iface->addresses[a]));
			row_cell(r, "%s", k == 0 ? n->name : "");
			row_cell(r, "%s", iface->name);
			row_cell(r, "%s", mac_format(mac, iface->mac));
			row_cell(r, "%s", addresses.len != 0 ? addresses.s : "no address");
			text_done(&addresses);
		}
	}
	rows_flush(&rows, out);
}

void check_links(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++) {
			const struct interface *iface = &t->nodes[i].interfaces[k];
			const struct network *net = &t->networks[iface->network];
			struct row *r = rows_add(&rows);

			row_cell(r, "%s/%s", t->nodes[i].name, iface->name);
			row_cell(r, "%s %s", kind_names[net->kind], net->name);
			row_cell(r, "MTU %u", iface->mtu);
			if (iface->engine) {
				cleanup_free char *words = describe_link(iface);

				row_cell(r, "%s", words);
			}
		}
	rows_flush(&rows, out);
}

/* Takes both strings. */
static void routing_row(struct rows *rows, const struct node *n, char *what, char *whom)
{
	struct row *r = rows_add(rows);

	row_cell(r, "%s", n->name);
	row_cell(r, "%s", what);
	if (whom != NULL && *whom != '\0')
		row_cell(r, "%s", whom);
	free(what);
	free(whom);
}

/* What nodes do beside having interfaces. */
void check_routing(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < t->n_nodes; i++) {
		const struct node *n = &t->nodes[i];

		if (n->forward)
			routing_row(&rows, n, text_dup("forwards"), NULL);
		for (size_t k = 0; k < n->n_routes; k++)
			routing_row(&rows, n, describe_route(n, &n->routes[k]),
				    describe_gateway(t, &n->routes[k]));
		for (size_t k = 0; k < n->n_masquerade; k++)
			routing_row(&rows, n,
				    text_format("masquerades what leaves by %s",
						n->interfaces[n->masquerade[k]].name),
				    NULL);
		for (size_t k = 0; k < n->n_port_forwards; k++)
			routing_row(&rows, n, describe_port_forward(&n->port_forwards[k]), NULL);
		for (size_t k = 0; k < n->n_settings; k++)
			routing_row(
				&rows, n,
				text_format("%s = %s", n->settings[k].name, n->settings[k].value),
				NULL);
	}
	rows_flush(&rows, out);
}

void check_faults(const struct topology *t, struct text *out)
{
	struct rows rows = { 0 };

	for (size_t i = 0; i < t->n_faults; i++) {
		const struct fault *f = &t->faults[i];
		cleanup_free char *time = describe_fault_time(t, f);
		cleanup_free char *place = describe_fault_place(t, f);
		cleanup_free char *action = describe_fault_action(f);
		struct row *r = rows_add(&rows);

		row_cell(r, "%s", f->name);
		row_cell(r, "%s", time);
		row_cell(r, "%s", place);
		row_cell(r, "%s", action);
	}
	rows_flush(&rows, out);
}

void check_settings(const struct topology *t, struct text *out)
{
	const struct capture_settings *c = &t->capture;
	char buf[16];

	text_add(out, "  seed %llu, deadline %s per run\n", (unsigned long long)t->seed,
		 text_duration(buf, t->deadline_ns));
	if (c->kind == CAPTURE_OFF) {
		text_add(out, "  no capture\n");
		return;
	}
	if (c->kind == CAPTURE_FULL)
		text_add(out, "  capture of whole packets");
	else
		text_add(out, "  capture of the first %u bytes of each packet", c->snaplen);
	if (c->filter != NULL)
		text_add(out, ", only '%s'", c->filter);
	if (c->buffer != 0)
		text_add(out, ", buffers of %zu bytes", c->buffer);
	text_add(out, "\n");
}

/* The command as given, or our program's name. */
