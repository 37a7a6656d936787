#include "link/lane.h"

#include <string.h>

#include "link/frame.h"

/* One copy of a frame on its way. */
struct copy {
	uint64_t due_ns;
	struct held *held; /* NULL: it leaves at once */
};

/* A frame on its way through a lane. */
struct passage {
	const struct port_frame *frame;
	uint64_t arrived_ns, now_ns;
	struct fate fate;
	struct copy copies[2];
	unsigned n;
};

static struct flow *too_many(struct lanes *s, struct lane *l)
{
	struct flow *flow = &l->too_many;

	if (flow->fate.name == NULL) {
		flow->name = (struct link_flow){ .link = l->number, .direction = l->direction };
		fate_flow_init(&flow->fate, s->seed, l->link, &flow->name);
		flow->number = log_write_flow(s->log, &flow->name);
	}
	return flow;
}

struct flow *lane_flow(struct lanes *s, struct lane *l, const struct port_frame *frame,
		       bool *ret_is_new)
{
	struct link_flow seen = { .link = l->number, .direction = (uint8_t)l->direction };
	struct flow *flow;

	*ret_is_new = false;
	frame_flow(frame->bytes, frame->len, &seen);
	if (l->last != NULL && memcmp(&l->last->seen, &seen, sizeof(seen)) == 0)
		return l->last;
	flow = flows_get(s->flows, &seen, ret_is_new);
	if (flow == NULL)
		return too_many(s, l);
	if (*ret_is_new) {
		fate_flow_init(&flow->fate, s->seed, l->link, &flow->name);
		flow->number = log_write_flow(s->log, &flow->name);
	}
	l->last = flow;
	return flow;
}

static uint64_t hash(const struct lanes *s, const struct port_frame *frame)
{
	return log_hash(frame->bytes, frame->len < s->snaplen ? frame->len : s->snaplen,
			frame->len);
}

static void count_held(struct lane *l, int change)
{
	uint64_t held = l->counts->held + (uint64_t)change;

	__atomic_store_n(&l->counts->held, held, __ATOMIC_RELAXED);
}

static void leave(struct lanes *s, struct lane *l, const void *frame, size_t len, uint64_t late_ns)
{
	struct direction_evidence *c = l->counts;
	unsigned bucket = late_ns > 1 ? 63 - (unsigned)__builtin_clzll(late_ns) : 0;

	port_transmit(l->to, frame, len);
	if (!l->unflushed) {
		l->unflushed = true;
		l->next_unflushed = s->unflushed;
		s->unflushed = l;
	}
	c->left++;
	c->late[bucket < LATE_BUCKETS ? bucket : LATE_BUCKETS - 1]++;
	if (late_ns > c->latest_ns)
		c->latest_ns = late_ns;
}

/*
 * When the next copy is due, and the memory to hold it until then. Frames stay in order, but for
 * those that are to overtake; what is due already may only leave at once when nothing waits before.
 */
static enum link_cause schedule(struct lanes *s, struct lane *l, struct passage *p)
{
	bool in_order = !p->fate.reordered && !l->now.jitter_reorders;
	struct copy *c = &p->copies[p->n];
	uint64_t sent_ns;

	if (!rate_queue(&l->rate, &l->now, p->frame->len, p->arrived_ns, &sent_ns))
		return CAUSE_QUEUE;
	*c = (struct copy){ .due_ns = sent_ns + p->fate.hold_ns[p->n] };
	if (in_order && c->due_ns < l->last_due_ns)
		c->due_ns = l->last_due_ns;
	if (c->due_ns > p->now_ns || (!p->fate.reordered && l->counts->held > 0)) {
		c->held = hold_alloc(s->hold, p->frame->len);
		if (c->held == NULL)
			return CAUSE_MEMORY;
	}
	if (in_order)
		l->last_due_ns = c->due_ns;
	p->n++;
	return CAUSE_NONE;
}

/* A duplicate that there is no room for is not made. */
static void decide(struct lanes *s, struct lane *l, struct flow *flow, struct passage *p)
{
	fate_decide(&l->now, &flow->fate, p->frame->len, &p->fate);
	if (flow == &l->too_many)
		p->fate = (struct fate){ .cause = CAUSE_MEMORY, .draw = -1 };
	if (p->fate.copies > 0)
		p->fate.cause = schedule(s, l, p);
	if (p->fate.copies > 1 && p->n == 1)
		schedule(s, l, p);
}

/* Corrupts the frame between its two hashes. */
static struct link_frame describe(const struct lanes *s, const struct flow *flow,
				  const struct passage *p)
{
	uint64_t hash_in = hash(s, p->frame), hash_out = hash_in;
	const struct fate *f = &p->fate;

	if (p->n > 0 && f->flipped != 0) {
		fate_flip(p->frame->bytes, f->flipped);
		hash_out = hash(s, p->frame);
	}
	return (struct link_frame){
		.arrived_ns = p->arrived_ns + s->to_real_ns,
		.due_ns = p->n > 0 ? p->copies[0].due_ns + s->to_real_ns : 0,
		.due_again_ns = p->n > 1 ? p->copies[1].due_ns + s->to_real_ns : 0,
		.hash_in = hash_in,
		.hash_out = hash_out,
		.number = flow->fate.number,
		.draw = f->draw,
		.flow = flow->number,
		.len = p->frame->len,
		.flipped = p->n > 0 ? f->flipped : 0,
		.cause = (uint8_t)f->cause,
		.reordered = p->n > 0 && f->reordered,
	};
}

static void count_fate(struct direction_evidence *c, const struct link_frame *f)
{
	c->arrived++;
	if (f->cause != CAUSE_NONE)
		c->lost[f->cause]++;
	c->duplicated += f->due_again_ns != 0;
	c->corrupted += f->flipped != 0;
	c->reordered += f->reordered;
}

static void send_or_hold(struct lanes *s, struct lane *l, const struct passage *p, unsigned which,
			 uint64_t place)
{
	const struct port_frame *frame = p->frame;
	const struct copy *c = &p->copies[which];

	if (c->held == NULL) {
		leave(s, l, frame->bytes, frame->len, p->now_ns - c->due_ns);
		return;
	}
	memcpy(c->held->bytes, frame->bytes, frame->len);
	c->held->place = place;
	c->held->again = which > 0;
	hold_put(s->hold, &l->held, c->due_ns, c->held);
	count_held(l, 1);
}

void lane_take(struct lanes *s, struct lane *l, struct flow *flow, const struct port_frame *frame,
	       uint64_t now_ns)
{
	struct passage p = { .frame = frame, .now_ns = now_ns, .arrived_ns = now_ns };

	/* The clock that the kernel stamps frames with may be set while they are on their way. */
	if (frame->arrived_real_ns != 0 && frame->arrived_real_ns - s->to_real_ns < now_ns)
		p.arrived_ns = frame->arrived_real_ns - s->to_real_ns;
	decide(s, l, flow, &p);

	struct link_frame record = describe(s, flow, &p);

	count_fate(l->counts, &record);

	uint64_t place = log_write_frame(s->log, &record);

	for (unsigned i = 0; i < p.n; i++)
		send_or_hold(s, l, &p, i, place);
}

size_t lanes_release(struct lanes *s, uint64_t now_ns, size_t max)
{
	size_t n = 0;

	for (; n < max; n++) {
		uint64_t due_ns = hold_due(s->hold);

		if (due_ns > now_ns)
			break;

		struct held *held = hold_take(s->hold);
		struct lane *l = held->list->owner;

		leave(s, l, held->bytes, held->len, now_ns - due_ns);
		count_held(l, -1);
		hold_free_frame(s->hold, held);
	}
	return n;
}

void lanes_flush(struct lanes *s)
{
	while (s->unflushed != NULL) {
		struct lane *l = s->unflushed;

		s->unflushed = l->next_unflushed;
		l->unflushed = false;
		port_flush(l->to);
	}
}

void lanes_give_up(struct lanes *s)
{
	while (hold_due(s->hold) != UINT64_MAX) {
		struct held *held = hold_take(s->hold);
		struct lane *l = held->list->owner;

		log_give_up(s->log, held->place, held->again);
		l->counts->lost[CAUSE_STOPPED]++;
		count_held(l, -1);
		hold_free_frame(s->hold, held);
	}
}
