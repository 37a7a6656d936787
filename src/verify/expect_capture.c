/* Expectations of packets: one pass over the capture of an interface. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "capture/filter.h"
#include "capture/pcapng.h"
#include "verify/expect.h"

/* Bytes of packets between two times that memory is given back: a capture may be of gigabytes. */
#define FORGET_BYTES (64 << 20)

/* What the pass counts. */
struct count {
	const struct expecting *x;
	const struct packet_filter *filter; /* NULL: every packet is meant */
	const uint8_t *mac;		    /* of the interface */
	uint64_t ready_ns;		    /* since 1970 */
	uint64_t packets, bytes;	    /* that are meant */
	uint64_t all;			    /* packets of the capture */
	uint64_t other_way, early, late;    /* pass the filter, and are not meant */
};

/* Recorders say it; else it is from the interface when it has its address. */
static enum direction direction_of(const struct count *n, const struct packet *p)
{
	if (p->direction != DIRECTION_UNKNOWN)
		return p->direction == DIRECTION_OUT ? LINK_OUT : LINK_IN;
	return p->captured_len >= 12 && memcmp(p->data + 6, n->mac, 6) == 0 ? LINK_OUT : LINK_IN;
}

static void count_packet(struct count *n, const struct packet *p)
{
	const struct expectation *e = n->x->expectation;

	n->all++;
	if (n->filter != NULL && !packet_filter_match(n->filter, p))
		return;
	if (e->directed && direction_of(n, p) != e->direction) {
		n->other_way++;
	} else if (e->from_ns != 0 && p->time_ns < n->ready_ns + e->from_ns) {
		n->early++;
	} else if (e->until_ns != UINT64_MAX && p->time_ns >= n->ready_ns + e->until_ns) {
		n->late++;
	} else {
		n->packets++;
		n->bytes += p->original_len;
	}
}

static int count_capture(struct count *n, const char *path, struct err *e)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
	struct packet p;
	size_t held = 0;
	int more;

	if (pcapng_reader_open(path, &r, e) != 0)
		return -1;
	while ((more = pcapng_read(r, &p, e)) == 1) {
		count_packet(n, &p);
		held += p.captured_len;
		if (held < FORGET_BYTES)
			continue;
		pcapng_forget(r);
		held = 0;
	}
	return more;
}

/* ---- what is said of it ---- */

/* The capture at the interface itself, by its number; SIZE_MAX: there is none. */
static size_t find_capture(const struct trial *t, const struct expectation *e)
{
	for (size_t i = 0; i < t->evidence->n_captures; i++) {
		const struct capture_evidence *c = &t->evidence->captures[i];

		if (!c->far && c->node == e->node && c->interface == e->interface)
			return i;
	}
	return SIZE_MAX;
}

/* Why there may have been more packets than the capture has; NULL: there were not. */
static const char *gap_of(const struct trial *t, size_t capture)
{
	if (t->verdict->captures[capture].outcome != OUTCOME_PASS)
		return t->verdict->captures[capture].reason;
	if (t->topology->capture.filter != NULL)
		return "the capture has a filter of its own";
	return t->cut_short ? "the run was cut short" : NULL;
}

static void add_word(struct text *t, const char *word)
{
	text_add(t, "'");
	for (; *word != '\0'; word++)
		text_add(t, *word == '\'' ? "'\\''" : "%c", *word);
	text_add(t, "'");
}

/* As it can be typed. Times are compared by eye: -ttt shows those since the first packet. */
static char *command_of(const struct count *n, const char *path)
{
	const struct expectation *e = n->x->expectation;
	const uint8_t *m = n->mac;
	struct text filter = { 0 }, t = { 0 };

	if (e->filter != NULL)
		text_add(&filter, e->directed ? "(%s)" : "%s", e->filter);
	if (e->directed)
		text_add(&filter, "%s%sether src %02x:%02x:%02x:%02x:%02x:%02x",
			 filter.len != 0 ? " and " : "", e->direction == LINK_IN ? "not " : "",
			 m[0], m[1], m[2], m[3], m[4], m[5]);
	text_add(&t, "tcpdump -n -tttt -r ");
	add_word(&t, path);
	if (filter.len != 0) {
		text_add(&t, " ");
		add_word(&t, filter.s);
	}
	text_done(&filter);
	return text_take(&t);
}

static char *near_of(const struct count *n)
{
	struct text t = { 0 };
	const struct {
		uint64_t n;
		const char *where;
	} others[] = {
		{ n->other_way, "in the other direction" },
		{ n->early, "before 'from'" },
		{ n->late, "after 'until'" },
	};

	text_add(&t, "%" PRIu64 " packets in the capture", n->all);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (others[i].n != 0)
			text_add(&t, "; %" PRIu64 " that pass the filter %s", others[i].n,
				 others[i].where);
	return text_take(&t);
}

static void judge_counted(const struct expecting *x, const struct count *n, const char *gap,
			  const char *path)
{
	for (size_t i = 0; i < x->expectation->n_conditions; i++) {
		const struct condition *c = &x->expectation->conditions[i];
		struct condition_verdict *v = &x->verdict->conditions[i];
		uint64_t found = c->kind == EXPECT_BYTES ? n->bytes : n->packets;
		enum outcome o = expect_amount(&c->amount, found, gap != NULL);

		expect_set(v, o, "%" PRIu64 " %s%s%s%s%s", found,
			   c->kind == EXPECT_BYTES ? "byte" : "packet", found == 1 ? "" : "s",
			   o == OUTCOME_INCONCLUSIVE ? ", and there may have been more (" : "",
			   o == OUTCOME_INCONCLUSIVE ? gap : "",
			   o == OUTCOME_INCONCLUSIVE ? ")" : "");
		if (o == OUTCOME_PASS)
			continue;
		v->nearest = near_of(n);
		v->look = command_of(n, path);
	}
}

static void nothing_counted(const struct expecting *x, const char *why)
{
	for (size_t i = 0; i < x->expectation->n_conditions; i++)
		expect_set(&x->verdict->conditions[i], OUTCOME_INCONCLUSIVE, "nothing: %s", why);
}

void expect_judge_capture(const struct expecting *x)
{
	const struct trial *t = x->trial;
	const struct expectation *e = x->expectation;
	cleanup_by(packet_filter_freep) struct packet_filter *filter = NULL;
	size_t capture = find_capture(t, e);
	struct err why;

	if (capture == SIZE_MAX) {
		nothing_counted(x, "captures are off");
		return;
	}
	if (t->evidence->ready_ns == 0 && (e->from_ns != 0 || e->until_ns != UINT64_MAX)) {
		nothing_counted(x, "programs were never ready, which is when times begin");
		return;
	}

	cleanup_free char *path = text_format("%s/%s", t->folder,
					      t->evidence->captures[capture].file);
	struct count n = { .x = x,
			   .mac = t->topology->nodes[e->node].interfaces[e->interface].mac,
			   .ready_ns = expect_real_ns(t, t->evidence->ready_ns) };

	if (e->filter != NULL &&
	    packet_filter_new(e->filter, t->topology->capture.snaplen, &filter, &why) != 0) {
		nothing_counted(x, why.msg);
		return;
	}
	n.filter = filter;
	if (count_capture(&n, path, &why) != 0)
		judge_counted(x, &n, why.msg, path);
	else
		judge_counted(x, &n, gap_of(t, capture), path);
}
