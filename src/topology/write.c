#include "topology/write.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "topology/address.h"
#include "topology/units.h"
#include "topology/write_expect.h"
#include "topology/write_impairment.h"
#include "topology/write_routing.h"
#include "topology/write_values.h"

#define DEFAULT_DEADLINE (60 * NS_PER_SEC)
#define DEFAULT_PORT	 10000
#define DEFAULT_MTU	 1500
#define HEADERS_SNAPLEN	 128

/* ---- networks and nodes ---- */

static void write_networks(struct text *out, const struct topology *t)
{
	for (size_t i = 0; i < t->n_networks; i++)
		text_add(out, "%s %s {}\n", t->networks[i].kind == NETWORK_HUB ? "hub" : "switch",
			 t->networks[i].name);
	text_add(out, "\n");
}

static void write_addresses(struct text *out, const struct interface *iface)
{
	char buf[ADDRESS_TEXT_LEN];

	if (iface->n_addresses == 0)
		return;
	text_add(out, "\t\taddress = {");
	for (size_t i = 0; i < iface->n_addresses; i++)
		text_add(out, "%s \"%s\"", i != 0 ? "," : "",
			 address_format(buf, &iface->addresses[i]));
	text_add(out, " }\n");
}

static void write_interface(struct text *out, const struct topology *t, const struct interface *i)
{
	char mac[MAC_TEXT_LEN];

	text_add(out, "\tinterface %s {\n\t\tnetwork = %s\n", i->name,
		 t->networks[i->network].name);
	/* Given in words even when it was derived: which attempt it was depends on all the others. */
	text_add(out, "\t\tmac = \"%s\"\n", mac_format(mac, i->mac));
	write_addresses(out, i);
	if (i->mtu != DEFAULT_MTU)
		text_add(out, "\t\tmtu = %u\n", i->mtu);
	write_impairments(out, &i->impairments[LINK_OUT], &i->impairments[LINK_IN], "\t\t");
	text_add(out, "\t}\n");
}

static void write_nodes(struct text *out, const struct topology *t)
{
	for (size_t n = 0; n < t->n_nodes; n++) {
		text_add(out, "node %s {\n", t->nodes[n].name);
		for (size_t i = 0; i < t->nodes[n].n_interfaces; i++)
			write_interface(out, t, &t->nodes[n].interfaces[i]);
		write_routing(out, &t->nodes[n]);
		text_add(out, "}\n");
	}
}

/* ---- transfers ---- */

static void write_ends(struct text *out, const struct topology *t, const struct transfer *tr)
{
	text_add(out, "\tfrom = %s\n\tto = {", t->nodes[tr->from].name);
	for (size_t i = 0; i < tr->n_to; i++)
		text_add(out, "%s %s", i != 0 ? "," : "", t->nodes[tr->to[i]].name);
	text_add(out, " }\n");
	if (tr->port != DEFAULT_PORT)
		text_add(out, "\tport = %u\n", tr->port);
}

static void write_files(struct text *out, const struct transfer *tr)
{
	text_add(out, "\tfiles = {");
	for (size_t i = 0; i < tr->n_files; i++) {
		cleanup_free char *path = write_absolute(tr->files[i].path);

		text_add(out, "%s ", i != 0 ? "," : "");
		write_quoted(out, path);
	}
	text_add(out, " }\n");
}

static void write_transfer(struct text *out, const struct topology *t, const struct transfer *tr)
{
	char rate[UNIT_TEXT_LEN];

	text_add(out, "\ntransfer %s {\n", tr->name);
	write_ends(out, t, tr);
	write_files(out, tr);
	text_add(out, "\tmode = %s\n", transfer_mode_names[tr->mode]);
	if (tr->format == FORMAT_RAW)
		text_add(out, "\tformat = raw\n");
	if (tr->broadcast)
		text_add(out, "\tbroadcast = yes\n");
	if (tr->shared_socket)
		text_add(out, "\tshared-socket = yes\n");
	if (tr->workers != 0)
		text_add(out, "\tworkers = %u\n", tr->workers);
	if (tr->rate_bps != 0)
		text_add(out, "\trate = %s\n", unit_format_rate(rate, tr->rate_bps));
	write_words(out, "sender", tr->sender);
	write_words(out, "receiver", tr->receiver);
	text_add(out, "}\n");
}

/* ---- faults ---- */

static void write_when(struct text *out, const struct topology *t, const struct fault *f)
{
	char buf[UNIT_TEXT_LEN];

	if (f->after == 0) {
		text_add(out, "\tat = %s\n", unit_format_duration(buf, f->at_ns));
	} else {
		text_add(out, "\tafter = %llu\n\tfrom = %s\n\tto = %s\n",
			 (unsigned long long)f->after, t->nodes[f->flow.from].name,
			 t->nodes[f->flow.to].name);
		if (f->flow.port != 0)
			text_add(out, "\tport = %u\n", f->flow.port);
	}
	if (f->for_ns != 0)
		text_add(out, "\tfor = %s\n", unit_format_duration(buf, f->for_ns));
}

static void write_what(struct text *out, const struct topology *t, const struct fault *f)
{
	if (f->command != NO_COMMAND) {
		text_add(out, "\tprogram = %s\n", t->commands[f->command].name);
		return;
	}
	if (!fault_is_of_link(f)) {
		text_add(out, "\tprogram = %s\n\tnode = %s\n", t->transfers[f->transfer].name,
			 t->nodes[f->node].name);
		return;
	}
	text_add(out, "\tlink = \"%s/%s\"\n", t->nodes[f->node].name,
		 t->nodes[f->node].interfaces[f->interface].name);
	if (f->action == FAULT_BLACKHOLE)
		text_add(out, "\tdirection = %s\n", f->direction[LINK_OUT] ? "out" : "in");
	if (f->action == FAULT_CHANGE)
		write_impairments(out, f->direction[LINK_OUT] ? &f->to[LINK_OUT] : NULL,
				  f->direction[LINK_IN] ? &f->to[LINK_IN] : NULL, "\t");
}

static void write_fault(struct text *out, const struct topology *t, const struct fault *f)
{
	text_add(out, "\nfault %s {\n\taction = %s\n", f->name, fault_action_names[f->action]);
	write_when(out, t, f);
	write_what(out, t, f);
	text_add(out, "}\n");
}

/* ---- the file ---- */

static void write_capture(struct text *out, const struct capture_settings *c)
{
	static const char *const words[] = {
		[CAPTURE_FULL] = "full",
		[CAPTURE_HEADERS] = "headers",
		[CAPTURE_OFF] = "off",
	};
	char size[UNIT_TEXT_LEN];

	if (c->kind == CAPTURE_FULL && c->filter == NULL && c->buffer == 0)
		return;
	text_add(out, "\ncapture {\n\tpackets = %s\n", words[c->kind]);
	if (c->kind == CAPTURE_HEADERS && c->snaplen != HEADERS_SNAPLEN)
		text_add(out, "\tsnaplen = %u\n", c->snaplen);
	if (c->filter != NULL)
		write_key(out, "filter", c->filter);
	if (c->buffer != 0)
		text_add(out, "\tbuffer = %s\n", unit_format_size(size, c->buffer));
	text_add(out, "}\n");
}

static void write_comment(struct text *out, const char *comment)
{
	for (const char *line = comment; *line != '\0';) {
		size_t len = strcspn(line, "\n");

		text_add(out, "#%s%.*s\n", len != 0 ? " " : "", (int)len, line);
		line += len + (line[len] == '\n');
	}
	text_add(out, "\n");
}

char *topology_write(const struct topology *t, const char *comment)
{
	struct text out = { 0 };
	char deadline[UNIT_TEXT_LEN];

	if (comment != NULL)
		write_comment(&out, comment);
	if (t->title != NULL) {
		text_add(&out, "title = ");
		write_quoted(&out, t->title);
		text_add(&out, "\n");
	}
	text_add(&out, "seed = %llu\n", (unsigned long long)t->seed);
	if (t->deadline_ns != DEFAULT_DEADLINE)
		text_add(&out, "deadline = %s\n", unit_format_duration(deadline, t->deadline_ns));
	text_add(&out, "\n");
	write_networks(&out, t);
	write_nodes(&out, t);
	for (size_t i = 0; i < t->n_transfers; i++)
		write_transfer(&out, t, &t->transfers[i]);
	for (size_t i = 0; i < t->n_commands; i++)
		write_program(&out, t, &t->commands[i]);
	for (size_t i = 0; i < t->n_faults; i++)
		write_fault(&out, t, &t->faults[i]);
	for (size_t i = 0; i < t->n_metrics; i++)
		write_metric(&out, t, &t->metrics[i]);
	for (size_t i = 0; i < t->n_expectations; i++)
		write_expectation(&out, t, &t->expectations[i]);
	write_capture(&out, &t->capture);
	return text_take(&out);
}
