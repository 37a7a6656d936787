#include "capture/remarks.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "capture/fates.h"
#include "link/log.h"

/* Links that are named in one comment; the others are counted. */
#define MAX_NAMED 4

#define ETHERNET_HEADER 14

/* Where a capture stands. */
struct stand {
	bool impaired; /* its link has an engine that keeps a log */
	bool far;
	uint16_t link;
	uint32_t other; /* the capture on the other side of the engine */
	const uint8_t *mac;
};

struct remarks {
	const struct topology *topology;
	const struct evidence *evidence;
	struct stand *stands; /* as evidence.captures */
	struct fates *fates;
	struct text text;
};

/* ---- making them ---- */

static size_t link_of(const struct evidence *ev, const struct capture_evidence *c)
{
	size_t i = 0;

	while (i < ev->n_links &&
	       (ev->links[i].node != c->node || ev->links[i].interface != c->interface))
		i++;
	return i;
}

static void place_captures(struct remarks *r)
{
	const struct evidence *ev = r->evidence;
	size_t n = ev->n_links;
	uint32_t *sides = array_new(n * 2, sizeof(*sides)); /* per link: own, far */

	r->stands = array_new(ev->n_captures, sizeof(*r->stands));
	for (size_t i = 0; i < ev->n_captures; i++) {
		const struct capture_evidence *c = &ev->captures[i];
		size_t link = link_of(ev, c);

		if (link == n || ev->links[link].engine != ENGINE_USER)
			continue;
		sides[link * 2 + c->far] = (uint32_t)i;
		r->stands[i] = (struct stand){
			.impaired = true,
			.far = c->far,
			.link = (uint16_t)link,
			.mac = r->topology->nodes[c->node].interfaces[c->interface].mac,
		};
	}
	for (size_t i = 0; i < ev->n_captures; i++)
		if (r->stands[i].impaired)
			r->stands[i].other = sides[r->stands[i].link * 2 + !r->stands[i].far];
	free(sides);
}

int remarks_new(const struct topology *t, const struct evidence *ev, const char *path,
		struct remarks **ret_remarks, struct err *e)
{
	cleanup_by(remarks_freep) struct remarks *r = array_new(1, sizeof(*r));

	r->topology = t;
	r->evidence = ev;
	if (fates_read(path, ev->n_links, &r->fates, e) != 0)
		return -1;
	place_captures(r);
	*ret_remarks = take_ptr(r);
	return 0;
}

void remarks_freep(struct remarks **r)
{
	if (*r == NULL)
		return;
	fates_freep(&(*r)->fates);
	text_done(&(*r)->text);
	free((*r)->stands);
	free(*r);
	*r = NULL;
}

uint64_t remarks_max_delay(const struct remarks *r)
{
	return COPIES_MAX_DELAY_NS + 2 * fates_longest_hold(r->fates);
}

/* ---- making remarks ---- */

static void say(struct remarks *r, const struct fate *fate)
{
	cleanup_free char *words = fate_describe(r->topology, r->evidence, fate);

	text_add(&r->text, "%s%s", r->text.len != 0 ? "; " : "", words);
}

/* What links will do to it on its way in: a hub floods it to many. */
static void look_ahead(struct remarks *r, uint64_t hash)
{
	const struct fate *fates[MAX_NAMED];
	size_t n = fates_take_in(r->fates, hash, fates, MAX_NAMED);

	for (size_t i = 0; i < n && i < MAX_NAMED; i++)
		say(r, fates[i]);
	if (n > MAX_NAMED)
		text_add(&r->text, "; likewise on %zu more links", n - MAX_NAMED);
}

/* It goes from its node to the engine. True: and no further. */
static bool go_out(struct remarks *r, struct copies *copies, struct packet *p, uint64_t key,
		   uint64_t *hash)
{
	const struct fate_way way = { r->stands[p->interface].link, LINK_OUT };
	const struct fate *fate = fates_take(r->fates, FATES_PASSING, way, *hash);

	if (fate == NULL)
		return false;
	say(r, fate);
	if (fate->cause != CAUSE_NONE) {
		/* Those that are like it will be counted at other places without it. */
		p->id = copies_lone_id(copies);
		return true;
	}
	/* Everywhere else there will be one more of them. */
	if (fate->duplicated)
		copies_skip(copies, p->interface, key, p->time_ns);
	*hash = fate->hash_out;
	return false;
}

/* From the network to the engine: when it goes no further, the node sees one less of them. */
static void go_in(struct remarks *r, struct copies *copies, const struct packet *p, uint64_t key,
		  uint64_t hash)
{
	const struct stand *s = &r->stands[p->interface];
	const struct fate_way way = { s->link, LINK_IN };
	const struct fate *fate = fates_take(r->fates, FATES_PASSING, way, hash);

	if (fate != NULL && fate->cause != CAUSE_NONE)
		copies_skip(copies, s->other, key, p->time_ns);
}

void remarks_add(struct remarks *r, struct copies *copies, struct packet *p)
{
	const struct stand *s = &r->stands[p->interface];
	uint64_t hash = log_hash(p->data, p->captured_len, p->original_len);
	uint64_t key = fates_origin(r->fates, hash);
	bool whole = p->captured_len >= ETHERNET_HEADER;
	bool out = s->impaired && whole && memcmp(p->data + 6, s->mac, 6) == 0;
	bool first;

	text_done(&r->text);
	if (!out || s->far || !go_out(r, copies, p, key, &hash)) {
		p->id = copies_id(copies, p, key, &first);
		if (s->impaired && s->far && !out)
			go_in(r, copies, p, key, hash);
		if (first)
			look_ahead(r, hash);
	}
	p->comment = r->text.len != 0 ? text_str(&r->text) : NULL;
}
