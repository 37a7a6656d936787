/* captures: whether each capture holds everything that passed its interface. */
#include <inttypes.h>

#include "base/text.h"
#include "verify/trial.h"

/* Why this capture proves nothing by what it lacks; NULL when it is complete. */
static char *incomplete(const struct trial *t, size_t i)
{
	const struct capture_evidence *c = &t->evidence->captures[i];
	const struct capture_watch *w = &t->captures[i];

	if (c->dropped != 0)
		return text_format("dropped %" PRIu64 " of %" PRIu64
				   " packets: its buffer of %zu bytes was full",
				   c->dropped, c->received, c->buffer);
	if (c->if_dropped != 0)
		return text_format("the interface dropped %" PRIu64 " packets", c->if_dropped);
	if (c->error[0] != '\0')
		return text_dup(c->error);
	if (!c->complete)
		return text_dup(t->evidence->recording_ns == 0 ? "was not begun"
							       : "was not brought to its end");
	if (w->error != NULL)
		return text_format("cannot be read: %s", w->error);
	if (w->read != c->packets)
		return text_format("holds %" PRIu64 " packets where %" PRIu64 " were written",
				   w->read, c->packets);
	if (t->topology->capture.filter == NULL && c->passed > c->received)
		return text_format("saw %" PRIu64 " packets where the interface counted %" PRIu64,
				   c->received, c->passed);
	return NULL;
}

void captures_judge(struct trial *t)
{
	const struct evidence *ev = t->evidence;

	for (size_t i = 0; i < ev->n_captures; i++) {
		const struct capture_evidence *c = &ev->captures[i];
		struct capture_verdict *v = &t->verdict->captures[i];

		v->name = text_dup(c->name);
		v->file = text_dup(c->file);
		v->packets = c->packets;
		v->bytes = c->bytes;
		v->dropped = c->dropped + c->if_dropped;
		v->reason = incomplete(t, i);
		v->outcome = v->reason != NULL ? OUTCOME_INCONCLUSIVE : OUTCOME_PASS;
		if (v->reason != NULL && !c->far)
			t->watched[c->node] = false;
	}
}
