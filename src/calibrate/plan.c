/* The streams that a direction of a link is measured with. */
#include <math.h>

#include "calibrate/compare.h"
#include "calibrate/shape.h"

#define SMALL		 64   /* bytes of payload: all of it is captured, so that damage is seen */
#define LARGE		 1400 /* ... of what fills a link */
#define EXCESS		 1.25 /* times its rate */
#define LOAD		 0.5  /* of its rate: none has to wait for the one before it */
#define MIN_RATE_PACKETS 1000

static unsigned size_for(unsigned mtu, unsigned wanted)
{
	unsigned room = (mtu - (STREAM_HEADERS - 14)) / 8 * 8;

	return wanted < room ? wanted : room;
}

/* Frames of this length per second that a rate lets through, what is sent twice included. */
static double capacity(const struct impairment *i, unsigned frame_len)
{
	return (double)i->rate_bps / (8.0 * frame_len) / (1 + i->duplicate);
}

static uint64_t within(double wanted, uint64_t pps, uint64_t duration_ns)
{
	double most = (double)pps * (double)duration_ns / 1e9;
	double n = wanted < most ? wanted : most;

	return n >= 1 ? (uint64_t)n : 1;
}

static void plan_counts(const struct impairment *i, const struct limits *l, struct stream_plan *p)
{
	double pps = (double)l->pps;

	p->wanted = p->spaced = true;
	p->frame_len = size_for(l->mtu, SMALL) + STREAM_HEADERS;
	if (i->rate_bps != 0)
		pps = fmin(pps, LOAD * capacity(i, p->frame_len));
	p->pps = pps >= 1 ? (uint64_t)pps : 1;
	p->count = within((double)l->packets, p->pps, l->duration_ns);
}

static void plan_times(const struct impairment *i, const struct limits *l, struct stream_plan *p)
{
	const struct stream_plan *counts = p - STREAM_TIMES + STREAM_COUNTS;
	double pps = shape_longest_wait(i) > 0 ? 1e9 / shape_longest_wait(i) : (double)l->pps;

	p->spaced = true;
	p->wanted = !i->jitter_reorders && pps < (double)counts->pps;
	p->frame_len = counts->frame_len;
	p->pps = pps >= 1 ? (uint64_t)pps : 1;
	p->count = within((double)l->packets, p->pps, l->duration_ns);
}

static double queue_bits(const struct impairment *i, unsigned frame_len)
{
	return 8 * ((double)i->queue_bytes + (double)i->queue_packets * frame_len);
}

/* Long enough to measure, and to fill the queue twice over. */
static void plan_rate(const struct impairment *i, const struct limits *l, struct stream_plan *p)
{
	double rate = (double)i->rate_bps, passing = 1 - i->loss, seconds;

	p->wanted = i->rate_bps != 0;
	p->frame_len = size_for(l->mtu, LARGE) + STREAM_HEADERS;
	if (!p->wanted)
		return;
	p->pps = (uint64_t)ceil(EXCESS * rate / (8.0 * p->frame_len) / fmax(passing, 0.1));
	seconds = fmax(1, MIN_RATE_PACKETS / (double)p->pps);
	seconds = fmax(seconds, 2 * queue_bits(i, p->frame_len) / ((EXCESS - 1) * rate));
	p->count = within(seconds * (double)p->pps, p->pps, l->duration_ns);
}

void plan_streams(const struct impairment *asked, const struct limits *limits,
		  struct stream_plan plans[N_STREAMS])
{
	for (int s = 0; s < N_STREAMS; s++)
		plans[s] = (struct stream_plan){ .wanted = false };
	plan_counts(asked, limits, &plans[STREAM_COUNTS]);
	plan_times(asked, limits, &plans[STREAM_TIMES]);
	plan_rate(asked, limits, &plans[STREAM_RATE]);
}
