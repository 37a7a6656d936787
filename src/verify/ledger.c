#include "verify/ledger.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/fs.h"
#include "base/text.h"

static bool skip(struct ledger *l, const char *why)
{
	l->outcome = l->reason != NULL ? OUTCOME_INCONCLUSIVE : OUTCOME_SKIP;
	if (l->reason == NULL)
		l->reason = text_dup(why);
	return true;
}

/* Whether there is nothing to account with. */
static bool cannot_account(const struct trial *t, struct ledger *l)
{
	if (t->evidence->n_captures == 0)
		return skip(l, "captures are off");
	if (t->topology->capture.filter != NULL)
		return skip(l, "a capture filter hides datagrams");
	if (t->evidence->recording_ns == 0)
		return skip(l, "the run ended before anything was recorded");
	return false;
}

/* ---- networks ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* A network loses nothing and invents nothing: what entered and did not arrive has no cause. */
static void judge_networks(const struct trial *t, const struct book_way *ways, size_t n)
{
	struct ledger *ledger = &t->verdict->ledger;

	ledger->networks = array_new(n, sizeof(*ledger->networks));
	ledger->n_networks = n;
	for (size_t i = 0; i < n; i++) {
		const struct book_way *w = &ways[i];
		struct network_account *a = &ledger->networks[i];

		a->from = text_dup(t->topology->nodes[w->from].name);
		a->to = text_dup(t->topology->nodes[w->to].name);
		a->sent = w->sent;
		a->arrived = w->arrived;
		a->lost = w->sent - w->matched;
		a->unexplained = a->lost + (w->arrived - w->matched);
		ledger->unexplained += a->unexplained;
	}
}

/* ---- nodes ---- */

static bool ended_badly(const struct program_evidence *p)
{
	bool stopped = p->told_to_stop && !p->ignored_stop && !p->past_deadline;
	bool well = p->state == PROGRAM_EXITED && p->status == 0;

	if (p->role == ROLE_RECEIVER)
		return !stopped || (p->state == PROGRAM_EXITED && p->status != 0);
	return !well;
}

/* How many datagrams may have been in a receive buffer when it was closed. */
static uint64_t may_be_unread(const struct trial *t, size_t node, const struct book_node *b)
{
	const struct evidence *ev = t->evidence;

	for (size_t i = 0; i < ev->n_programs; i++) {
		if (ev->programs[i].node != node)
			continue;
		if (ended_badly(&ev->programs[i]) || ev->sockets[i].queued != 0)
			return UINT64_MAX;
	}
	return b->late;
}

/* "udp-recv, port 10000": whose receive buffer was full. */
static char *full_place(const struct trial *t, size_t node)
{
	const struct evidence *ev = t->evidence;
	const struct program_evidence *best = NULL;
	uint64_t most = 0;

	for (size_t i = 0; i < ev->n_programs; i++) {
		const struct program_evidence *p = &ev->programs[i];

		if (p->node != node || (best != NULL && ev->sockets[i].drops <= most))
			continue;
		best = p;
		most = ev->sockets[i].drops;
	}
	if (best == NULL)
		return NULL;
	if (best->transfer == NO_TRANSFER)
		return text_dup(fs_basename(best->name));
	if (best->role == ROLE_SENDER)
		return text_format("%s, its own port", fs_basename(best->name));
	return text_format("%s, port %u", fs_basename(best->name),
			   t->topology->transfers[best->transfer].port);
}

/*
 * What the kernel dropped because its length is wrong is in InErrors and in no counter of its own
 * (net/ipv4/udp.c, __udp4_lib_rcv: short_packet).
 */
static uint64_t short_packets(const struct udp_counters *c, const struct book_node *b)
{
	uint64_t others = c->rcvbuf_errors + c->csum_errors;
	uint64_t rest = c->in_errors > others ? c->in_errors - others : 0;

	return rest < b->malformed ? rest : b->malformed;
}

static uint64_t accounted(const struct node_account *n)
{
	return n->delivered + n->rcvbuf + n->no_port + n->checksum + n->malformed + n->unread;
}

static void judge_node(const struct trial *t, size_t node, const struct book_node *b,
		       struct node_account *n)
{
	const struct udp_counters *c = &t->evidence->nodes[node].udp;

	n->node = text_dup(t->topology->nodes[node].name);
	n->arrived = b->arrived;
	n->delivered = c->in_datagrams;
	n->rcvbuf = c->rcvbuf_errors;
	n->no_port = c->no_ports;
	n->checksum = c->csum_errors;
	n->malformed = short_packets(c, b);
	if (n->rcvbuf != 0)
		n->rcvbuf_place = full_place(t, node);

	uint64_t known = accounted(n), perhaps = b->perhaps + c->loopback;

	/* What a node sends to itself is in its counters, and in nobody's captures. */
	if (known > n->arrived)
		n->arrived += known - n->arrived < perhaps ? known - n->arrived : perhaps;
	if (n->arrived > known && n->arrived - known <= may_be_unread(t, node, b))
		n->unread = n->arrived - known;
	n->unexplained = distance(n->arrived, known + n->unread);
}

static void judge_nodes(const struct trial *t, const struct book_node *nodes)
{
	struct ledger *l = &t->verdict->ledger;

	l->nodes = array_new(t->topology->n_nodes, sizeof(*l->nodes));
	for (size_t i = 0; i < t->topology->n_nodes; i++) {
		if (!t->evidence->nodes[i].counted) {
			if (l->reason == NULL)
				l->reason = text_format("%s: its kernel's UDP counters were not "
							"read",
							t->topology->nodes[i].name);
			continue;
		}
		judge_node(t, i, &nodes[i], &l->nodes[l->n_nodes]);
		l->unexplained += l->nodes[l->n_nodes++].unexplained;
	}
}

/* ---- the whole ---- */

static bool all_watched(const struct trial *t)
{
	for (size_t i = 0; i < t->verdict->n_captures; i++)
		if (t->verdict->captures[i].outcome != OUTCOME_PASS)
			return false;
	return true;
}

static char *explain_link(const struct link_account *a)
{
	uint64_t lost = link_account_lost(a);

	return text_format("%s %s: %" PRIu64 " frames came, the link engine saw %" PRIu64
			   ", lost %" PRIu64 " and duplicated %" PRIu64 ", %" PRIu64
			   " left: %" PRIu64 " unexplained",
			   a->link, direction_name(a->direction), a->before, a->seen, lost,
			   a->duplicated, a->after, a->unexplained);
}

static char *explain_network(const struct network_account *a)
{
	return text_format("%s to %s: %" PRIu64 " datagrams sent, %" PRIu64 " arrived: %" PRIu64
			   " unexplained",
			   a->from, a->to, a->sent, a->arrived, a->unexplained);
}

/* The first row that does not add up, in words. */
static char *explain(const struct trial *t, const struct ledger *l)
{
	if (!all_watched(t))
		return text_format("captures are incomplete, so %" PRIu64
				   " datagrams have no account",
				   l->unexplained);
	for (size_t i = 0; i < l->n_links; i++)
		if (l->links[i].unexplained != 0)
			return explain_link(&l->links[i]);
	for (size_t i = 0; i < l->n_networks; i++)
		if (l->networks[i].unexplained != 0)
			return explain_network(&l->networks[i]);
	for (size_t i = 0; i < l->n_nodes; i++) {
		const struct node_account *a = &l->nodes[i];

		if (a->unexplained != 0)
			return text_format("%s: %" PRIu64 " datagrams arrived, its kernel accounts "
					   "for %" PRIu64 ": %" PRIu64 " unexplained",
					   a->node, a->arrived, accounted(a), a->unexplained);
	}
	return text_format("%" PRIu64 " datagrams unexplained", l->unexplained);
}

void ledger_judge(struct trial *t, const struct book_way *ways, size_t n_ways,
		  const struct book_node *nodes)
{
	struct ledger *l = &t->verdict->ledger;

	if (cannot_account(t, l))
		return;
	judge_networks(t, ways, n_ways);
	judge_nodes(t, nodes);
	l->outcome = l->reason != NULL || l->unexplained != 0 ? OUTCOME_INCONCLUSIVE : OUTCOME_PASS;
	if (l->reason == NULL && l->unexplained != 0)
		l->reason = explain(t, l);
}
