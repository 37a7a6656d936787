#include "verify/trial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/path.h"
#include "verify/book.h"
#include "verify/crossings.h"
#include "verify/layer.h"
#include "verify/raw.h"
#include "verify/reassemble.h"
#include "verify/reports.h"

/* ---- what the parts ask (trial.h) ---- */

struct delivery *trial_delivery(const struct trial *t, size_t transfer, size_t to, size_t file)
{
	size_t n_files = t->topology->transfers[transfer].n_files;

	return &t->deliveries[t->first_delivery[transfer] + to * n_files + file];
}

static int by_address(const void *a, const void *b)
{
	return memcmp(((const struct node_address *)a)->address.bytes,
		      ((const struct node_address *)b)->address.bytes, 16);
}

size_t trial_node_of(const struct trial *t, const struct ip_address *a)
{
	const struct node_address key = { .address = *a };
	const struct node_address *found = bsearch(&key, t->addresses, t->n_addresses, sizeof(key),
						   by_address);

	return found != NULL ? found->node : SIZE_MAX;
}

static int by_mac(const void *a, const void *b)
{
	return memcmp(((const struct node_mac *)a)->mac, ((const struct node_mac *)b)->mac, 6);
}

size_t trial_node_of_mac(const struct trial *t, const uint8_t mac[6])
{
	const struct node_mac *found;
	struct node_mac key = { .node = 0 };

	memcpy(key.mac, mac, sizeof(key.mac));
	found = bsearch(&key, t->macs, t->n_macs, sizeof(key), by_mac);
	return found != NULL ? found->node : SIZE_MAX;
}

size_t trial_side_node(const struct trial *t, const struct delivery *d, enum side side)
{
	const struct transfer *tr = &t->topology->transfers[d->transfer];

	return side == AT_SENDER ? tr->from : tr->to[d->to];
}

/*
 * netem, unlike our engine, may flip a bit of the source: what comes from nobody at the network's
 * side is one of those.
 */
enum direction trial_direction(const struct trial *t, size_t capture, const uint8_t *from_mac)
{
	const struct evidence *ev = t->evidence;
	const struct capture_evidence *c = &ev->captures[capture];
	const struct interface *i = &t->topology->nodes[c->node].interfaces[c->interface];
	size_t link = t->captures[capture].link;

	if (memcmp(from_mac, i->mac, 6) == 0)
		return LINK_OUT;
	return c->far && link != SIZE_MAX && ev->links[link].engine == ENGINE_NETEM &&
			       trial_node_of_mac(t, from_mac) == SIZE_MAX
		       ? LINK_OUT
		       : LINK_IN;
}

char *trial_place(const struct trial *t, const struct delivery *d, enum side side, char buf[96])
{
	size_t node = trial_side_node(t, d, side);
	size_t peer = trial_side_node(t, d, side == AT_SENDER ? AT_RECEIVER : AT_SENDER);
	const struct interface *i = topology_interface(t->topology, node, peer);

	if (snprintf(buf, 96, "%.63s/%.15s", t->topology->nodes[node].name,
		     i != NULL ? i->name : "?") < 0)
		buf[0] = '\0';
	return buf;
}

bool trial_captured(const struct trial *t, const struct delivery *d, enum side side,
		    struct layer *l)
{
	char place[96];

	if (t->evidence->n_captures == 0)
		layer_set(l, OUTCOME_SKIP, "captures are off");
	else if (t->evidence->recording_ns == 0)
		layer_set(l, OUTCOME_INCONCLUSIVE, "nothing was recorded at %s",
			  trial_place(t, d, side, place));
	else
		return true;
	return false;
}

/* ---- making a trial ---- */

static void load_sources(struct trial *t)
{
	const struct topology *topology = t->topology;

	t->sources = array_new(topology->n_transfers, sizeof(*t->sources));
	for (size_t i = 0; i < topology->n_transfers; i++) {
		const struct transfer *tr = &topology->transfers[i];

		t->sources[i] = array_new(tr->n_files, sizeof(**t->sources));
		for (size_t f = 0; f < tr->n_files; f++)
			source_load(&t->sources[i][f], &tr->files[f]);
	}
}

static void load_addresses(struct trial *t)
{
	size_t room = 0, mac_room = 0;

	for (size_t n = 0; n < t->topology->n_nodes; n++)
		for (size_t i = 0; i < t->topology->nodes[n].n_interfaces; i++) {
			const struct interface *iface = &t->topology->nodes[n].interfaces[i];
			struct node_mac *m = array_add(&t->macs, &t->n_macs, &mac_room, sizeof(*m));

			memcpy(m->mac, iface->mac, sizeof(m->mac));
			m->node = n;
			for (size_t k = 0; k < iface->n_addresses; k++) {
				struct node_address *a = array_add(&t->addresses, &t->n_addresses,
								   &room, sizeof(*a));

				a->address = ip_address_of(&iface->addresses[k]);
				a->node = n;
			}
		}
	if (t->n_addresses > 1)
		qsort(t->addresses, t->n_addresses, sizeof(*t->addresses), by_address);
	if (t->n_macs > 1)
		qsort(t->macs, t->n_macs, sizeof(*t->macs), by_mac);
}

static void find_translations(struct trial *t)
{
	size_t room = 0;

	for (size_t i = 0; i < t->topology->n_transfers; i++) {
		const struct transfer *tr = &t->topology->transfers[i];

		for (size_t k = 0; k < tr->n_to; k++) {
			size_t node = path_translator(t->topology, tr->from, tr->to[k]);

			if (node != SIZE_MAX)
				*(struct translation *)array_add(
					&t->translations, &t->n_translations, &room,
					sizeof(*t->translations)) = (struct translation){ i, node };
		}
	}
}

static void describe_delivery(struct trial *t, struct delivery *d)
{
	const struct transfer *tr = &t->topology->transfers[d->transfer];
	struct file_verdict *f = d->verdict;

	f->transfer = text_dup(tr->name);
	f->node = text_dup(t->topology->nodes[tr->to[d->to]].name);
	f->file = text_dup(tr->files[d->file].name);
	f->source = text_dup(tr->files[d->file].path);
	f->size = d->source->map.len;
	f->digest = d->source->digest;
}

static void make_deliveries(struct trial *t)
{
	const struct topology *topology = t->topology;
	size_t n = 0;

	t->first_delivery = array_new(topology->n_transfers, sizeof(size_t));
	for (size_t i = 0; i < topology->n_transfers; i++) {
		t->first_delivery[i] = n;
		n += topology->transfers[i].n_to * topology->transfers[i].n_files;
	}
	t->n_deliveries = n;
	t->deliveries = array_new(n, sizeof(*t->deliveries));
	t->verdict->files = array_new(n, sizeof(*t->verdict->files));
	t->verdict->n_files = n;
	for (size_t i = 0; i < topology->n_transfers; i++) {
		const struct transfer *tr = &topology->transfers[i];

		for (size_t k = 0; k < tr->n_to * tr->n_files; k++) {
			struct delivery *d = &t->deliveries[t->first_delivery[i] + k];

			d->transfer = i;
			d->to = k / tr->n_files;
			d->file = k % tr->n_files;
			d->source = &t->sources[i][d->file];
			d->verdict = &t->verdict->files[t->first_delivery[i] + k];
			describe_delivery(t, d);
		}
	}
}

/* A recorder that was killed leaves the captures alone. */
static bool is_there(const char *folder, const char *name)
{
	cleanup_free char *path = text_format("%s/%s", folder, name);

	return access(path, F_OK) == 0;
}

static void make_verdict(struct trial *t)
{
	struct run_verdict *v = t->verdict;

	v->n_programs = t->evidence->n_programs;
	v->programs = array_new(v->n_programs, sizeof(*v->programs));
	v->n_captures = t->evidence->n_captures;
	v->captures = array_new(v->n_captures, sizeof(*v->captures));
	v->past_deadline = t->evidence->past_deadline;
	v->interrupted = t->evidence->interrupted;
	if (t->evidence->merged[0] != '\0' && is_there(t->folder, t->evidence->merged))
		v->merged = text_dup(t->evidence->merged);
}

/* Where each capture stands: on which side of what link. */
static void place_captures(struct trial *t)
{
	const struct evidence *ev = t->evidence;

	t->captures = array_new(ev->n_captures, sizeof(*t->captures));
	for (size_t i = 0; i < ev->n_captures; i++) {
		const struct capture_evidence *c = &ev->captures[i];
		struct capture_watch *w = &t->captures[i];

		w->link = SIZE_MAX;
		for (size_t k = 0; k < ev->n_links; k++)
			if (ev->links[k].node == c->node && ev->links[k].interface == c->interface)
				w->link = k;
		w->faces_network = c->far || w->link == SIZE_MAX;
	}
}

void trial_init(struct trial *t, const struct judge_input *in, struct run_verdict *v)
{
	const struct evidence *ev = in->evidence;

	*t = (struct trial){ .topology = in->topology, .evidence = ev, .folder = in->folder };
	t->verdict = v;
	t->cut_short = ev->failed || ev->interrupted || ev->supervisor_signal != 0;
	make_verdict(t);
	load_sources(t);
	load_addresses(t);
	find_translations(t);
	make_deliveries(t);
	place_captures(t);
	t->watched = array_new(in->topology->n_nodes, sizeof(*t->watched));
	t->rcvbuf = array_new(in->topology->n_nodes, sizeof(*t->rcvbuf));
	for (size_t i = 0; i < in->topology->n_nodes; i++) {
		t->watched[i] = true;
		t->rcvbuf[i] = i < ev->n_nodes ? ev->nodes[i].udp.rcvbuf_errors : 0;
	}
	t->reassembly = reassembly_new(t);
	t->raw = raw_new(t);
	t->book = book_new(in->topology->n_nodes);
	t->crossings = crossings_new(t);
	t->reports = reports_read(t);
}

void trial_donep(struct trial *t)
{
	raw_freep(&t->raw);
	reassembly_freep(&t->reassembly);
	book_freep(&t->book);
	crossings_freep(&t->crossings);
	reports_freep(&t->reports);
	for (size_t i = 0; i < t->topology->n_transfers; i++) {
		for (size_t f = 0; f < t->topology->transfers[i].n_files; f++)
			source_unload(&t->sources[i][f]);
		free(t->sources[i]);
	}
	for (size_t i = 0; i < t->evidence->n_captures; i++)
		free(t->captures[i].error);
	free(t->sources);
	free(t->captures);
	free(t->watched);
	free(t->rcvbuf);
	free(t->addresses);
	free(t->macs);
	free(t->translations);
	free(t->first_delivery);
	free(t->deliveries);
}
