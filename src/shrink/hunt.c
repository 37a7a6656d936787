#include "shrink/hunt.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "run/once.h"

static void tell(const struct hunt *h, const char *what, const struct run_verdict *v, uint64_t ns)
{
	static const char *const words[] = {
		[OUTCOME_PASS] = "passes",
		[OUTCOME_SKIP] = "passes",
		[OUTCOME_INCONCLUSIVE] = "inconclusive",
		[OUTCOME_FAIL] = "still fails",
	};
	char duration[16];

	if (h->progress == NULL)
		return;
	fprintf(h->progress, "probe %zu: %s, %s (%s)\n", h->n_probes, what, words[v->outcome],
		text_duration(duration, ns));
	fflush(h->progress);
}

static void remember_reason(struct hunt *h, const struct run_verdict *v)
{
	if (v->outcome != OUTCOME_FAIL || v->n_reasons == 0)
		return;
	free(h->last_reason);
	h->last_reason = text_dup(v->reasons[0]);
}

int hunt_probe(struct hunt *h, struct topology *t, const char *what, struct err *e)
{
	cleanup_by(run_verdict_done) struct run_verdict v = { 0 };
	cleanup_free char *folder = text_format("%s/%zu", h->folder, ++h->n_probes);
	cleanup_free char *comment = text_format("shrinking %s, probe %zu", t->name, h->n_probes);
	uint64_t began = clock_ns();

	if (run_once(t, ENGINE_USER, folder, comment, &v, e) != 0 || fs_remove_tree(folder, e) != 0)
		return -1;
	if (run_caught_signal() != 0)
		return err_set(e, 0, "interrupted after %zu probes", h->n_probes);
	tell(h, what, &v, clock_ns() - began);
	remember_reason(h, &v);
	return v.outcome == OUTCOME_FAIL;
}

static int probe_set(void *arg, const size_t *chosen, size_t n, struct err *e)
{
	struct hunt *h = arg;
	cleanup_free char *what = text_format("%zu datagram%s lost", n, n == 1 ? "" : "s");

	losses_apply(&h->losses, chosen, n, h->topology);
	return hunt_probe(h, h->topology, what, e);
}

/* What ddmin takes for granted: with all it fails, with none it does not. */
static int check_ends(struct hunt *h, enum hunt_result *ret_result, struct err *e)
{
	cleanup_free size_t *all = array_new(h->losses.n, sizeof(*all));
	int r;

	for (size_t i = 0; i < h->losses.n; i++)
		all[i] = i;
	*ret_result = HUNT_PASSES;
	r = probe_set(h, all, h->losses.n, e);
	if (r <= 0)
		return r;
	*ret_result = HUNT_FAILS_ANYWAY;
	r = probe_set(h, NULL, 0, e);
	if (r != 0)
		return r < 0 ? -1 : 0;
	*ret_result = HUNT_FOUND;
	return 0;
}

int hunt_losses(struct hunt *h, enum hunt_result *ret_result, struct ddmin_result *ret_found,
		struct err *e)
{
	if (check_ends(h, ret_result, e) != 0)
		return -1;
	if (*ret_result != HUNT_FOUND)
		return 0;

	size_t left = h->max_probes > h->n_probes ? h->max_probes - h->n_probes : 0;

	if (ddmin(h->losses.n, left, probe_set, h, ret_found, e) != 0)
		return -1;
	losses_apply(&h->losses, ret_found->left, ret_found->n_left, h->topology);
	return 0;
}

void hunt_done(struct hunt *h)
{
	losses_done(&h->losses);
	free(h->last_reason);
	h->last_reason = NULL;
}
