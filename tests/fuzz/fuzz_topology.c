/* Fuzzes the parser of topology files, and what writes them: what was written is accepted, too. */
#include <string.h>

#include "topology/plan.h"
#include "topology/write.h"

#include "fuzz/input.h"

static void write_and_read(const struct topology *t)
{
	char *text = topology_write(t, NULL);
	struct problems problems = { 0 };
	struct plan *again = NULL;

	if (plan_parse("fuzz.conf", text, strlen(text), &again, &problems) != 0) {
		fprintf(stderr, "%s\n%s", problems.messages[0], text);
		abort();
	}
	plan_free(again);
	problems_done(&problems);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problems problems = { 0 };
	struct plan *plan = NULL;

	if (plan_parse("fuzz.conf", (const char *)data, size, &plan, &problems) == 0) {
		for (size_t i = 0; i < plan->n_runs; i++)
			write_and_read(plan->runs[i].topology);
		plan_free(plan);
	} else if (problems.n == 0) {
		abort(); /* refused, and nobody says why */
	}
	problems_done(&problems);
	return 0;
}
