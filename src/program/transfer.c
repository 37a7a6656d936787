/* The programs of a transfer: one receiver per node it goes to, then its sender. */
#include <arpa/inet.h>
#include <string.h>

#include "base/array.h"
#include "base/fs.h"
#include "base/text.h"
#include "program/argv.h"
#include "program/list.h"
#include "topology/path.h"

#define MAX_FILE_SIZE (UINT64_C(1) << 40)
/* Below those that kernels choose (ip_local_port_range), so a flow has one name in every run. */
#define FIRST_SOURCE_PORT 20000
#define LAST_SOURCE_PORT  32767
/* With a receiver behind an impaired link. */
#define PATIENCE_SECONDS "60"
/* Of a link's rate, in percent: the rest is for Ethernet's headers and what else is sent. */
#define RATE_SHARE 97

static struct program *add_program(struct program_list *list, const struct topology *t,
				   size_t transfer, size_t node, enum program_role role)
{
	const struct transfer *tr = &t->transfers[transfer];
	char **command = role == ROLE_SENDER ? tr->sender : tr->receiver;
	const char *base = command != NULL	 ? fs_basename(command[0])
			   : role == ROLE_SENDER ? "udp-send"
						 : "udp-recv";
	const char *of = t->n_transfers > 1 || t->n_commands > 0 ? tr->name : NULL;
	struct program *p = program_list_add(list, t, node, base, of);

	p->transfer = transfer;
	p->role = role;
	p->report = text_format("%.*s.json", (int)(strlen(p->log) - strlen(".log")), p->log);
	return p;
}

static int receiver_argv(struct program *p, const struct topology *t, const char *folder,
			 struct err *e)
{
	const struct transfer *tr = &t->transfers[p->transfer];
	struct argv a = { 0 };

	if ((tr->receiver != NULL ? argv_begin(&a, tr->receiver, NULL, e)
				  : argv_begin_own(&a, "udp-recv", e)) != 0)
		return -1;
	argv_add2(&a, "--port", text_format("%u", tr->port));
	argv_add2(&a, "--format", text_dup(tr->format == FORMAT_RAW ? "raw" : "reliable"));
	argv_add2(&a, "--dir",
		  text_format("%s/received/%s/%s", folder, t->nodes[p->node].name, tr->name));
	argv_add2(&a, "--max-transfers", text_format("%zu", tr->n_files + 64));
	argv_add2(&a, "--max-size", text_format("%llu", (unsigned long long)MAX_FILE_SIZE));
	argv_add2(&a, "--report", text_format("%s/%s", folder, p->report));
	p->argv = argv_end(&a);
	p->listens = array_new(1, sizeof(*p->listens));
	p->listens[p->n_listens++] = (struct listening){ IPPROTO_UDP, tr->port };
	return 0;
}

/* Where a transfer's datagrams go: "192.168.122.223,192.168.122.181", or the broadcast address. */
static char *destinations(const struct topology *t, const struct transfer *tr)
{
	struct text to = { 0 };
	char buf[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < tr->n_to; i++) {
		const struct address *a = path_address(t, tr->to[i], tr->from);
		struct in_addr all;

		if (a == NULL)
			continue;
		if (tr->broadcast) {
			all = address_broadcast(a);
			text_add(&to, "%s", inet_ntop(AF_INET, &all, buf, sizeof(buf)));
			break;
		}
		text_add(&to, "%s%s", to.len != 0 ? "," : "",
			 inet_ntop(a->family, &a->v4, buf, sizeof(buf)));
	}
	return text_take(&to);
}

/* Sockets that the transfer's sender opens, each with a port of its own. */
static size_t count_sockets(const struct transfer *tr)
{
	if (tr->shared_socket)
		return 1;
	return tr->n_files * (tr->broadcast ? 1 : tr->n_to);
}

/* Whether a receiver at this node has one of those ports. */
static bool is_taken(const struct topology *t, size_t node, size_t first, size_t n)
{
	for (size_t i = 0; i < t->n_transfers; i++)
		for (size_t k = 0; k < t->transfers[i].n_to; k++)
			if (t->transfers[i].to[k] == node && t->transfers[i].port >= first &&
			    t->transfers[i].port < first + n)
				return true;
	return false;
}

/* NAT keeps a source port unless another node's flow has it already. */
static bool anyone_masquerades(const struct topology *t)
{
	for (size_t i = 0; i < t->n_nodes; i++)
		if (t->nodes[i].n_masquerade != 0)
			return true;
	return false;
}

/* The first source port of this transfer, 0: let the kernel choose. */
static size_t source_port(const struct topology *t, size_t transfer)
{
	const struct transfer *tr = &t->transfers[transfer];
	size_t port = FIRST_SOURCE_PORT, n = count_sockets(tr);

	for (size_t i = 0; i < transfer; i++)
		if (t->transfers[i].from == tr->from || anyone_masquerades(t))
			port += count_sockets(&t->transfers[i]);
	while (port + n <= LAST_SOURCE_PORT && is_taken(t, tr->from, port, n))
		port++;
	return port + n <= LAST_SOURCE_PORT ? port : 0;
}

static uint64_t lower_rate(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* What the links on the transfer's way let through, 0: everything. */
static uint64_t rate_of_links(const struct topology *t, const struct transfer *tr)
{
	struct hop hops[PATH_MAX_HOPS];
	uint64_t rate = 0;

	for (size_t i = 0; i < tr->n_to; i++) {
		size_t n = path_hops(t, tr->from, tr->to[i], hops);

		for (const struct hop *h = hops; h < hops + n; h++) {
			const struct interface *out = &t->nodes[h->from].interfaces[h->out];
			const struct interface *in = &t->nodes[h->to].interfaces[h->in];

			rate = lower_rate(rate, out->impairments[LINK_OUT].rate_bps);
			rate = lower_rate(rate, in->impairments[LINK_IN].rate_bps);
		}
	}
	return rate * RATE_SHARE / 100;
}

static bool is_impaired(const struct interface *i)
{
	return !impairment_is_clean(&i->impairments[LINK_OUT]) ||
	       !impairment_is_clean(&i->impairments[LINK_IN]);
}

/* ARP asks three times in three seconds, and its frames are lost like any other. */
static bool needs_patience(const struct topology *t, const struct transfer *tr)
{
	struct hop hops[PATH_MAX_HOPS];

	for (size_t i = 0; i < tr->n_to; i++) {
		size_t n = path_hops(t, tr->from, tr->to[i], hops);

		for (const struct hop *h = hops; h < hops + n; h++)
			if (is_impaired(&t->nodes[h->from].interfaces[h->out]) ||
			    is_impaired(&t->nodes[h->to].interfaces[h->in]))
				return true;
	}
	return false;
}

static int sender_argv(struct program *p, const struct topology *t, const char *folder,
		       uint64_t rate_bps, struct err *e)
{
	const struct transfer *tr = &t->transfers[p->transfer];
	uint64_t shared = lower_rate(rate_bps, rate_of_links(t, tr)) / t->n_transfers;
	uint64_t rate = tr->rate_bps != 0 ? tr->rate_bps : shared;
	size_t first_port = tr->sender == NULL ? source_port(t, p->transfer) : 0;
	struct argv a = { 0 };

	if ((tr->sender != NULL ? argv_begin(&a, tr->sender, NULL, e)
				: argv_begin_own(&a, "udp-send", e)) != 0)
		return -1;
	argv_add2(&a, "--port", text_format("%u", tr->port));
	argv_add2(&a, "--format", text_dup(tr->format == FORMAT_RAW ? "raw" : "reliable"));
	argv_add2(&a, "--mode", text_dup(transfer_mode_names[tr->mode]));
	argv_add2(&a, "--to", destinations(t, tr));
	if (tr->workers != 0)
		argv_add2(&a, "--workers", text_format("%u", tr->workers));
	if (rate != 0)
		argv_add2(&a, "--rate", text_format("%llubit", (unsigned long long)rate));
	if (tr->sender == NULL && needs_patience(t, tr))
		argv_add2(&a, "--patience", text_dup(PATIENCE_SECONDS));
	if (first_port != 0)
		argv_add2(&a, "--source-port", text_format("%zu", first_port));
	if (tr->broadcast)
		argv_add(&a, text_dup("--broadcast"));
	if (tr->shared_socket)
		argv_add(&a, text_dup("--shared-socket"));
	argv_add2(&a, "--report", text_format("%s/%s", folder, p->report));
	argv_add(&a, text_dup("--"));
	for (size_t i = 0; i < tr->n_files; i++)
		argv_add(&a, text_dup(tr->files[i].path));
	p->argv = argv_end(&a);
	return 0;
}

int transfer_add_programs(struct program_list *list, const struct topology *t, size_t transfer,
			  const char *folder, uint64_t rate_bps, struct err *e)
{
	const struct transfer *tr = &t->transfers[transfer];

	for (size_t k = 0; k < tr->n_to; k++)
		if (receiver_argv(add_program(list, t, transfer, tr->to[k], ROLE_RECEIVER), t,
				  folder, e) != 0)
			return err_prefix(e, "transfer %s: receiver", tr->name);
	if (sender_argv(add_program(list, t, transfer, tr->from, ROLE_SENDER), t, folder, rate_bps,
			e) != 0)
		return err_prefix(e, "transfer %s: sender", tr->name);
	return 0;
}
