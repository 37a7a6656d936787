#include "verify/defrag.h"

#include <stdint.h>
#include <string.h>

#include "base/array.h"
#include "verify/bitmap.h"

#define MAX_PENDING 32
#define MAX_LEN	    65535

struct pending {
	bool used;
	size_t place;
	struct ip_address from, to;
	uint16_t id;
	struct bitmap blocks; /* of 8 bytes, that have come */
	size_t len;	      /* 0: the last one has not come */
	uint64_t age;
	uint8_t bytes[MAX_LEN];
};

struct defrag {
	struct pending *pending[MAX_PENDING]; /* allocated when first needed */
	uint64_t clock;
};

struct defrag *defrag_new(void)
{
	return array_new(1, sizeof(struct defrag));
}

static bool belongs(const struct pending *p, size_t place, const struct fragment *f)
{
	return p->used && p->place == place && p->id == f->id &&
	       ip_address_equal(&p->from, &f->of.from) && ip_address_equal(&p->to, &f->of.to);
}

/* An unused one, or the oldest. */
static struct pending *take_slot(struct defrag *g)
{
	size_t best = 0;

	for (size_t i = 0; i < MAX_PENDING; i++) {
		if (g->pending[i] == NULL)
			g->pending[i] = array_new(1, sizeof(*g->pending[i]));
		if (!g->pending[i]->used)
			return g->pending[i];
		if (g->pending[i]->age < g->pending[best]->age)
			best = i;
	}
	return g->pending[best];
}

static struct pending *find(struct defrag *g, size_t place, const struct fragment *f)
{
	for (size_t i = 0; i < MAX_PENDING; i++)
		if (g->pending[i] != NULL && belongs(g->pending[i], place, f))
			return g->pending[i];

	struct pending *p = take_slot(g);

	bitmap_done(&p->blocks);
	bitmap_reserve(&p->blocks, MAX_LEN / 8 + 1);
	p->used = true;
	p->place = place;
	p->from = f->of.from;
	p->to = f->of.to;
	p->id = f->id;
	p->len = 0;
	p->age = g->clock++;
	return p;
}

enum decoded defrag_add(struct defrag *g, size_t place, const struct fragment *f,
			struct datagram *ret_datagram)
{
	/* All but the last are a multiple of 8 bytes long. */
	if (!f->whole || f->len == 0 || f->offset + f->len > MAX_LEN ||
	    (f->more && f->len % 8 != 0))
		return DECODED_OTHER;

	struct pending *p = find(g, place, f);

	memcpy(p->bytes + f->offset, f->bytes, f->len);
	for (size_t at = f->offset; at < f->offset + f->len; at += 8)
		bitmap_set(&p->blocks, at / 8);
	if (!f->more)
		p->len = f->offset + f->len;
	if (p->len == 0 || p->blocks.set < (p->len + 7) / 8)
		return DECODED_OTHER;
	p->used = false;
	*ret_datagram = f->of;
	return decode_udp(p->bytes, p->len, p->len, ret_datagram);
}

void defrag_freep(struct defrag **g)
{
	if (*g == NULL)
		return;
	for (size_t i = 0; i < MAX_PENDING; i++) {
		if ((*g)->pending[i] != NULL)
			bitmap_done(&(*g)->pending[i]->blocks);
		free((*g)->pending[i]);
	}
	free(*g);
	*g = NULL;
}
