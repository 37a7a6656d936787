#include "calibrate/compare.h"

#include <math.h>

#include "base/stats.h"
#include "calibrate/shape.h"

const char *const property_names[N_PROPERTIES] = {
	[PROPERTY_DELAY] = "delay",	    [PROPERTY_DELAY_P99] = "delay p99",
	[PROPERTY_JITTER] = "jitter",	    [PROPERTY_LOSS] = "loss",
	[PROPERTY_DUPLICATE] = "duplicate", [PROPERTY_REORDER] = "reorder",
	[PROPERTY_CORRUPT] = "corrupt",	    [PROPERTY_RATE] = "rate",
	[PROPERTY_QUEUE] = "queue",
};

const char *const match_names[MATCH_UNKNOWN + 1] = {
	[MATCH_OK] = "ok",
	[MATCH_OFF] = "off",
	[MATCH_NOT_ASKED] = "not asked",
	[MATCH_UNKNOWN] = "unknown",
};

/* ---- what is asked ---- */

/* The share of frames that Gilbert and Elliott's chain loses in the long run, or that loss says. */
static double asked_loss(const struct impairment *i)
{
	double every = i->drop_every != 0 ? 1 / (double)i->drop_every : 0;
	double chance = i->loss;

	if (i->loss_enter > 0) {
		double bad = i->loss_enter / (i->loss_enter + i->loss_leave);

		chance = bad * i->loss_bad + (1 - bad) * i->loss_good;
	}
	return every + (1 - every) * chance;
}

/*
 * Bursts make neighbours alike, so that n frames say less than n independent ones. The states of
 * the chain have the correlation 1 - enter - leave from one frame to the next; counting as many
 * as would say the same if the losses were the states themselves errs on the wide side.
 */
static double independent_share(const struct impairment *i)
{
	double r = 1 - i->loss_enter - i->loss_leave;

	return i->loss_enter > 0 && r > 0 ? (1 - r) / (1 + r) : 1;
}

/* A frame has passed a rate when its last bit has. */
static double serialization_ns(const struct impairment *i, unsigned frame_len)
{
	return i->rate_bps != 0 ? 8e9 * frame_len / (double)i->rate_bps : 0;
}

double early_limit(const struct impairment *i, unsigned frame_len)
{
	double soonest = (double)i->delay_ns - shape_spread(i);

	/* What is hardly held cannot be told from what is not held at all. */
	if (!(i->reorder > 0) || soonest < 2 * TIMER_NS)
		return 0;
	return serialization_ns(i, frame_len) + soonest / 2;
}

/* ---- rows ---- */

static void set(struct row *r, double asked, double measured, double low, double high,
		uint64_t packets)
{
	r->asked = asked;
	r->measured = measured;
	r->low = low;
	r->high = high;
	r->packets = packets;
}

/* A share: what was asked is in the interval that the count gives. */
static void set_share(struct row *r, double asked, uint64_t k, uint64_t n, double independent,
		      double confidence)
{
	uint64_t all = (uint64_t)llround((double)n * independent);
	uint64_t hits = (uint64_t)llround((double)k * independent);
	struct interval i = stats_binomial(hits < all ? hits : all, all, confidence);

	set(r, asked, n != 0 ? (double)k / (double)n : 0, i.low, i.high, n);
	if (n == 0)
		r->match = MATCH_UNKNOWN;
	else if (!(asked > 0))
		r->match = k == 0 ? MATCH_NOT_ASKED : MATCH_OFF;
	else
		r->match = asked >= i.low && asked <= i.high ? MATCH_OK : MATCH_OFF;
}

/* A quantity: measured is as far from what was asked as the tolerance lets it, or nearer. */
static void set_quantity(struct row *r, bool is_asked, double asked, double measured,
			 double tolerance, uint64_t packets)
{
	set(r, is_asked ? asked : 0, measured, asked - tolerance, asked + tolerance, packets);
	if (packets == 0)
		r->match = MATCH_UNKNOWN;
	else if (!is_asked)
		r->match = MATCH_NOT_ASKED;
	else
		r->match = measured >= r->low && measured <= r->high ? MATCH_OK : MATCH_OFF;
}

static void compare_times(const struct impairment *i, const struct stream_plan *p,
			  const struct measured *m, struct row *rows)
{
	double wire = serialization_ns(i, p->frame_len), jitter = (double)i->jitter_ns;
	double median = (double)i->delay_ns + wire + shape_quantile(i->jitter_shape, 0.5) * jitter;
	double late = (double)i->delay_ns + wire + shape_quantile(i->jitter_shape, 0.99) * jitter;
	double deviation = shape_deviation(i->jitter_shape) * jitter;
	size_t n = m->n_delays;
	/* So long a tail that the deviation of any sample depends on its few largest. */
	double sure = i->jitter_shape == JITTER_PARETO ? 0.25 : 0.1;
	/* Three standard deviations of what chance does to a sample of this size. */
	double chance = n != 0 ? 3 * jitter / sqrt((double)n) : 0;
	bool asked = i->delay_ns != 0;

	set_quantity(
		&rows[PROPERTY_DELAY], asked, median,
		n != 0 ? stats_quantile(m->delays, n, 0.5) : 0,
		MEDIAN_NS + 0.01 * median + shape_quantile_error(i->jitter_shape, 0.5) * chance, n);
	set_quantity(&rows[PROPERTY_DELAY_P99], asked, late,
		     n != 0 ? stats_quantile(m->delays, n, 0.99) : 0,
		     LATE_NS + 0.01 * late + shape_quantile_error(i->jitter_shape, 0.99) * chance,
		     n);
	set_quantity(&rows[PROPERTY_JITTER], jitter > 0, deviation, stats_deviation(m->delays, n),
		     MEDIAN_NS + sure * deviation + sqrt(0.5) * chance, n);
}

static void compare_shares(const struct impairment *i, const struct stream_plan *p,
			   const struct measured *m, double confidence, struct row *rows)
{
	bool early = early_limit(i, p->frame_len) > 0;

	set_share(&rows[PROPERTY_LOSS], asked_loss(i), m->sent - m->arrived, m->sent,
		  independent_share(i), confidence);
	set_share(&rows[PROPERTY_DUPLICATE], i->duplicate, m->duplicated, m->arrived, 1,
		  confidence);
	set_share(&rows[PROPERTY_CORRUPT], i->corrupt, m->corrupted, m->arrived, 1, confidence);
	set_share(&rows[PROPERTY_REORDER], i->reorder, early ? m->early : m->overtook, m->arrived,
		  1, confidence);
	/* Held so shortly, or jittered so much, that who was not held does not stand out. */
	if ((i->reorder > 0 && !early) || (i->reorder <= 0 && i->jitter_reorders))
		rows[PROPERTY_REORDER].match = i->reorder > 0 ? MATCH_UNKNOWN : MATCH_NOT_ASKED;
}

static void compare_rate(const struct impairment *i, const struct stream_plan *p,
			 const struct measured *m, struct row *rows)
{
	double rate = (double)i->rate_bps, queue;
	double asked = (double)i->queue_bytes + (double)i->queue_packets * p->frame_len;

	set_quantity(&rows[PROPERTY_RATE], true, rate, m->rate_bps, 0.02 * rate, m->arrived);
	/* What waits when the stream has long been too fast, this frame's own time not counted. */
	queue = (m->late_median_ns - (double)i->delay_ns - serialization_ns(i, p->frame_len)) *
		rate / 8e9;
	set_quantity(&rows[PROPERTY_QUEUE], asked > 0, asked, fmax(queue, 0),
		     0.05 * asked + 2 * p->frame_len, m->arrived);
}

void compare(const struct impairment *asked, const struct stream_plan plans[N_STREAMS],
	     const struct measured *const m[N_STREAMS], double confidence, struct rows *ret_rows)
{
	enum stream times = m[STREAM_TIMES] != NULL ? STREAM_TIMES : STREAM_COUNTS;
	struct row *rows = ret_rows->r;

	*ret_rows = (struct rows){ 0 };
	for (int p = 0; p < N_PROPERTIES; p++)
		rows[p] = (struct row){ .property = (enum property)p, .match = MATCH_NOT_ASKED };
	compare_times(asked, &plans[times], m[times], rows);
	compare_shares(asked, &plans[STREAM_COUNTS], m[STREAM_COUNTS], confidence, rows);
	if (m[STREAM_RATE] != NULL)
		compare_rate(asked, &plans[STREAM_RATE], m[STREAM_RATE], rows);
}

size_t count_intervals(const struct impairment *i)
{
	return (asked_loss(i) > 0) + (i->duplicate > 0) + (i->corrupt > 0) + (i->reorder > 0);
}
