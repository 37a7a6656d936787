#include "topology/impairment.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

const char *const jitter_shape_names[N_JITTER_SHAPES] = {
	[JITTER_UNIFORM] = "uniform",
	[JITTER_NORMAL] = "normal",
	[JITTER_PARETO] = "pareto",
};

const char *const fault_action_names[N_FAULT_ACTIONS] = {
	[FAULT_CHANGE] = "change",	 [FAULT_DOWN] = "down",	      [FAULT_UP] = "up",
	[FAULT_BLACKHOLE] = "blackhole", [FAULT_KILL] = "kill",	      [FAULT_PAUSE] = "pause",
	[FAULT_CONTINUE] = "continue",	 [FAULT_RESTART] = "restart",
};

bool impairment_is_clean(const struct impairment *i)
{
	bool loses = i->loss > 0 || i->loss_enter > 0 || i->drop_every != 0 || i->n_drops != 0 ||
		     i->mtu != 0 || i->down;
	bool alters = i->duplicate > 0 || i->corrupt > 0 || i->reorder > 0;
	bool holds = i->delay_ns != 0 || i->jitter_ns != 0 || i->rate_bps != 0;

	return !loses && !alters && !holds;
}

void impairment_copy(struct impairment *to, const struct impairment *from)
{
	*to = *from;
	to->drops = array_new(from->n_drops, sizeof(*to->drops));
	for (size_t i = 0; i < from->n_drops; i++) {
		to->drops[i] = from->drops[i];
		if (from->drops[i].flow != NULL)
			to->drops[i].flow = text_dup(from->drops[i].flow);
	}
}

void impairment_done(struct impairment *i)
{
	for (size_t k = 0; k < i->n_drops; k++)
		free(i->drops[k].flow);
	free(i->drops);
	*i = (struct impairment){ 0 };
}

bool fault_is_of_link(const struct fault *f)
{
	return f->action <= FAULT_BLACKHOLE;
}
