#include "lab/netem_options.h"

#include <assert.h>
#include <linux/netlink.h>
#include <linux/pkt_sched.h>
#include <math.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

/* Delays that netem chooses from at random; each stands for one of so many equal parts. */
#define TABLE_SIZE 4096
/* So many bytes per second that no frame is seen to wait: 9000 take 0 ns. */
#define RATE_WITHOUT_LIMIT 100000000000000ULL

/* netlink(7): a length, a type, the value, and zeros up to a multiple of 4. */
static void add_attribute(struct text *t, int type, const void *value, size_t len)
{
	static const char zeros[NLA_ALIGNTO];
	const struct nlattr head = {
		.nla_len = (uint16_t)(NLA_HDRLEN + len),
		.nla_type = (uint16_t)type,
	};

	text_add_bytes(t, &head, sizeof(head));
	text_add_bytes(t, value, len);
	text_add_bytes(t, zeros, NLA_ALIGN(len) - len);
}

/* A share of frames, as netem compares it with 32 random bits. */
static uint32_t share(double p)
{
	double bits = p * 4294967296.0;

	return bits >= UINT32_MAX ? UINT32_MAX : (uint32_t)bits;
}

/* ---- jitter ---- */

/*
 * Quantiles of the standard normal distribution. Newton's method, from the middle outwards and
 * each from the one before: on this side the distribution is concave, so no step is too long.
 */
static void fill_normal(double *table)
{
	double x = 0, step;

	for (size_t i = TABLE_SIZE / 2; i < TABLE_SIZE; i++) {
		double above = 1 - ((double)i + 0.5) / TABLE_SIZE;

		do {
			step = (erfc(x * M_SQRT1_2) / 2 - above) /
			       (exp(-x * x / 2) / sqrt(2 * M_PI));
			x += step;
		} while (step > 1e-9);
		table[i] = x;
		table[TABLE_SIZE - 1 - i] = -x;
	}
}

/* As a table has an end and the tail has none, its mean and deviation are made right afterwards. */
static void normalize(double *table)
{
	double sum = 0, squares = 0;

	for (size_t i = 0; i < TABLE_SIZE; i++)
		sum += table[i];
	for (size_t i = 0; i < TABLE_SIZE; i++) {
		table[i] -= sum / TABLE_SIZE;
		squares += table[i] * table[i];
	}
	for (size_t i = 0; i < TABLE_SIZE; i++)
		table[i] /= sqrt(squares / TABLE_SIZE);
}

/* How far from the delay, in units of the jitter, rising. */
static void fill_table(double *table, enum jitter_shape shape)
{
	if (shape == JITTER_NORMAL)
		fill_normal(table);
	for (size_t i = 0; i < TABLE_SIZE && shape != JITTER_NORMAL; i++) {
		double u = ((double)i + 0.5) / TABLE_SIZE;

		table[i] = shape == JITTER_PARETO ? 1 / cbrt(1 - u) : 2 * u - 1;
	}
	if (shape != JITTER_UNIFORM)
		normalize(table);
}

/*
 * Adds the table and returns the jitter to be told with it. Entries are 16 bits for up to 4 times
 * the jitter, which is too little for the tail of pareto: that table is made smaller and the
 * jitter larger by the same factor. There always is a table, or netem would keep an older one.
 */
static int64_t add_jitter(struct text *t, const struct impairment *i)
{
	cleanup_free double *table = array_new(TABLE_SIZE, sizeof(*table));
	cleanup_free int16_t *entries = array_new(TABLE_SIZE, sizeof(*entries));
	double factor = 1;

	fill_table(table, i->jitter_shape);
	if (table[TABLE_SIZE - 1] * NETEM_DIST_SCALE > INT16_MAX)
		factor = table[TABLE_SIZE - 1] * NETEM_DIST_SCALE / INT16_MAX;
	for (size_t k = 0; k < TABLE_SIZE; k++)
		entries[k] = (int16_t)lrint(table[k] / factor * NETEM_DIST_SCALE);
	add_attribute(t, TCA_NETEM_DELAY_DIST, entries, TABLE_SIZE * sizeof(*entries));

	double jitter = (double)i->jitter_ns * factor;

	assert(jitter <= INT32_MAX); /* tabledist() takes no more */
	return (int64_t)jitter;
}

/* ---- the rest ---- */

static void add_times(struct text *t, const struct impairment *i)
{
	int64_t latency = (int64_t)i->delay_ns, jitter = 0;

	if (i->jitter_ns != 0)
		jitter = add_jitter(t, i);
	add_attribute(t, TCA_NETEM_LATENCY64, &latency, sizeof(latency));
	add_attribute(t, TCA_NETEM_JITTER64, &jitter, sizeof(jitter));
}

/*
 * With any rate netem lets no frame leave before the one that came before it, without one each
 * leaves when its own time has come (netem_enqueue()). So jitter that keeps the order is a rate, too.
 */
static void add_rate(struct text *t, const struct impairment *i)
{
	uint64_t rate = (i->rate_bps + 7) / 8;

	if (rate == 0 && i->jitter_ns != 0 && !i->jitter_reorders)
		rate = RATE_WITHOUT_LIMIT;

	const struct tc_netem_rate r = {
		.rate = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX,
	};

	add_attribute(t, TCA_NETEM_RATE, &r, sizeof(r));
	if (rate > UINT32_MAX)
		add_attribute(t, TCA_NETEM_RATE64, &rate, sizeof(rate));
}

/* loss_gilb_ell(): h is what survives in the bad state, k1 what is lost in the good one. */
static void add_bursts(struct text *t, const struct impairment *i)
{
	const struct tc_netem_gemodel model = {
		.p = share(i->loss_enter),
		.r = share(i->loss_leave),
		.h = share(1 - i->loss_bad),
		.k1 = share(i->loss_good),
	};
	struct text nested cleanup_by(text_done) = { 0 };

	add_attribute(&nested, NETEM_LOSS_GE, &model, sizeof(model));
	add_attribute(t, TCA_NETEM_LOSS, nested.s, nested.len);
}

void netem_add_options(struct text *t, const struct impairment *i, uint64_t seed)
{
	bool bursts = i->loss_enter > 0 && !i->down;
	uint64_t limit = i->queue_packets;
	const struct tc_netem_qopt options = {
		.limit = limit != 0 && limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX,
		.loss = i->down ? UINT32_MAX : share(i->loss),
		.duplicate = share(i->duplicate),
		/* 1: the share of reordered frames is as given; 0: there are none. */
		.gap = i->reorder > 0,
	};
	const struct tc_netem_reorder reorder = { .probability = share(i->reorder) };
	const struct tc_netem_corrupt corrupt = { .probability = share(i->corrupt) };

	assert(i->n_drops == 0 && i->drop_every == 0 && i->mtu == 0 && i->queue_bytes == 0);
	text_add_bytes(t, &options, sizeof(options));
	add_attribute(t, TCA_NETEM_REORDER, &reorder, sizeof(reorder));
	add_attribute(t, TCA_NETEM_CORRUPT, &corrupt, sizeof(corrupt));
	add_rate(t, i);
	if (bursts)
		add_bursts(t, i);
	add_times(t, i);
	add_attribute(t, NETEM_PRNG_SEED, &seed, sizeof(seed));
}
