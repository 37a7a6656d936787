#include "verify/connections.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

#define FIRST_ROOM 1024 /* of the table: a power of 2 */

/* Bytes that came too early: those before them are not here yet. */
struct early {
	uint64_t from; /* offset in what its side sends */
	const uint8_t *bytes;
	size_t len;
	struct place at;
};

struct half {
	bool begun; /* its SYN was seen */
	uint32_t isn;
	uint64_t next;	/* bytes that have come, from the first one on */
	uint64_t acked; /* that the other side says have come */
	struct early *early;
	size_t n_early, early_room;
	bool fin, ended; /* a FIN was seen; it has come, and all before it */
	uint64_t fin_at;
	struct place fin_place;
	bool cut; /* bytes of it were not captured */
};

struct connection {
	struct endpoints ends;
	struct half halves[N_PEERS];
	void *of;		 /* of the conversation; NULL: nobody wants to know */
	bool over;		 /* reset, or both sides have ended */
	struct connection *next; /* of those in one place of the table */
};

struct connections {
	const struct conversation *c;
	void *user;
	struct connection **table;
	size_t room, n; /* places, and connections in them */
	uint64_t count, strays;
};

struct connections *connections_new(const struct conversation *c, void *user)
{
	struct connections *s = array_new(1, sizeof(*s));

	*s = (struct connections){ c, user, array_new(FIRST_ROOM, sizeof(*s->table)), FIRST_ROOM, 0,
				   0, 0 };
	return s;
}

/* ---- the table ---- */

static uint64_t mix(uint64_t h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * 0x100000001b3; /* FNV-1a */
	return h;
}

/* The same for both directions. */
static size_t place_of(const struct connections *s, const struct endpoints *e)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_PEERS; i++)
		sum += mix(mix(0xcbf29ce484222325, &e->address[i], sizeof(e->address[i])),
			   &e->port[i], sizeof(e->port[i]));
	return (size_t)(sum ^ sum >> 32) & (s->room - 1);
}

static bool is_end(const struct connection *c, enum peer side, const struct ip_address *address,
		   uint16_t port)
{
	return c->ends.port[side] == port && ip_address_equal(&c->ends.address[side], address);
}

static struct connection *find(const struct connections *s, const struct segment *g,
			       enum peer *ret_from)
{
	const struct endpoints e = { { g->from, g->to }, { g->from_port, g->to_port } };

	for (struct connection *c = s->table[place_of(s, &e)]; c != NULL; c = c->next)
		for (*ret_from = PEER_CLIENT; *ret_from < N_PEERS; (*ret_from)++)
			if (is_end(c, *ret_from, &g->from, g->from_port) &&
			    is_end(c, 1 - *ret_from, &g->to, g->to_port))
				return c;
	return NULL;
}

static void insert(struct connections *s, struct connection *c)
{
	struct connection **at = &s->table[place_of(s, &c->ends)];

	c->next = *at;
	*at = c;
}

static void grow(struct connections *s)
{
	struct connection **old = s->table;
	size_t n = s->room;

	s->room *= 2;
	s->table = array_new(s->room, sizeof(*s->table));
	for (size_t i = 0; i < n; i++)
		for (struct connection *c = old[i], *next; c != NULL; c = next) {
			next = c->next;
			insert(s, c);
		}
	free(old);
}

/* ---- what one side sends ---- */

static void give(struct connections *s, struct connection *c, enum peer from, const struct early *e)
{
	struct half *h = &c->halves[from];
	uint64_t known = h->next - e->from; /* sent before */

	if (known < e->len) {
		h->next = e->from + e->len;
		s->c->data(c->of, from, e->bytes + known, e->len - known, e->at);
	}
}

/* Those that are no longer too early, in whatever order they lie. */
static void give_early(struct connections *s, struct connection *c, enum peer from)
{
	struct half *h = &c->halves[from];

	for (size_t i = 0; i < h->n_early;) {
		struct early e = h->early[i];

		if (e.from > h->next) {
			i++;
			continue;
		}
		h->early[i] = h->early[--h->n_early];
		give(s, c, from, &e);
		i = 0;
	}
}

static void end_half(struct connections *s, struct connection *c, enum peer from)
{
	struct half *h = &c->halves[from];

	if (!h->fin || h->ended || h->next < h->fin_at)
		return;
	h->ended = true;
	s->c->fin(c->of, from, h->fin_place);
	c->over = c->halves[1 - from].ended;
}

/* Offset of a sequence number, the one nearest to where this half is; below 0: before its first. */
static int64_t offset_of(const struct half *h, uint32_t seq)
{
	uint32_t now = h->isn + 1 + (uint32_t)h->next;

	return (int64_t)h->next + (int32_t)(seq - now);
}

/* What follows means nothing without the bytes that were not captured. */
static void cut_off(struct connection *c, enum peer from)
{
	c->halves[from].cut = true;
	c->over = true;
}

static void take_bytes(struct connections *s, struct connection *c, enum peer from,
		       const struct segment *g, struct place at)
{
	struct half *h = &c->halves[from];
	int64_t begin = offset_of(h, g->seq);
	/* A byte before the first one keeps a connection alive (RFC 9293, 3.8.4). */
	size_t before = begin < 0 ? (size_t)-begin : 0;

	if (before > g->len)
		return;
	if (g->fin && !h->fin) {
		h->fin = true;
		h->fin_at = (uint64_t)(begin + (int64_t)g->len);
		h->fin_place = at;
	}
	if (g->captured < g->len) {
		cut_off(c, from);
		return;
	}

	const struct early e = { (uint64_t)begin + before, g->bytes + before, g->len - before, at };

	if (e.len > 0 && e.from > h->next)
		*(struct early *)array_add(&h->early, &h->n_early, &h->early_room, sizeof(e)) = e;
	else if (e.len > 0)
		give(s, c, from, &e);
	give_early(s, c, from);
	end_half(s, c, from);
}

/* ---- connections ---- */

/* The other side has bytes of it that are not here. The FIN is acknowledged, too. */
static bool is_ahead(const struct half *h)
{
	return h->acked > h->next + 1 || (h->acked > h->next && !h->fin);
}

static bool is_missing(const struct half *h)
{
	return h->cut || h->n_early != 0 || is_ahead(h);
}

static void close_connection(struct connections *s, struct connection *c)
{
	bool missing = false;

	for (int i = 0; i < N_PEERS; i++) {
		missing |= is_missing(&c->halves[i]);
		free(c->halves[i].early);
		c->halves[i] = (struct half){ 0 };
	}
	if (c->of != NULL)
		s->c->close(c->of, missing);
	c->of = NULL;
	c->over = true;
}

/* A SYN: a new connection, also between ends that had one before; or the same SYN again. */
static void begin(struct connections *s, struct connection *c, const struct segment *g)
{
	if (c != NULL && c->halves[PEER_CLIENT].begun && c->halves[PEER_CLIENT].isn == g->seq)
		return;
	if (c == NULL) {
		if (s->n++ == s->room)
			grow(s);
		c = array_new(1, sizeof(*c));
		c->ends = (struct endpoints){ { g->from, g->to }, { g->from_port, g->to_port } };
		insert(s, c);
	} else {
		close_connection(s, c);
	}
	s->count++;
	c->over = false;
	c->of = s->c != NULL ? s->c->open(s->user, &c->ends) : NULL;
	c->halves[PEER_CLIENT].begun = true;
	c->halves[PEER_CLIENT].isn = g->seq;
}

static void take_ack(struct half *h, uint32_t ack)
{
	int64_t offset = offset_of(h, ack);

	if (h->begun && offset > 0 && (uint64_t)offset > h->acked)
		h->acked = (uint64_t)offset;
}

static void take(struct connections *s, struct connection *c, enum peer from,
		 const struct segment *g, struct place at)
{
	struct half *h = &c->halves[from];

	if (g->syn && !h->begun) {
		h->begun = true;
		h->isn = g->seq;
	}
	if (g->rst) {
		s->c->reset(c->of, from, at);
		c->over = true;
		return;
	}
	if (g->acks)
		take_ack(&c->halves[1 - from], g->ack);
	if (g->syn || (g->len == 0 && !g->fin))
		return;
	/* An answer to what was not captured cannot be told from one to nothing. */
	if (h->begun && !(g->len != 0 && is_ahead(&c->halves[1 - from])))
		take_bytes(s, c, from, g, at);
	else
		cut_off(c, h->begun ? 1 - from : from);
}

void connections_add(struct connections *s, const struct segment *g, uint64_t frame)
{
	enum peer from = PEER_CLIENT;
	struct connection *c;

	/* As the kernel that it comes to does. */
	if (g->damaged)
		return;
	c = find(s, g, &from);
	if (g->syn && !g->acks && !g->rst && (c == NULL || from == PEER_CLIENT || c->over)) {
		if (c != NULL && from != PEER_CLIENT)
			c->ends = (struct endpoints){ { g->from, g->to },
						      { g->from_port, g->to_port } };
		begin(s, c, g);
	} else if (c == NULL) {
		s->strays += g->len != 0;
	} else if (c->of != NULL && !c->over) {
		take(s, c, from, g, (struct place){ frame, g->time_ns });
	}
}

uint64_t connections_count(const struct connections *s)
{
	return s->count;
}

uint64_t connections_strays(const struct connections *s)
{
	return s->strays;
}

void connections_finish(struct connections *s)
{
	for (size_t i = 0; i < s->room; i++)
		for (struct connection *c = s->table[i]; c != NULL; c = c->next)
			close_connection(s, c);
}

void connections_freep(struct connections **sp)
{
	struct connections *s = *sp;

	if (s == NULL)
		return;
	connections_finish(s);
	for (size_t i = 0; i < s->room; i++)
		for (struct connection *c = s->table[i], *next; c != NULL; c = next) {
			next = c->next;
			free(c);
		}
	free(s->table);
	free(s);
	*sp = NULL;
}
