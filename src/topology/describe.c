#include "topology/describe.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "topology/units.h"

static const char *const direction_names[N_DIRECTIONS] = { [LINK_OUT] = "out", [LINK_IN] = "in" };

/* ", " between what was added before and what comes. */
static struct text *next(struct text *t)
{
	if (t->len != 0)
		text_add(t, ", ");
	return t;
}

static void add_delay(struct text *t, const struct impairment *i)
{
	char buf[UNIT_TEXT_LEN];

	if (i->delay_ns != 0)
		text_add(next(t), "delay %s", unit_format_duration(buf, i->delay_ns));
	if (i->jitter_ns == 0)
		return;
	text_add(next(t), "jitter %s %s%s", unit_format_duration(buf, i->jitter_ns),
		 jitter_shape_names[i->jitter_shape], i->jitter_reorders ? " reordering" : "");
}

static void add_share(struct text *t, const char *name, double share)
{
	char buf[UNIT_TEXT_LEN];

	if (share > 0)
		text_add(next(t), "%s %s", name, unit_format_percent(buf, share));
}

/* Of all frames, in the long run: the states' own shares, weighted by how often each is. */
static double share_of_bursts(const struct impairment *i)
{
	double bad = i->loss_enter / (i->loss_enter + i->loss_leave);

	return bad * i->loss_bad + (1 - bad) * i->loss_good;
}

static void add_bursts(struct text *t, const struct impairment *i)
{
	char enter[UNIT_TEXT_LEN], leave[UNIT_TEXT_LEN], bad[UNIT_TEXT_LEN], good[UNIT_TEXT_LEN];

	if (!(i->loss_enter > 0))
		return;
	text_add(next(t), "loss in bursts { enter %s, leave %s, bad %s, good %s: %.3g%% of all }",
		 unit_format_percent(enter, i->loss_enter),
		 unit_format_percent(leave, i->loss_leave), unit_format_percent(bad, i->loss_bad),
		 unit_format_percent(good, i->loss_good), share_of_bursts(i) * 100);
}

static void add_drops(struct text *t, const struct impairment *i)
{
	for (size_t k = 0; k < i->n_drops; k++) {
		const struct drop_range *r = &i->drops[k];

		text_add(k == 0 ? next(t) : t, "%s%llu", k == 0 ? "drop { " : ", ",
			 (unsigned long long)r->first);
		if (r->last != r->first)
			text_add(t, "-%llu", (unsigned long long)r->last);
		if (r->flow != NULL)
			text_add(t, " of %s", r->flow);
	}
	if (i->n_drops != 0)
		text_add(t, " }");
	if (i->drop_every != 0)
		text_add(next(t), "drop every %llu", (unsigned long long)i->drop_every);
}

static void add_rate(struct text *t, const struct impairment *i)
{
	char buf[UNIT_TEXT_LEN];

	if (i->rate_bps == 0)
		return;
	text_add(next(t), "rate %s", unit_format_rate(buf, i->rate_bps));
	if (i->queue_bytes != 0)
		text_add(t, " queue %s", unit_format_size(buf, i->queue_bytes));
	else if (i->queue_packets != 0)
		text_add(t, " queue %llup", (unsigned long long)i->queue_packets);
}

char *describe_impairment(const struct impairment *i)
{
	struct text t = { 0 };

	if (i->down)
		text_add(next(&t), "down");
	if (i->mtu != 0)
		text_add(next(&t), "mtu %u", i->mtu);
	add_delay(&t, i);
	add_share(&t, "loss", i->loss);
	add_bursts(&t, i);
	add_drops(&t, i);
	add_share(&t, "duplicate", i->duplicate);
	add_share(&t, "corrupt", i->corrupt);
	add_share(&t, "reorder", i->reorder);
	add_rate(&t, i);
	return t.len != 0 ? text_take(&t) : text_dup("clean");
}

char *describe_link(const struct interface *iface)
{
	cleanup_free char *out = describe_impairment(&iface->impairments[LINK_OUT]);
	cleanup_free char *in = describe_impairment(&iface->impairments[LINK_IN]);

	return text_format("out: %s; in: %s", out, in);
}

char *describe_fault_time(const struct topology *t, const struct fault *f)
{
	struct text text = { 0 };
	char buf[UNIT_TEXT_LEN];

	if (f->after == 0)
		text_add(&text, "at %s", unit_format_duration(buf, f->at_ns));
	else
		text_add(&text, "after %llu datagram%s from %s to %s", (unsigned long long)f->after,
			 f->after == 1 ? "" : "s", t->nodes[f->flow.from].name,
			 t->nodes[f->flow.to].name);
	if (f->after != 0 && f->flow.port != 0)
		text_add(&text, ", port %u", f->flow.port);
	if (f->for_ns != 0)
		text_add(&text, "%sfor %s", f->after != 0 ? ", " : " ",
			 unit_format_duration(buf, f->for_ns));
	return text_take(&text);
}

char *describe_fault_place(const struct topology *t, const struct fault *f)
{
	const struct node *n = &t->nodes[f->node];

	if (fault_is_of_link(f))
		return text_format("%s/%s", n->name, n->interfaces[f->interface].name);
	if (f->command != NO_COMMAND)
		return text_format("%s at %s", t->commands[f->command].name, n->name);
	return text_format("%s of %s at %s",
			   t->transfers[f->transfer].from == f->node ? "sender" : "receiver",
			   t->transfers[f->transfer].name, n->name);
}

char *describe_fault_action(const struct fault *f)
{
	struct text text = { 0 };

	if (f->action == FAULT_BLACKHOLE)
		return text_format("blackhole %s",
				   direction_names[f->direction[LINK_OUT] ? LINK_OUT : LINK_IN]);
	if (f->action != FAULT_CHANGE)
		return text_dup(fault_action_names[f->action]);
	for (int d = 0; d < N_DIRECTIONS; d++) {
		cleanup_free char *to = describe_impairment(&f->to[d]);

		if (f->direction[d])
			text_add(&text, "%s%s becomes: %s", text.len != 0 ? "; " : "",
				 direction_names[d], to);
	}
	return text_take(&text);
}
