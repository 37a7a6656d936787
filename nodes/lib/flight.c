#include "flight.h"

#include <stdlib.h>

#include "scope.h"

#define SPAN_MAX     65536U /* chunks from base to next: bounds memory and the search for losses */
#define LIMIT_FIRST  256U   /* chunks in the first round trip */
#define LIMIT_LEAST  64U
#define REO_FIRST    2U /* eighths of a round trip */
#define REO_MAX	     16U
#define REO_LEAST_US 1000U /* veth and schedulers reorder by less than this */
#define TAIL	     64U   /* chunks */

enum slot_state {
	SLOT_NEW, /* never sent */
	SLOT_FLYING,
	SLOT_LOST,
	SLOT_RECEIVED,
};

static struct flight_slot *slot_of(const struct flight *f, uint32_t chunk)
{
	return &f->slots[chunk & f->mask];
}

/* Wire time wraps every 71 minutes: compare by difference, as TCP does (RFC 7323, section 5.2). */
static int32_t later_by(uint32_t a_us, uint32_t b_us)
{
	return (int32_t)(a_us - b_us);
}

void flight_init(struct flight *f, uint32_t count, uint32_t now_us)
{
	uint32_t room = 1;

	while (room < count && room < SPAN_MAX)
		room *= 2;
	*f = (struct flight){
		.count = count,
		.slots = scope_alloc(room, sizeof(*f->slots)),
		.mask = room - 1,
		.window = 1,
		.limit = LIMIT_FIRST,
		.threshold = UINT32_MAX,
		.reo_eighths = REO_FIRST,
		.round_us = now_us,
	};
}

void flight_done(struct flight *f)
{
	free(f->slots);
	f->slots = NULL;
}

void flight_sample(struct flight *f, uint32_t rtt_us)
{
	/* RFC 6298's smoothing; at least 1 so that 0 keeps meaning "not measured". */
	f->srtt_us = f->srtt_us == 0 ? rtt_us : f->srtt_us - f->srtt_us / 8 + rtt_us / 8;
	if (f->srtt_us == 0)
		f->srtt_us = 1;
}

static uint32_t reo_us(const struct flight *f)
{
	uint64_t us = (uint64_t)f->srtt_us * f->reo_eighths / 8;

	return us > REO_LEAST_US ? (uint32_t)us : REO_LEAST_US;
}

static void received(struct flight *f, uint32_t chunk)
{
	struct flight_slot *slot = slot_of(f, chunk);

	if (slot->state == SLOT_RECEIVED)
		return;
	if (slot->state == SLOT_FLYING)
		f->n_flying--;
	else
		f->n_lost--;
	slot->state = SLOT_RECEIVED;
	f->n_received++;
}

static void advance(struct flight *f, uint32_t cumulative)
{
	for (; f->base < cumulative; f->base++) {
		received(f, f->base);
		*slot_of(f, f->base) = (struct flight_slot){ .state = SLOT_NEW };
		f->n_received--;
	}
}

static bool bit_is_set(const struct flight_status *s, uint32_t i)
{
	return (s->bitmap[i / 8] & 0x80 >> i % 8) != 0;
}

/* Returns false when everything sent after this chunk is as yet out of question, too. */
static bool lose_if_late(struct flight *f, uint32_t chunk, uint32_t echo_us)
{
	struct flight_slot *slot = slot_of(f, chunk);
	int32_t late = later_by(echo_us, slot->sent_us);

	if (slot->state == SLOT_FLYING && late > 0 && (uint32_t)late > reo_us(f)) {
		slot->state = SLOT_LOST;
		f->n_flying--;
		f->n_lost++;
		f->round_lost++;
	}
	/* Chunks are first sent in order. */
	return late > 0 || slot->repaired;
}

static void apply_bitmap(struct flight *f, const struct flight_status *s)
{
	for (uint32_t i = 0; i < s->bits; i++) {
		uint32_t chunk = s->first + i;

		if (chunk < f->base)
			continue;
		if (bit_is_set(s, i))
			received(f, chunk);
		else
			lose_if_late(f, chunk, s->echo_us);
	}
}

static void apply_beyond(struct flight *f, const struct flight_status *s)
{
	uint32_t chunk = s->highest > f->base ? s->highest : f->base;

	while (chunk < f->next && lose_if_late(f, chunk, s->echo_us))
		chunk++;
}

/* A datagram of this round trip has arrived: the next one begins. */
static void end_round(struct flight *f, uint32_t now_us)
{
	if (f->round_sent >= LIMIT_LEAST && f->round_lost * 5ULL > f->round_sent * 2ULL) {
		uint32_t through = f->round_sent > f->round_lost ? f->round_sent - f->round_lost
								 : 0;

		f->limit = through > LIMIT_LEAST ? through : LIMIT_LEAST;
		f->threshold = f->limit;
	} else if (f->limit < f->threshold && f->limit < SPAN_MAX) {
		f->limit *= 2;
	} else if (f->limit < SPAN_MAX) {
		f->limit += f->limit / 8;
	}
	if (f->round_spurious && f->reo_eighths < REO_MAX)
		f->reo_eighths++;
	f->round_spurious = false;
	f->round_us = now_us;
	f->round_sent = 0;
	f->round_lost = 0;
}

/* What only the newest STATUS may say: an older one that was overtaken is out of date. */
static void apply_newest(struct flight *f, const struct flight_status *s, uint32_t now_us)
{
	if (later_by(s->number, f->window_number) <= 0)
		return;
	f->window_number = s->number;
	f->window = s->window != 0 ? s->window : 1;
	if (later_by(now_us, s->echo_us + s->delay_us) >= 0)
		flight_sample(f, now_us - s->echo_us - s->delay_us);
	if (s->spurious != f->spurious && !f->doubled)
		f->round_spurious = true;
	f->spurious = s->spurious;
	if (later_by(s->echo_us, f->round_us) >= 0)
		end_round(f, now_us);
}

bool flight_status(struct flight *f, const struct flight_status *s, uint32_t now_us)
{
	if (s->highest > f->next || s->cumulative > s->highest)
		return false;
	if (s->first > s->highest || s->bits > s->highest - s->first)
		return false;
	apply_newest(f, s, now_us);
	advance(f, s->cumulative);
	apply_bitmap(f, s);
	apply_beyond(f, s);
	return true;
}

/* There is one when n_lost is not 0; the search goes round the ring so that it stays cheap. */
static uint32_t find_lost(struct flight *f)
{
	for (;;) {
		if (f->scan < f->base || f->scan >= f->next)
			f->scan = f->base;
		if (slot_of(f, f->scan)->state == SLOT_LOST)
			return f->scan;
		f->scan++;
	}
}

bool flight_can_send(const struct flight *f)
{
	bool is_new = f->next < f->count && f->next - f->base <= f->mask;

	return f->n_flying < flight_limit(f) && (f->n_lost > 0 || is_new);
}

bool flight_pick(struct flight *f, uint32_t *ret_chunk, bool *ret_repair)
{
	if (!flight_can_send(f))
		return false;
	*ret_repair = f->n_lost > 0;
	*ret_chunk = *ret_repair ? find_lost(f) : f->next;
	return true;
}

bool flight_is_flying(const struct flight *f, uint32_t chunk)
{
	return chunk >= f->base && chunk < f->next &&
	       f->slots[chunk & f->mask].state == SLOT_FLYING;
}

void flight_sent(struct flight *f, uint32_t chunk, uint32_t now_us)
{
	struct flight_slot *slot = slot_of(f, chunk);

	f->round_sent++;
	slot->sent_us = now_us;
	slot->repaired = chunk != f->next;
	if (chunk == f->next)
		f->next++;
	else if (slot->state == SLOT_LOST)
		f->n_lost--;
	else
		f->doubled = true;
	if (slot->state != SLOT_FLYING)
		f->n_flying++;
	slot->state = SLOT_FLYING;
}

uint32_t flight_missing(const struct flight *f)
{
	return f->count - f->base - f->n_received;
}

uint32_t flight_limit(const struct flight *f)
{
	return f->window < f->limit ? f->window : f->limit;
}

bool flight_pays_twice(const struct flight *f, uint32_t chunk)
{
	return f->next == f->count && flight_missing(f) < TAIL && slot_of(f, chunk)->repaired;
}

bool flight_is_landed(const struct flight *f)
{
	return f->base == f->count;
}
