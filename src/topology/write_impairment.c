#include "topology/write_impairment.h"
#include "topology/write_values.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "topology/units.h"

/* One block's keys, being written. */
struct keys {
	struct text *out;
	const char *indent;
	const struct impairment *i;
};

/* Whether the key is to be there: also one that says what holds anyway, where the file says it. */
static bool begin(const struct keys *k, enum impairment_key key, const char *name, bool says)
{
	if (!says && k->i->lines[key] == 0)
		return false;
	text_add(k->out, "%s%s = ", k->indent, name);
	return true;
}

static void write_duration(const struct keys *k, enum impairment_key key, const char *name,
			   uint64_t ns)
{
	char buf[UNIT_TEXT_LEN];

	if (begin(k, key, name, ns != 0))
		text_add(k->out, "%s\n", unit_format_duration(buf, ns));
}

static void write_share(const struct keys *k, enum impairment_key key, const char *name,
			double share)
{
	char buf[UNIT_TEXT_LEN];

	if (begin(k, key, name, share > 0))
		text_add(k->out, "%s\n", unit_format_percent(buf, share));
}

static void write_loss(const struct keys *k)
{
	const double shares[] = { k->i->loss_enter, k->i->loss_leave, k->i->loss_bad,
				  k->i->loss_good };
	char buf[UNIT_TEXT_LEN];

	if (!(k->i->loss_enter > 0)) {
		write_share(k, IMPAIRMENT_LOSS, "loss", k->i->loss);
		return;
	}
	text_add(k->out, "%sloss = {", k->indent);
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		text_add(k->out, "%s %s", i != 0 ? "," : "", unit_format_percent(buf, shares[i]));
	text_add(k->out, " }\n");
}

static char *drop_text(const struct drop_range *d)
{
	struct text t = { 0 };

	text_add(&t, "%llu", (unsigned long long)d->first);
	if (d->last != d->first)
		text_add(&t, "-%llu", (unsigned long long)d->last);
	if (d->flow != NULL)
		text_add(&t, " of %s", d->flow);
	return text_take(&t);
}

/* A line each: lists of what was lost are long. */
static void write_drops(const struct keys *k)
{
	if (k->i->n_drops == 0)
		return;
	text_add(k->out, "%sdrop = {", k->indent);
	for (size_t i = 0; i < k->i->n_drops; i++) {
		cleanup_free char *drop = drop_text(&k->i->drops[i]);

		text_add(k->out, "%s\n%s\t", i != 0 ? "," : "", k->indent);
		write_quoted(k->out, drop);
	}
	text_add(k->out, "\n%s}\n", k->indent);
}

static void write_queue(const struct keys *k)
{
	char buf[UNIT_TEXT_LEN];

	if (k->i->rate_bps != 0)
		text_add(k->out, "%srate = %s\n", k->indent, unit_format_rate(buf, k->i->rate_bps));
	if (k->i->queue_bytes != 0)
		text_add(k->out, "%squeue = %s\n", k->indent,
			 unit_format_size(buf, k->i->queue_bytes));
	if (k->i->queue_packets != 0)
		text_add(k->out, "%squeue = %llup\n", k->indent,
			 (unsigned long long)k->i->queue_packets);
}

static void write_keys(struct text *out, const struct impairment *i, const char *indent)
{
	const struct keys k = { out, indent, i };

	write_duration(&k, IMPAIRMENT_DELAY, "delay", i->delay_ns);
	write_duration(&k, IMPAIRMENT_JITTER, "jitter", i->jitter_ns);
	if (begin(&k, IMPAIRMENT_JITTER_SHAPE, "jitter-shape", i->jitter_shape != JITTER_UNIFORM))
		text_add(out, "%s\n", jitter_shape_names[i->jitter_shape]);
	if (begin(&k, IMPAIRMENT_JITTER_REORDERS, "jitter-reorders", i->jitter_reorders))
		text_add(out, "%s\n", i->jitter_reorders ? "yes" : "no");
	write_loss(&k);
	write_drops(&k);
	if (i->drop_every != 0)
		text_add(out, "%sdrop-every = %llu\n", indent, (unsigned long long)i->drop_every);
	write_share(&k, IMPAIRMENT_DUPLICATE, "duplicate", i->duplicate);
	write_share(&k, IMPAIRMENT_REORDER, "reorder", i->reorder);
	write_share(&k, IMPAIRMENT_CORRUPT, "corrupt", i->corrupt);
	write_queue(&k);
	if (i->mtu != 0)
		text_add(out, "%smtu = %u\n", indent, i->mtu);
}

static void write_block(struct text *out, const char *name, const struct impairment *i,
			const char *indent)
{
	cleanup_free char *deeper = text_format("%s\t", indent);
	cleanup_by(text_done) struct text keys = { 0 };

	if (i != NULL)
		write_keys(&keys, i, deeper);
	if (keys.len != 0)
		text_add(out, "%s%s {\n%s%s}\n", indent, name, text_str(&keys), indent);
}

void write_impairments(struct text *out, const struct impairment *to, const struct impairment *from,
		       const char *indent)
{
	cleanup_by(text_done) struct text a = { 0 };
	cleanup_by(text_done) struct text b = { 0 };

	if (to != NULL)
		write_keys(&a, to, indent);
	if (from != NULL)
		write_keys(&b, from, indent);
	/* `mtu` outside of such a block is that of the interface. */
	if (to != NULL && from != NULL && to->mtu == 0 && strcmp(text_str(&a), text_str(&b)) == 0) {
		text_add(out, "%s", text_str(&a));
		return;
	}
	write_block(out, "out", to, indent);
	write_block(out, "in", from, indent);
}
