/* terminal_accounts: links, faults and the ledger of a run, line by line. For terminal.c. */
#include <inttypes.h>

#include "base/text.h"
#include "report/render.h"
#include "report/terminal.h"

/* Per run: who needs all reads report.json or asks for --verbose. */
#define MAX_LINKS 12

/* "361 lost (300 loss 30%, 61 queue full), 12 duplicated": what is 0 is left out. */
static void add_losses(struct text *line, const struct link_account *l)
{
	const char *before = " (";

	text_add(line, ", %" PRIu64 " lost", link_account_lost(l));
	for (size_t c = CAUSE_NONE + 1; c < N_CAUSES; c++) {
		if (l->lost[c] == 0)
			continue;
		text_add(line, "%s%" PRIu64 " %s", before, l->lost[c], render_text(l->rules[c]));
		before = ", ";
	}
	text_add(line, "%s", before[0] == ',' ? ")" : "");
}

static void print_link_account(const struct terminal *t, const struct link_account *l)
{
	const struct {
		const char *what;
		uint64_t n;
	} rare[] = {
		{ "duplicated", l->duplicated },
		{ "corrupted", l->corrupted },
		{ "reordered", l->reordered },
		{ "unexplained", l->unexplained },
	};
	struct text line = { 0 };

	add_losses(&line, l);
	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		if (rare[i].n != 0)
			text_add(&line, ", %" PRIu64 " %s", rare[i].n, rare[i].what);
	terminal_field(t, "link", "%s %s  %s: %" PRIu64 " frames%s", l->link,
		       direction_name(l->direction), render_text(l->engine), l->seen,
		       text_str(&line));
	text_done(&line);
}

/* Those that did something, or all when verbose. */
static void print_links(const struct terminal *t, const struct ledger *l)
{
	size_t shown = 0, left_out = 0;

	for (size_t i = 0; i < l->n_links; i++) {
		const struct link_account *a = &l->links[i];
		bool eventful = link_account_lost(a) + a->duplicated + a->corrupted + a->reordered +
					a->unexplained !=
				0;

		if (!t->verbose && !eventful)
			continue;
		if (t->verbose || shown < MAX_LINKS)
			print_link_account(t, a);
		else
			left_out++;
		shown++;
	}
	if (left_out != 0)
		terminal_field(t, "", "%zu more in report.json", left_out);
}

void terminal_print_faults(const struct terminal *t, const struct run_verdict *r)
{
	char fired[16], undone[16];

	for (size_t i = 0; i < r->n_faults; i++) {
		const struct fault_verdict *f = &r->faults[i];

		if (f->fired)
			terminal_field(t, "fault", "%s: %s, due %s: fired after %s%s%s", f->name,
				       f->action, f->due, text_duration(fired, f->fired_ns),
				       f->undone ? ", undone after " : "",
				       f->undone ? text_duration(undone, f->undone_ns) : "");
		else
			terminal_field(t, "fault", "%s: %s, due %s: never fired", f->name,
				       f->action, f->due);
	}
}

static void print_node_account(const struct terminal *t, const struct node_account *n)
{
	terminal_field(t, "",
		       "  %s: %" PRIu64 " arrived = %" PRIu64 " read + %" PRIu64
		       " dropped, buffer full%s%s%s + %" PRIu64 " no such port + %" PRIu64
		       " bad checksum + %" PRIu64 " bad length + %" PRIu64 " never read; %" PRIu64
		       " unexplained",
		       n->node, n->arrived, n->delivered, n->rcvbuf,
		       n->rcvbuf_place != NULL ? " (" : "", render_text(n->rcvbuf_place),
		       n->rcvbuf_place != NULL ? ")" : "", n->no_port, n->checksum, n->malformed,
		       n->unread, n->unexplained);
}

void terminal_print_ledger(const struct terminal *t, const struct run_verdict *r)
{
	const struct ledger *ledger = &r->ledger;

	print_links(t, ledger);
	if (ledger->outcome <= OUTCOME_SKIP && !t->verbose)
		return;
	terminal_field(t, "ledger", "%s%s%" PRIu64 " unexplained", render_text(ledger->reason),
		       ledger->reason != NULL ? "; " : "", ledger->unexplained);
	for (size_t i = 0; i < ledger->n_networks; i++) {
		const struct network_account *n = &ledger->networks[i];

		terminal_field(t, "",
			       "  %s to %s: %" PRIu64 " sent, %" PRIu64 " arrived, %" PRIu64
			       " lost; %" PRIu64 " unexplained",
			       n->from, n->to, n->sent, n->arrived, n->lost, n->unexplained);
	}
	for (size_t i = 0; i < ledger->n_nodes; i++)
		print_node_account(t, &ledger->nodes[i]);
}
