#include "calibrate/calibrate.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/describe.h"

static const struct impairment *impairment_of(const struct plan *plan, const struct calibrated *c)
{
	const struct topology *t = plan->runs[c->run].topology;

	return &t->nodes[c->node].interfaces[c->interface].impairments[c->direction];
}

static bool is_known(const struct calibration *all, const struct calibrated *new)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->c[i].direction == new->direction &&
		    strcmp(all->c[i].link, new->link) == 0 &&
		    strcmp(all->c[i].asked, new->asked) == 0)
			return true;
	return false;
}

static void add(struct calibration *all, const struct plan *plan, struct calibrated new,
		const struct limits *limits)
{
	const struct node *n = &plan->runs[new.run].topology->nodes[new.node];
	const struct interface *iface = &n->interfaces[new.interface];
	const struct impairment *asked = impairment_of(plan, &new);
	struct limits l = *limits;

	if (impairment_is_clean(asked))
		return;
	new.link = text_format("%s/%s", n->name, iface->name);
	new.asked = describe_impairment(asked);
	if (is_known(all, &new)) {
		free(new.link);
		free(new.asked);
		return;
	}
	l.mtu = asked->mtu != 0 && asked->mtu < iface->mtu ? asked->mtu : iface->mtu;
	plan_streams(asked, &l, new.plans);
	*(struct calibrated *)array_add(&all->c, &all->n, &all->room, sizeof(new)) = new;
}

void calibration_begin(struct calibration *all, const struct plan *plan,
		       const struct limits *limits)
{
	size_t n_intervals = 0;

	*all = (struct calibration){ 0 };
	for (size_t r = 0; r < plan->n_runs; r++)
		for (size_t n = 0; n < plan->runs[r].topology->n_nodes; n++)
			for (size_t i = 0; i < plan->runs[r].topology->nodes[n].n_interfaces; i++)
				for (int d = 0; d < N_DIRECTIONS; d++)
					add(all, plan,
					    (struct calibrated){ .run = r,
								 .node = n,
								 .interface = i,
								 .direction = (enum direction)d },
					    limits);
	for (size_t i = 0; i < all->n; i++)
		n_intervals += count_intervals(impairment_of(plan, &all->c[i]));
	/* Bonferroni's inequality: none of them misses more often than all of them may. */
	all->confidence = 1 - (1 - CALIBRATION_CONFIDENCE) /
				      (n_intervals != 0 ? (double)n_intervals : 1);
}

/* One stream; *ret is NULL when it is not wanted. */
static int measure_stream(struct calibrated *c, enum stream s, const struct stream_request *base,
			  struct measured *m, const struct measured **ret, struct err *e)
{
	char *engine = NULL;
	cleanup_free char *folder = text_format("%s/%d", base->folder, (int)s);
	struct stream_request request = *base;

	*ret = NULL;
	if (!c->plans[s].wanted)
		return 0;
	request.plan = c->plans[s];
	request.folder = folder;
	request.early_ns = early_limit(
		&base->topology->nodes[c->node].interfaces[c->interface].impairments[c->direction],
		c->plans[s].frame_len);
	if (stream_run(&request, m, &engine, e) != 0)
		return err_prefix(e, "%s %s", c->link, c->direction == LINK_OUT ? "out" : "in");
	free(c->engine);
	c->engine = engine;
	*ret = m;
	return 0;
}

int calibration_measure(struct calibration *all, size_t i, const struct plan *plan,
			enum link_engine engine, const char *folder, struct err *e)
{
	struct calibrated *c = &all->c[i];
	const struct stream_request base = { .topology = plan->runs[c->run].topology,
					     .node = c->node,
					     .interface = c->interface,
					     .direction = c->direction,
					     .engine = engine,
					     .folder = folder };
	struct measured m[N_STREAMS] = { 0 };
	const struct measured *found[N_STREAMS];
	int r = 0;

	for (int s = 0; r == 0 && s < N_STREAMS; s++)
		r = measure_stream(c, (enum stream)s, &base, &m[s], &found[s], e);
	if (r == 0)
		compare(impairment_of(plan, c), c->plans, found, all->confidence, &c->rows);
	for (int p = 0; r == 0 && p < N_PROPERTIES; p++)
		all->off |= c->rows.r[p].match == MATCH_OFF;
	for (int s = 0; s < N_STREAMS; s++)
		measured_done(&m[s]);
	return r;
}

void calibration_done(struct calibration *all)
{
	for (size_t i = 0; i < all->n; i++) {
		free(all->c[i].link);
		free(all->c[i].asked);
		free(all->c[i].engine);
	}
	free(all->c);
	*all = (struct calibration){ 0 };
}
