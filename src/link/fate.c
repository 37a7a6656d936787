#include "link/fate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "link/frame.h"
#include "link/mix.h"

/* Why a number is drawn. New ones go to the end: what a seed gives must not change. */
enum purpose {
	DRAW_LOSS,
	DRAW_TRANSITION,
	DRAW_BURST,
	DRAW_DUPLICATE,
	DRAW_CORRUPT,
	DRAW_BIT,
	DRAW_REORDER,
	DRAW_JITTER,
	DRAW_JITTER_AGAIN, /* of the duplicate */
	DRAW_ANGLE,
	DRAW_ANGLE_AGAIN,
	N_DRAWS = 16,
};

void fate_flow_init(struct fate_flow *flow, uint64_t seed, const char *link,
		    const struct link_flow *n)
{
	uint64_t key = mix_in(seed, mix_bytes(0, link, strlen(link)));

	key = mix_in(key, n->direction);
	key = mix_in(key, (uint64_t)n->ethertype << 8 | n->protocol);
	/* A port that differs from run to run does not count, its ordinal does. */
	key = mix_in(key, n->from_ordinal != 0 ? (uint64_t)n->from_ordinal << 16 : n->from_port);
	key = mix_in(key, n->to_ordinal != 0 ? (uint64_t)n->to_ordinal << 16 : n->to_port);
	key = mix_bytes(key, n->from, sizeof(n->from));
	key = mix_bytes(key, n->to, sizeof(n->to));
	*flow = (struct fate_flow){ .key = key, .ip = flow_is_ip(n), .name = n };
}

void fate_flow_done(struct fate_flow *flow)
{
	free(flow->text);
	flow->text = NULL;
}

/* Uniform in [0, 1), of 53 bits. */
static double draw(const struct fate_flow *f, enum purpose purpose)
{
	uint64_t x = mix(f->key + (f->number * N_DRAWS + purpose) * MIX_STEP);

	return (double)(x >> 11) * 0x1p-53;
}

static bool is_listed(const struct impairment *i, struct fate_flow *f)
{
	for (size_t k = 0; k < i->n_drops; k++) {
		const struct drop_range *d = &i->drops[k];

		if (f->number < d->first || f->number > d->last)
			continue;
		if (d->flow != NULL && f->text == NULL)
			f->text = link_flow_format(f->name);
		if (d->flow == NULL || strcmp(d->flow, f->text) == 0)
			return true;
	}
	return false;
}

/* The state moves on with every frame, whatever becomes of it. */
static void advance_burst(const struct impairment *i, struct fate_flow *f)
{
	double x;

	if (i->loss_enter <= 0)
		return;
	x = draw(f, DRAW_TRANSITION);
	f->bad = f->bad ? x >= i->loss_leave : x < i->loss_enter;
}

static enum link_cause judge(const struct impairment *i, struct fate_flow *f, size_t len,
			     double *ret_draw)
{
	*ret_draw = -1;
	if (i->down)
		return CAUSE_DOWN;
	if (i->mtu != 0 && f->ip && len > (size_t)i->mtu + FRAME_HEADER)
		return CAUSE_MTU;
	if (f->ip && is_listed(i, f))
		return CAUSE_LISTED;
	if (f->ip && i->drop_every != 0 && f->number % i->drop_every == 0)
		return CAUSE_EVERY;
	if (i->loss_enter > 0) {
		*ret_draw = draw(f, DRAW_BURST);
		return *ret_draw < (f->bad ? i->loss_bad : i->loss_good) ? CAUSE_BURST : CAUSE_NONE;
	}
	if (i->loss > 0)
		*ret_draw = draw(f, DRAW_LOSS);
	return i->loss > 0 && *ret_draw < i->loss ? CAUSE_LOSS : CAUSE_NONE;
}

/* Behind the Ethernet header, so that the frame arrives where it is damaged. */
static uint32_t pick_bit(const struct fate_flow *f, size_t len)
{
	uint64_t n_bits = (len - FRAME_HEADER) * 8;

	return (uint32_t)(FRAME_HEADER * 8 + (uint64_t)(draw(f, DRAW_BIT) * (double)n_bits));
}

/* Box and Muller's: two uniform numbers make a normal one. 1 - u is never 0. */
static double normal(double u, double angle)
{
	return sqrt(-2 * log(1 - u)) * cos(2 * M_PI * angle);
}

/* Pareto, shape 3, least value 1: mean 3/2, variance 3/4. Moved and scaled to mean 0, variance 1. */
static double pareto(double u)
{
	double x = 1 / cbrt(1 - u);

	return ((x < FATE_PARETO_TAIL ? x : FATE_PARETO_TAIL) - 1.5) / sqrt(0.75);
}

static uint64_t hold(const struct impairment *i, const struct fate_flow *f, bool again)
{
	if (i->jitter_ns == 0)
		return i->delay_ns;

	double u = draw(f, again ? DRAW_JITTER_AGAIN : DRAW_JITTER);
	double off = 0;

	switch (i->jitter_shape) {
	case JITTER_NORMAL:
		off = normal(u, draw(f, again ? DRAW_ANGLE_AGAIN : DRAW_ANGLE));
		break;
	case JITTER_PARETO:
		off = pareto(u);
		break;
	case JITTER_UNIFORM:
	case N_JITTER_SHAPES:
		off = 2 * u - 1;
		break;
	}

	double ns = (double)i->delay_ns + off * (double)i->jitter_ns;

	return ns > 0 ? (uint64_t)ns : 0;
}

void fate_decide(const struct impairment *i, struct fate_flow *f, size_t len, struct fate *ret)
{
	*ret = (struct fate){ .copies = 0 };
	f->number++;
	advance_burst(i, f);
	ret->cause = judge(i, f, len, &ret->draw);
	if (ret->cause != CAUSE_NONE)
		return;
	ret->copies = i->duplicate > 0 && draw(f, DRAW_DUPLICATE) < i->duplicate ? 2 : 1;
	if (i->corrupt > 0 && f->ip && len > FRAME_HEADER && draw(f, DRAW_CORRUPT) < i->corrupt)
		ret->flipped = pick_bit(f, len);
	ret->reordered = i->reorder > 0 && draw(f, DRAW_REORDER) < i->reorder;
	if (ret->reordered)
		return;
	ret->hold_ns[0] = hold(i, f, false);
	/* Right behind the first one, unless frames may overtake each other. */
	ret->hold_ns[1] = i->jitter_reorders ? hold(i, f, true) : ret->hold_ns[0];
}

void fate_flip(void *frame, uint32_t bit)
{
	uint8_t *bytes = frame;

	bytes[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
}
