/*
 * What a link does to frames, as interfaces and faults say it: keys for both
 * directions, and in out { } and in { } for one, which override key by key.
 */
#include "base/clock.h"
#include "topology/build.h"
#include "topology/units.h"

#define MAX_DELAY   (3600 * NS_PER_SEC)
#define MIN_RATE    1000ULL /* bits per second */
#define MAX_RATE    1000000000000ULL
#define MIN_QUEUE   64 /* bytes: the shortest Ethernet frame, as IEEE 802.3 has it */
#define MAX_QUEUE   (1ULL << 30)
#define MAX_PACKETS 1000000
#define MIN_MTU	    68 /* RFC 791 */
#define MAX_MTU	    65535

/* ---- values ---- */

static void fill_duration(struct builder *b, uint64_t *to, const struct value *v)
{
	struct err why;

	if (unit_duration(v->text, to, &why) != 0)
		build_refuse(b, v, "%s", why.msg);
	else if (*to > MAX_DELAY)
		build_refuse(b, v, "is out of range: 0s to 1h");
}

static void fill_percent(struct builder *b, double *to, const struct value *v)
{
	struct err why;

	if (unit_percent(v->text, to, &why) != 0)
		build_refuse(b, v, "%s", why.msg);
}

static void fill_delay(struct builder *b, struct impairment *to, const struct value *values,
		       size_t n)
{
	(void)n;
	fill_duration(b, &to->delay_ns, &values[0]);
}

static void fill_jitter(struct builder *b, struct impairment *to, const struct value *values,
			size_t n)
{
	(void)n;
	fill_duration(b, &to->jitter_ns, &values[0]);
}

static void fill_jitter_shape(struct builder *b, struct impairment *to, const struct value *values,
			      size_t n)
{
	int shape = build_choose(b, &values[0], jitter_shape_names, N_JITTER_SHAPES);

	(void)n;
	if (shape >= 0)
		to->jitter_shape = (enum jitter_shape)shape;
}

static void fill_jitter_reorders(struct builder *b, struct impairment *to,
				 const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &to->jitter_reorders, &values[0]);
}

/* p: enter, leave, bad, good. */
static void fill_bursts(struct builder *b, struct impairment *to, const double p[4],
			const struct value *values, size_t n)
{
	if (p[0] > 0 && !(p[1] > 0))
		build_refuse(b, &values[1],
			     "to leave the bad state means never to: write more than 0%%");
	if (n == 4 && p[2] < p[3])
		build_refuse(b, &values[2],
			     "in the bad state is less than '%s' in the good one: they stand as "
			     "{ enter, leave, bad, good }",
			     values[3].text);
	/* A state that is never entered makes no bursts. */
	if (!(p[0] > 0)) {
		to->loss = p[3];
		return;
	}
	to->loss_enter = p[0];
	to->loss_leave = p[1];
	to->loss_bad = p[2];
	to->loss_good = p[3];
}

static void fill_loss(struct builder *b, struct impairment *to, const struct value *values,
		      size_t n)
{
	double p[4] = { 0, 0, 1, 0 };

	if (n != b->n_given)
		return;
	if (n == 3 || n > 4) {
		b->refused = true;
		problem_add(b->problems, values[0].at,
			    "loss takes one percentage, { enter, leave } or { enter, leave, bad, "
			    "good }, not %zu values",
			    n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		fill_percent(b, &p[i], &values[i]);
	to->loss = to->loss_enter = to->loss_leave = to->loss_bad = to->loss_good = 0;
	if (n == 1)
		to->loss = p[0];
	else if (!b->refused)
		fill_bursts(b, to, p, values, n);
}

static void fill_drop_every(struct builder *b, struct impairment *to, const struct value *values,
			    size_t n)
{
	struct err why;

	(void)n;
	if (unit_count(values[0].text, 1, UINT32_MAX, &to->drop_every, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
}

static void fill_duplicate(struct builder *b, struct impairment *to, const struct value *values,
			   size_t n)
{
	(void)n;
	fill_percent(b, &to->duplicate, &values[0]);
}

static void fill_reorder(struct builder *b, struct impairment *to, const struct value *values,
			 size_t n)
{
	(void)n;
	fill_percent(b, &to->reorder, &values[0]);
}

static void fill_corrupt(struct builder *b, struct impairment *to, const struct value *values,
			 size_t n)
{
	(void)n;
	fill_percent(b, &to->corrupt, &values[0]);
}

static void fill_rate(struct builder *b, struct impairment *to, const struct value *values,
		      size_t n)
{
	struct err why;

	(void)n;
	if (unit_rate(values[0].text, &to->rate_bps, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (to->rate_bps == 0)
		build_refuse(b, &values[0],
			     "lets nothing pass, ever: loss = 100%% does that, and leaving rate "
			     "out is no limit");
	else if (to->rate_bps < MIN_RATE || to->rate_bps > MAX_RATE)
		build_refuse(b, &values[0], "is out of range: 1kbit to 1000gbit");
}

static void fill_queue(struct builder *b, struct impairment *to, const struct value *values,
		       size_t n)
{
	uint64_t bytes, packets;
	struct err why;

	(void)n;
	if (unit_queue(values[0].text, &bytes, &packets, &why) != 0) {
		build_refuse(b, &values[0], "%s", why.msg);
		return;
	}
	if (packets > MAX_PACKETS || bytes > MAX_QUEUE || (packets == 0 && bytes < MIN_QUEUE))
		build_refuse(b, &values[0], "is out of range: 64B to 1GiB, or 1p to 1000000p");
	to->queue_bytes = bytes;
	to->queue_packets = packets;
}

static void fill_mtu(struct builder *b, struct impairment *to, const struct value *values, size_t n)
{
	uint64_t mtu;
	struct err why;

	(void)n;
	if (unit_count(values[0].text, MIN_MTU, MAX_MTU, &mtu, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else
		to->mtu = (unsigned)mtu;
}

static void (*const fill[N_IMPAIRMENT_KEYS])(struct builder *b, struct impairment *to,
					     const struct value *values, size_t n) = {
	[IMPAIRMENT_DELAY] = fill_delay,
	[IMPAIRMENT_JITTER] = fill_jitter,
	[IMPAIRMENT_JITTER_SHAPE] = fill_jitter_shape,
	[IMPAIRMENT_JITTER_REORDERS] = fill_jitter_reorders,
	[IMPAIRMENT_LOSS] = fill_loss,
	[IMPAIRMENT_DROP] = drop_fill,
	[IMPAIRMENT_DROP_EVERY] = fill_drop_every,
	[IMPAIRMENT_DUPLICATE] = fill_duplicate,
	[IMPAIRMENT_REORDER] = fill_reorder,
	[IMPAIRMENT_CORRUPT] = fill_corrupt,
	[IMPAIRMENT_RATE] = fill_rate,
	[IMPAIRMENT_QUEUE] = fill_queue,
	[IMPAIRMENT_MTU] = fill_mtu,
};

/* ---- keys ---- */

static void set_impaired(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct impaired *im = &b->impaired;
	size_t key = (size_t)(b->key - impaired_keys);

	(void)object;
	for (int d = 0; d < N_DIRECTIONS; d++) {
		if (!im->concerned[d])
			continue;
		fill[key](b, im->to[d], values, n);
		im->at[d][key] = values[0].at;
		im->to[d]->lines[key] = build_line(b, values[0].at);
	}
}

const struct key impaired_keys[N_IMPAIRMENT_KEYS] = {
	[IMPAIRMENT_DELAY] = { "delay", false, false, set_impaired },
	[IMPAIRMENT_JITTER] = { "jitter", false, false, set_impaired },
	[IMPAIRMENT_JITTER_SHAPE] = { "jitter-shape", false, false, set_impaired },
	[IMPAIRMENT_JITTER_REORDERS] = { "jitter-reorders", false, false, set_impaired },
	[IMPAIRMENT_LOSS] = { "loss", true, false, set_impaired },
	[IMPAIRMENT_DROP] = { "drop", true, false, set_impaired },
	[IMPAIRMENT_DROP_EVERY] = { "drop-every", false, false, set_impaired },
	[IMPAIRMENT_DUPLICATE] = { "duplicate", false, false, set_impaired },
	[IMPAIRMENT_REORDER] = { "reorder", false, false, set_impaired },
	[IMPAIRMENT_CORRUPT] = { "corrupt", false, false, set_impaired },
	[IMPAIRMENT_RATE] = { "rate", false, false, set_impaired },
	[IMPAIRMENT_QUEUE] = { "queue", false, false, set_impaired },
	[IMPAIRMENT_MTU] = { "mtu", false, false, set_impaired },
};

void impaired_doubt(struct builder *b, const struct key *key)
{
	for (int d = 0; key->set == set_impaired && d < N_DIRECTIONS; d++)
		b->impaired.doubtful[d] |= b->impaired.concerned[d];
}

bool impaired_is_doubtful(const struct builder *b)
{
	return b->impaired.doubtful[LINK_OUT] || b->impaired.doubtful[LINK_IN];
}

bool impaired_has(const struct builder *b, enum direction d)
{
	for (size_t k = 0; k < N_IMPAIRMENT_KEYS; k++)
		if (b->impaired.at[d][k] != 0)
			return true;
	return false;
}

const struct key *impaired_first(const struct builder *b, size_t *ret_at)
{
	const struct key *first = NULL;

	for (int d = 0; d < N_DIRECTIONS; d++)
		for (size_t k = 0; k < N_IMPAIRMENT_KEYS; k++) {
			size_t at = b->impaired.at[d][k];

			if (at == 0 || (first != NULL && at >= *ret_at))
				continue;
			first = &impaired_keys[k];
			*ret_at = at;
		}
	return first;
}

/* ---- out { } and in { } ---- */

static void concern(struct builder *b, bool out, bool in)
{
	b->impaired.concerned[LINK_OUT] = out;
	b->impaired.concerned[LINK_IN] = in;
}

static void *begin_out(struct builder *b, void *parent, const struct section *s)
{
	build_check_once(b, s);
	concern(b, true, false);
	return parent;
}

static void *begin_in(struct builder *b, void *parent, const struct section *s)
{
	build_check_once(b, s);
	concern(b, false, true);
	return parent;
}

static void end_direction(struct builder *b, void *object, const struct section *s)
{
	(void)object;
	(void)s;
	concern(b, true, true);
}

static const struct section_kind grammar_out = {
	.name = "out",
	.keys = impaired_keys,
	.n_keys = N_ELEMENTS(impaired_keys),
	.begin = begin_out,
	.end = end_direction,
};

static const struct section_kind grammar_in = {
	.name = "in",
	.keys = impaired_keys,
	.n_keys = N_ELEMENTS(impaired_keys),
	.begin = begin_in,
	.end = end_direction,
};

const struct section_kind *const impaired_children[N_IMPAIRED_CHILDREN] = {
	&grammar_out,
	&grammar_in,
};

/* ---- what only all keys together can tell ---- */

void impaired_begin(struct builder *b, struct impairment *out, struct impairment *in)
{
	b->impaired = (struct impaired){ .to = { [LINK_OUT] = out, [LINK_IN] = in } };
	concern(b, true, true);
}

/*
 * The first of these keys that this block has is where the mistake is told. A block that has none
 * of them is a fault that leaves them as they are: the interface's own mistake was told there.
 */
static size_t blame(const size_t *at, enum impairment_key first, enum impairment_key second)
{
	return at[first] != 0 ? at[first] : at[second];
}

static void judge_jitter(struct builder *b, const struct impairment *i, const size_t *at)
{
	size_t place = blame(at, IMPAIRMENT_JITTER, IMPAIRMENT_DELAY);
	char delay[UNIT_TEXT_LEN];

	if (place == 0)
		place = at[IMPAIRMENT_JITTER_SHAPE];
	if (place == 0 || i->jitter_ns == 0)
		return;
	unit_format_duration(delay, i->delay_ns);
	if (i->delay_ns == 0)
		problem_add(b->problems, place,
			    "jitter without a delay: it is what a delay varies by, so give one");
	else if (i->jitter_shape == JITTER_UNIFORM && i->jitter_ns > i->delay_ns)
		problem_add(b->problems, place,
			    "jitter is more than the delay of %s, and a frame cannot leave before "
			    "it came: write %s at most, or a longer delay",
			    delay, delay);
}

static void judge(struct builder *b, const struct impairment *i, const size_t *at)
{
	static const enum impairment_key of_jitter[] = { IMPAIRMENT_JITTER_SHAPE,
							 IMPAIRMENT_JITTER_REORDERS };
	size_t place = blame(at, IMPAIRMENT_REORDER, IMPAIRMENT_DELAY);

	judge_jitter(b, i, at);
	for (size_t k = 0; k < N_ELEMENTS(of_jitter); k++)
		if (at[of_jitter[k]] != 0 && i->lines[IMPAIRMENT_JITTER] == 0)
			problem_add(b->problems, at[of_jitter[k]],
				    "%s goes with jitter only, as in jitter = 2ms",
				    impaired_keys[of_jitter[k]].name);
	if (i->reorder > 0 && i->delay_ns == 0 && place != 0)
		problem_add(b->problems, place,
			    "reorder without a delay: a frame overtakes others only while these "
			    "are held, so give a delay");
	if (at[IMPAIRMENT_QUEUE] != 0 && i->lines[IMPAIRMENT_RATE] == 0)
		problem_add(b->problems, at[IMPAIRMENT_QUEUE],
			    "queue without a rate: nothing waits where the rate has no limit, so "
			    "give one, as in rate = 10mbit");
}

void impaired_end(struct builder *b)
{
	const struct impaired *im = &b->impaired;

	for (int d = 0; d < N_DIRECTIONS; d++)
		if (!im->doubtful[d])
			judge(b, im->to[d], im->at[d]);
}
