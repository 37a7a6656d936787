#include "live/live.h"

#include <stdlib.h>

#include "base/array.h"

/* Per interface, bytes: nobody knows what will be sent. */
#define CAPTURE_BUFFER ((size_t)16 << 20)

/* What a server waits for is another server, or not waited for. */
static void keep_dependencies(struct command *c, const size_t *new_index)
{
	struct dependency *kept = array_new(c->n_after, sizeof(*kept));
	size_t n = 0;

	for (size_t i = 0; i < c->n_after; i++)
		if (!c->after[i].transfer && new_index[c->after[i].index] != SIZE_MAX)
			kept[n++].index = new_index[c->after[i].index];
	c->after = kept;
	c->n_after = n;
}

static void keep_servers(struct topology *live, const struct topology *t)
{
	size_t *new_index = array_new(t->n_commands, sizeof(*new_index));

	live->commands = array_new(t->n_commands, sizeof(*live->commands));
	live->n_commands = 0;
	for (size_t i = 0; i < t->n_commands; i++) {
		new_index[i] = SIZE_MAX;
		if (!command_is_server(&t->commands[i]))
			continue;
		new_index[i] = live->n_commands;
		live->commands[live->n_commands++] = t->commands[i];
	}
	for (size_t i = 0; i < live->n_commands; i++)
		keep_dependencies(&live->commands[i], new_index);
	free(new_index);
}

static void keep_faults(struct topology *live, const struct topology *t)
{
	live->faults = array_new(t->n_faults, sizeof(*live->faults));
	live->n_faults = 0;
	for (size_t i = 0; i < t->n_faults; i++)
		if (fault_is_of_link(&t->faults[i]) && t->faults[i].after != 0)
			live->faults[live->n_faults++] = t->faults[i];
}

void live_topology_init(struct topology *ret_live, const struct topology *t)
{
	*ret_live = *t;
	ret_live->transfers = NULL;
	ret_live->n_transfers = 0;
	ret_live->n_metrics = 0;
	ret_live->n_expectations = 0;
	keep_servers(ret_live, t);
	keep_faults(ret_live, t);
	if (t->capture.buffer == 0)
		ret_live->capture.buffer = CAPTURE_BUFFER;
}

void live_topology_done(struct topology *live)
{
	for (size_t i = 0; i < live->n_commands; i++)
		free(live->commands[i].after);
	free(live->commands);
	free(live->faults);
}
