/* Expectations of packets and connections: one pass over the capture of each interface. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "capture/filter.h"
#include "capture/pcapng.h"
#include "verify/connections.h"
#include "verify/expect.h"
#include "verify/http.h"

/* Bytes of packets between two times that memory is given back: a capture may be of gigabytes. */
#define FORGET_BYTES (64 << 20)

/* What the pass over one capture counts. */
struct count {
	const struct expecting *x;
	const struct captured *where;
	const struct packet_filter *filter; /* NULL: every packet is meant */
	char *path;
	const char *gap;		 /* why there may have been more; NULL: there was not */
	const uint8_t *mac;		 /* of the interface */
	uint64_t ready_ns;		 /* since 1970 */
	uint64_t packets, bytes;	 /* that are meant */
	uint64_t all;			 /* packets of the capture */
	uint64_t other_way, early, late; /* pass the filter, and are not meant */
	struct http *http;
	struct connections *connections; /* when anything of them is asked */
	struct err why;			 /* the capture could not be read to its end */
};

/* Recorders say it; else it is from the interface when it has its address. */
static enum direction direction_of(const struct count *n, const struct packet *p)
{
	if (p->direction != DIRECTION_UNKNOWN)
		return p->direction == DIRECTION_OUT ? LINK_OUT : LINK_IN;
	return p->captured_len >= 12 && memcmp(p->data + 6, n->mac, 6) == 0 ? LINK_OUT : LINK_IN;
}

static bool wants(const struct expectation *e, enum condition_kind kind)
{
	for (size_t i = 0; i < e->n_conditions; i++)
		if (e->conditions[i].kind == kind)
			return true;
	return false;
}

/* With the first packet: conversations are told by the time since then. */
static void begin_connections(struct count *n, const struct packet *p)
{
	const struct expectation *e = n->x->expectation;

	if (e->http != NULL)
		n->http = http_new(e->http, e->sample, p->time_ns);
	if (e->http != NULL || wants(e, EXPECT_CONNECTIONS) || wants(e, EXPECT_SPREAD))
		n->connections = connections_new(e->http != NULL ? &http_conversation : NULL,
						 n->http);
}

static void count_connection(struct count *n, const struct packet *p)
{
	struct segment segment;

	if (n->connections != NULL && decode_tcp(p, &segment))
		connections_add(n->connections, &segment, n->all);
}

static void count_packet(struct count *n, const struct packet *p)
{
	const struct expectation *e = n->x->expectation;

	if (n->all++ == 0)
		begin_connections(n, p);
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
		count_connection(n, p);
	}
}

static int count_capture(struct count *n, struct err *e)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
	struct packet p;
	size_t held = 0;
	int more;

	if (pcapng_reader_open(n->path, &r, e) != 0)
		return -1;
	while ((more = pcapng_read(r, &p, e)) == 1) {
		count_packet(n, &p);
		held += p.captured_len;
		if (held < FORGET_BYTES)
			continue;
		pcapng_forget(r);
		held = 0;
	}
	/* Before the bytes of the capture are gone. */
	if (n->connections != NULL)
		connections_finish(n->connections);
	return more;
}

/* ---- what is said of it ---- */

/* The capture at the interface itself, by its number; SIZE_MAX: there is none. */
static size_t find_capture(const struct trial *t, const struct captured *where)
{
	for (size_t i = 0; i < t->evidence->n_captures; i++) {
		const struct capture_evidence *c = &t->evidence->captures[i];

		if (!c->far && c->node == where->node && c->interface == where->interface)
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
static char *command_of(const struct count *n)
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
	add_word(&t, n->path);
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

/* ---- all captures of the block ---- */

struct counts {
	struct count *of;
	size_t n;
	const char *gap; /* of the first that has one */
};

static uint64_t number_of(const struct count *n, enum condition_kind kind)
{
	if (kind == EXPECT_PACKETS)
		return n->packets;
	if (kind == EXPECT_BYTES)
		return n->bytes;
	return n->connections != NULL ? connections_count(n->connections) : 0;
}

/* What they are together, or how far apart. */
static uint64_t combine(const struct counts *all, enum condition_kind kind)
{
	uint64_t sum = 0, least = UINT64_MAX, most = 0;

	for (size_t i = 0; i < all->n; i++) {
		uint64_t n = number_of(&all->of[i], kind);

		sum += n;
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	return kind == EXPECT_SPREAD ? most - least : sum;
}

/* " (250, 250, 251)", where there are several. */
static char *apart(const struct counts *all, enum condition_kind kind)
{
	struct text t = { 0 };

	for (size_t i = 0; i < all->n && all->n > 1; i++)
		text_add(&t, "%s%" PRIu64, i == 0 ? " (" : ", ", number_of(&all->of[i], kind));
	if (all->n > 1)
		text_add(&t, ")");
	return t.len != 0 ? text_take(&t) : text_dup("");
}

static const char *noun_of(enum condition_kind kind)
{
	return kind == EXPECT_PACKETS ? "packet" : kind == EXPECT_BYTES ? "byte" : "connection";
}

static void judge_condition(const struct counts *all, const struct condition *c,
			    struct condition_verdict *v)
{
	uint64_t found = combine(all, c->kind);
	cleanup_free char *each = apart(all, c->kind);
	/* What is missing may be at either end. */
	enum outcome o = c->kind == EXPECT_SPREAD && all->gap != NULL
				 ? OUTCOME_INCONCLUSIVE
				 : expect_amount(&c->amount, found, all->gap != NULL);

	expect_set(v, o, "%" PRIu64 " %s%s%s%s%s%s", found, noun_of(c->kind), found == 1 ? "" : "s",
		   each, o == OUTCOME_INCONCLUSIVE ? ", and there may have been more (" : "",
		   o == OUTCOME_INCONCLUSIVE ? all->gap : "", o == OUTCOME_INCONCLUSIVE ? ")" : "");
	if (o == OUTCOME_PASS)
		return;
	v->nearest = near_of(&all->of[0]);
	v->look = command_of(&all->of[0]);
}

static void judge_http(const struct expecting *x, const struct counts *all)
{
	cleanup_free const struct http_tally **tallies = array_new(all->n, sizeof(*tallies));
	cleanup_free char **paths = array_new(all->n, sizeof(*paths));
	static const struct http_tally none;

	for (size_t i = 0; i < all->n; i++) {
		tallies[i] = all->of[i].http != NULL ? http_tally(all->of[i].http) : &none;
		paths[i] = all->of[i].path;
	}
	expect_judge_http(x, tallies, paths, all->n, all->gap);
}

static void judge_counted(const struct expecting *x, struct counts *all)
{
	const struct expectation *e = x->expectation;

	for (size_t i = all->n; i-- > 0;)
		if (all->of[i].gap != NULL)
			all->gap = all->of[i].gap;
	for (size_t i = 0; i < e->n_conditions; i++)
		if (!expect_is_http(e, &e->conditions[i]))
			judge_condition(all, &e->conditions[i], &x->verdict->conditions[i]);
	if (e->http != NULL)
		judge_http(x, all);
}

static void nothing_counted(const struct expecting *x, const char *why)
{
	for (size_t i = 0; i < x->expectation->n_conditions; i++)
		expect_set(&x->verdict->conditions[i], OUTCOME_INCONCLUSIVE, "nothing: %s", why);
}

static bool count_one(struct count *n)
{
	const struct trial *t = n->x->trial;
	size_t capture = find_capture(t, n->where);

	if (capture == SIZE_MAX)
		return false;
	n->mac = t->topology->nodes[n->where->node].interfaces[n->where->interface].mac;
	n->ready_ns = expect_real_ns(t, t->evidence->ready_ns);
	n->path = text_format("%s/%s", t->folder, t->evidence->captures[capture].file);
	n->gap = count_capture(n, &n->why) != 0 ? n->why.msg : gap_of(t, capture);
	return true;
}

static void count_all(const struct expecting *x, struct counts *all,
		      const struct packet_filter *filter)
{
	for (size_t i = 0; i < all->n; i++) {
		all->of[i].x = x;
		all->of[i].where = &x->expectation->captures[i];
		all->of[i].filter = filter;
		if (!count_one(&all->of[i])) {
			nothing_counted(x, "captures are off");
			return;
		}
	}
	judge_counted(x, all);
}

static void counts_done(struct counts *all)
{
	for (size_t i = 0; i < all->n; i++) {
		connections_freep(&all->of[i].connections);
		http_freep(&all->of[i].http);
		free(all->of[i].path);
	}
	free(all->of);
}

void expect_judge_captures(const struct expecting *x)
{
	const struct trial *t = x->trial;
	const struct expectation *e = x->expectation;
	cleanup_by(packet_filter_freep) struct packet_filter *filter = NULL;
	struct err why;

	if (t->evidence->ready_ns == 0 && (e->from_ns != 0 || e->until_ns != UINT64_MAX)) {
		nothing_counted(x, "programs were never ready, which is when times begin");
		return;
	}
	if (e->filter != NULL &&
	    packet_filter_new(e->filter, t->topology->capture.snaplen, &filter, &why) != 0) {
		nothing_counted(x, why.msg);
		return;
	}

	cleanup_by(counts_done) struct counts all = {
		.of = array_new(e->n_captures, sizeof(*all.of)), .n = e->n_captures
	};

	count_all(x, &all, filter);
}
