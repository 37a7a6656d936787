#include "link/rate.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"

static void forget_started(struct rate *r, uint64_t now_ns)
{
	while (r->n > 0 && r->queue[r->first].start_ns <= now_ns) {
		r->bytes -= r->queue[r->first].len;
		r->first = (r->first + 1) % r->room;
		r->n--;
	}
}

static void grow(struct rate *r)
{
	size_t room = r->room != 0 ? r->room * 2 : 64;
	struct rate_waiting *queue = array_new(room, sizeof(*queue));

	for (size_t i = 0; i < r->n; i++)
		queue[i] = r->queue[(r->first + i) % r->room];
	free(r->queue);
	r->queue = queue;
	r->room = room;
	r->first = 0;
}

static void append(struct rate *r, uint64_t start_ns, size_t len)
{
	if (r->n == r->room)
		grow(r);
	r->queue[(r->first + r->n++) % r->room] = (struct rate_waiting){ start_ns, (uint32_t)len };
	r->bytes += len;
}

static bool is_full(const struct rate *r, const struct impairment *i, size_t len)
{
	return (i->queue_bytes != 0 && r->bytes + len > i->queue_bytes) ||
	       (i->queue_packets != 0 && r->n >= i->queue_packets);
}

bool rate_queue(struct rate *r, const struct impairment *i, size_t len, uint64_t arrived_ns,
		uint64_t *ret_sent_ns)
{
	if (i->rate_bps == 0) {
		*ret_sent_ns = arrived_ns;
		return true;
	}
	forget_started(r, arrived_ns);
	if (r->free_ns > arrived_ns) {
		if (is_full(r, i, len))
			return false;
		append(r, r->free_ns, len);
	} else {
		r->free_ns = arrived_ns;
		r->remainder = 0;
	}

	uint64_t bits_ns = len * 8 * NS_PER_SEC + r->remainder;

	r->free_ns += bits_ns / i->rate_bps;
	r->remainder = bits_ns % i->rate_bps;
	*ret_sent_ns = r->free_ns;
	return true;
}

void rate_done(struct rate *r)
{
	free(r->queue);
	*r = (struct rate){ .queue = NULL };
}
