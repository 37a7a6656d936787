#include "run/inventory.h"

#include <stdio.h>
#include <string.h>

#include "capture/recorder.h"
#include "lab/lab.h"

#define MERGED "merged.pcapng"

static void name_capture(const struct topology *t, size_t node, size_t interface, bool far,
			 struct capture_evidence *c)
{
	const char *host = t->nodes[node].name;
	const struct interface *iface = &t->nodes[node].interfaces[interface];
	const char *network = t->networks[iface->network].name;
	struct link_devices devices;

	c->node = node;
	c->interface = interface;
	c->far = far;
	c->buffer = recorder_buffer_size(t);
	if (!far) {
		snprintf(c->name, sizeof(c->name), "%.63s/%.15s", host, iface->name);
		snprintf(c->file, sizeof(c->file), "%s.%s.pcapng", host, iface->name);
		return;
	}
	lab_name_devices(node, interface, &devices);
	memcpy(c->device, devices.port, sizeof(c->device));
	snprintf(c->name, sizeof(c->name), "%.31s/%.47s.%.15s", network, host, iface->name);
	snprintf(c->file, sizeof(c->file), "%s.%s.%s.pcapng", host, iface->name, network);
}

static void name_captures(const struct topology *t, struct evidence *ev)
{
	struct capture_evidence *c = ev->captures;

	if (ev->n_captures == 0)
		return;
	memcpy(ev->merged, MERGED, sizeof(MERGED));
	for (int far = 0; far < 2; far++)
		for (size_t n = 0; n < t->n_nodes; n++)
			for (size_t i = 0; i < t->nodes[n].n_interfaces; i++)
				if (!far || t->nodes[n].interfaces[i].engine)
					name_capture(t, n, i, far, c++);
}

static void name_links(const struct topology *t, enum link_engine engine, struct evidence *ev)
{
	struct link_evidence *l = ev->links;

	for (size_t n = 0; n < t->n_nodes; n++)
		for (size_t i = 0; i < t->nodes[n].n_interfaces; i++) {
			if (!t->nodes[n].interfaces[i].engine)
				continue;
			l->node = n;
			l->interface = i;
			l->engine = engine;
			snprintf(l->name, sizeof(l->name), "%.63s/%.15s", t->nodes[n].name,
				 t->nodes[n].interfaces[i].name);
			l++;
		}
}

void inventory_fill(const struct topology *t, enum link_engine engine, struct evidence *ev)
{
	name_captures(t, ev);
	name_links(t, engine, ev);
}
