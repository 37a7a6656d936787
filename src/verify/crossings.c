#include "verify/crossings.h"

#include <inttypes.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "capture/fates.h"
#include "verify/engine.h"
#include "verify/link_table.h"
#include "verify/under_way.h"

#define ETHERNET_HEADER 14

/* One direction of one link. */
struct crossing {
	uint64_t before, after;	       /* captured */
	uint64_t logged, due;	       /* the log: came, and were to leave */
	uint64_t late;		       /* of before: when the engine was told to stop, or after */
	uint64_t met_before;	       /* of before and logged: the same frame */
	uint64_t met_after;	       /* of due and after */
	struct direction_evidence log; /* counted as the engine counts */
};

struct crossings {
	const struct trial *trial;
	struct crossing *of_way; /* two per link, by enum direction */
	struct under_way *under_way;
	struct under_way *damaged; /* frames, out of captures' sight; NULL: none yet */
	uint64_t began_ns;	   /* since 1970: from then on everything is captured */
	struct log_reader *log;	   /* NULL at its end */
	struct link_frame frame;   /* the next one of the log */
	struct fate_way way;
	struct link_table *table;
	char *error; /* what is wrong with the log or the table, or NULL */
};

static void fail(struct crossings *c, const struct err *e)
{
	if (c->error == NULL)
		c->error = text_dup(e->msg);
}

/* ---- the log ---- */

static void next_record(struct crossings *c)
{
	struct err e;
	int more = fates_next(c->log, c->trial->evidence->n_links, &c->frame, &c->way, &e);

	if (more < 0)
		fail(c, &e);
	if (more != 1)
		log_reader_freep(&c->log);
}

static void open_log(struct crossings *c)
{
	const struct trial *t = c->trial;
	cleanup_free char *path = text_format("%s/%s", t->folder, t->evidence->wire.log);
	struct err e;

	if (log_reader_open(path, &c->log, &e) != 0) {
		fail(c, &e);
		return;
	}
	if (link_table_open(t->folder, &c->table, &e) != 0)
		fail(c, &e);
	next_record(c);
}

struct crossings *crossings_new(const struct trial *t)
{
	const struct evidence *ev = t->evidence;
	struct crossings *c = array_new(1, sizeof(*c));

	c->trial = t;
	c->of_way = array_new(ev->n_links * N_DIRECTIONS, sizeof(*c->of_way));
	c->under_way = under_way_new();
	if (ev->wire.opened_ns != 0)
		c->began_ns = ev->wire.opened_ns;
	else if (ev->recording_ns > ev->started_ns)
		c->began_ns = ev->started_real_ns + (ev->recording_ns - ev->started_ns);
	if (engine_keeps_log(ev))
		open_log(c);
	return c;
}

enum side_of_engine {
	IN_FRONT,
	BEHIND,
};

/* Every way and each side of it has frames of its own. */
static uint64_t key_of(struct fate_way way, enum side_of_engine side, uint64_t hash)
{
	uint64_t place = (uint64_t)way.link * 4 + way.direction * 2u + side + 1;

	return hash ^ place * UINT64_C(0xd6e8feb86659fd93);
}

static struct crossing *crossing_of(const struct crossings *c, struct fate_way way)
{
	return &c->of_way[way.link * N_DIRECTIONS + way.direction];
}

static void count_as_engine(struct direction_evidence *d, const struct link_frame *f)
{
	unsigned copies = f->cause != CAUSE_NONE ? 0 : f->due_again_ns != 0 ? 2 : 1;

	d->arrived++;
	d->left += copies;
	d->lost[f->cause]++;
	d->duplicated += copies == 2;
	d->corrupted += f->flipped != 0;
	d->reordered += f->reordered;
}

static void take_leaving(struct crossings *c, struct crossing *x, const struct link_frame *f)
{
	unsigned copies = f->cause != CAUSE_NONE ? 0 : f->due_again_ns != 0 ? 2 : 1;

	for (unsigned i = 0; i < copies; i++) {
		x->due++;
		x->met_after += under_way_change(c->under_way, key_of(c->way, BEHIND, f->hash_out),
						 1);
	}
}

/* What left a node damaged is so for all; what comes to one, for that one. */
static uint64_t damage_key(size_t link, enum direction d, uint64_t hash)
{
	return d == LINK_OUT ? hash : hash ^ (link + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void note_damage(struct crossings *c, const struct link_frame *f)
{
	if (f->flipped == 0 || f->hash_in != f->hash_out || f->cause != CAUSE_NONE)
		return;
	if (c->damaged == NULL)
		c->damaged = under_way_new();
	under_way_change(c->damaged,
			 damage_key(c->way.link, (enum direction)c->way.direction, f->hash_out), 1);
}

bool crossings_damaged(const struct crossings *c, size_t capture, const struct packet *p)
{
	size_t link = c->trial->captures[capture].link;
	uint64_t hash = c->damaged != NULL && p->captured_len < p->original_len
				? log_hash(p->data, p->captured_len, p->original_len)
				: 0;

	return hash != 0 &&
	       (under_way_has(c->damaged, damage_key(link, LINK_OUT, hash)) ||
		(link != SIZE_MAX && under_way_has(c->damaged, damage_key(link, LINK_IN, hash))));
}

/* What came before everything was captured has one witness less and is nobody's concern. */
static void take_record(struct crossings *c)
{
	const struct link_frame *f = &c->frame;
	struct crossing *x = crossing_of(c, c->way);

	count_as_engine(&x->log, f);
	note_damage(c, f);
	if (c->table != NULL)
		link_table_add(c->table, c->trial->evidence, log_flow(c->log, f->flow), f);
	if (f->arrived_ns >= c->began_ns) {
		x->logged++;
		x->met_before += under_way_change(c->under_way,
						  key_of(c->way, IN_FRONT, f->hash_in), -1);
	}
	if (f->arrived_ns >= c->began_ns || f->due_ns >= c->began_ns)
		take_leaving(c, x, f);
	next_record(c);
}

/* ---- captures ---- */

void crossings_see(struct crossings *c, size_t capture, const struct packet *p)
{
	const struct evidence *ev = c->trial->evidence;
	const struct capture_evidence *at = &ev->captures[capture];

	while (c->log != NULL && c->frame.arrived_ns <= p->time_ns)
		take_record(c);
	if (c->trial->captures[capture].link == SIZE_MAX || p->time_ns < c->began_ns ||
	    p->captured_len < ETHERNET_HEADER)
		return;

	struct fate_way way = { (uint16_t)c->trial->captures[capture].link,
				(uint8_t)trial_direction(c->trial, capture, p->data + 6) };
	struct crossing *x = crossing_of(c, way);
	bool in_front = at->far == (way.direction == LINK_IN);
	uint64_t key = key_of(way, in_front ? IN_FRONT : BEHIND,
			      log_hash(p->data, p->captured_len, p->original_len));

	if (in_front) {
		x->before++;
		x->late += ev->wire.closed_ns != 0 && p->time_ns >= ev->wire.closed_ns;
		x->met_before += under_way_change(c->under_way, key, 1);
	} else {
		x->after++;
		x->met_after += under_way_change(c->under_way, key, -1);
	}
}

/* ---- accounts ---- */

static void finish_log(struct crossings *c)
{
	struct err e;

	while (c->log != NULL)
		take_record(c);
	if (c->table != NULL && link_table_close(take_ptr(c->table), &e) != 0)
		fail(c, &e);
}

static uint64_t without(uint64_t n, uint64_t at_most)
{
	return n - (n < at_most ? n : at_most);
}

static void account_by_log(const struct crossing *x, bool captured, struct link_account *a)
{
	a->seen = x->log.arrived;
	memcpy(a->lost, x->log.lost, sizeof(a->lost));
	a->duplicated = x->log.duplicated;
	a->corrupted = x->log.corrupted;
	a->reordered = x->log.reordered;
	if (captured)
		a->unexplained = without(x->before - x->met_before, x->late) +
				 (x->logged - x->met_before) + (x->due - x->met_after) +
				 (x->after - x->met_after);
}

static void account_way(const struct crossings *c, size_t link, enum direction d,
			struct link_account *a)
{
	const struct trial *t = c->trial;
	const struct link_evidence *l = &t->evidence->links[link];
	const struct crossing *x = &c->of_way[link * N_DIRECTIONS + d];

	a->link = text_dup(l->name);
	a->direction = d;
	a->engine = engine_describe(t->evidence, l);
	a->captured = t->evidence->n_captures != 0 && t->topology->capture.filter == NULL;
	a->before = x->before;
	a->after = x->after;
	for (size_t i = 0; i < N_CAUSES; i++)
		a->rules[i] = fate_rule(t->topology, l, d, (enum link_cause)i);
	if (l->engine == ENGINE_USER)
		account_by_log(x, a->captured, a);
	else
		engine_account_counters(t, l, d, a);
}

void crossings_judge(struct crossings *c, struct trial *t)
{
	struct ledger *ledger = &t->verdict->ledger;
	size_t n = t->evidence->n_links;

	finish_log(c);
	ledger->links = array_new(n * N_DIRECTIONS, sizeof(*ledger->links));
	ledger->n_links = n * N_DIRECTIONS;
	for (size_t i = 0; i < n; i++)
		for (size_t d = 0; d < N_DIRECTIONS; d++) {
			size_t at = i * N_DIRECTIONS + d;

			account_way(c, i, (enum direction)d, &ledger->links[at]);
			ledger->unexplained += ledger->links[at].unexplained;
			if (ledger->reason == NULL)
				ledger->reason = engine_trouble(t, i, (enum direction)d,
								&c->of_way[at].log);
		}
	if (c->error != NULL) {
		free(ledger->reason);
		ledger->reason = text_format("the link engine's log: %s", c->error);
	}
	if (engine_keeps_log(t->evidence) && c->error == NULL)
		t->verdict->links_table = text_dup("links.tsv");
}

void crossings_freep(struct crossings **c)
{
	if (*c == NULL)
		return;
	under_way_free((*c)->under_way);
	under_way_free((*c)->damaged);
	log_reader_freep(&(*c)->log);
	link_table_freep(&(*c)->table);
	free((*c)->of_way);
	free((*c)->error);
	free(*c);
	*c = NULL;
}
