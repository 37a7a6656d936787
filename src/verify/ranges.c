/* ranges: sets of positions as sorted runs (verdict.h). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "verify/verdict.h"

/* The first run that ends at or behind `first` - 1: the one to join or to stand before. */
static size_t find_run(const struct ranges *r, uint64_t first)
{
	size_t low = 0, high = r->n;

	/* Positions mostly come in order. */
	if (r->n != 0 && first != 0 && r->r[r->n - 1].last < first - 1)
		return r->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (first != 0 && r->r[middle].last < first - 1)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool touches(const struct range *run, uint64_t last)
{
	return last == UINT64_MAX || run->first <= last + 1;
}

void ranges_add(struct ranges *r, uint64_t first, uint64_t last)
{
	size_t at = find_run(r, first), end = at;
	struct range joined = { first, last };

	while (end < r->n && touches(&r->r[end], joined.last)) {
		if (r->r[end].first < joined.first)
			joined.first = r->r[end].first;
		if (r->r[end].last > joined.last)
			joined.last = r->r[end].last;
		end++;
	}
	if (end == at) {
		array_add(&r->r, &r->n, &r->room, sizeof(*r->r));
		memmove(&r->r[at + 1], &r->r[at], (r->n - 1 - at) * sizeof(*r->r));
	} else {
		memmove(&r->r[at + 1], &r->r[end], (r->n - end) * sizeof(*r->r));
		r->n -= end - at - 1;
	}
	r->r[at] = joined;
}

uint64_t ranges_total(const struct ranges *r)
{
	uint64_t total = 0;

	for (size_t i = 0; i < r->n; i++)
		total += r->r[i].last - r->r[i].first + 1;
	return total;
}

char *ranges_format(const struct ranges *r, size_t max)
{
	struct text t = { 0 };
	size_t shown = r->n <= max ? r->n : max;

	for (size_t i = 0; i < shown; i++) {
		const struct range *run = &r->r[i];

		text_add(&t, "%s%" PRIu64, i == 0 ? "" : ", ", run->first);
		if (run->last != run->first)
			text_add(&t, "-%" PRIu64, run->last);
	}
	if (shown < r->n)
		text_add(&t, "%s... (%zu more)", shown == 0 ? "" : ", ", r->n - shown);
	return text_take(&t);
}

void ranges_done(struct ranges *r)
{
	free(r->r);
	*r = (struct ranges){ 0 };
}
