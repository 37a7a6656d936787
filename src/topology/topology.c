#include "topology/topology.h"

#include <stdlib.h>

const char *const transfer_mode_names[N_MODES] = {
	[MODE_MULTI_PROCESS] = "multi-process",
	[MODE_MULTI_THREAD] = "multi-thread",
	[MODE_MULTI_PROCESS_ASYNC] = "multi-process-async",
	[MODE_MULTI_THREAD_ASYNC] = "multi-thread-async",
	[MODE_EVENT_LOOP] = "event-loop",
	[MODE_SEQUENTIAL] = "sequential",
};

bool command_is_server(const struct command *c)
{
	return c->n_listens != 0 || c->ready_output != NULL || c->background;
}

bool command_has_limits(const struct command *c)
{
	return c->cpus > 0 || c->memory != 0;
}

static void free_strings(char **strings)
{
	for (char **s = strings; s != NULL && *s != NULL; s++)
		free(*s);
	free(strings);
}

static void node_done(struct node *n)
{
	for (size_t i = 0; i < n->n_interfaces; i++) {
		free(n->interfaces[i].name);
		free(n->interfaces[i].addresses);
		for (int d = 0; d < N_DIRECTIONS; d++)
			impairment_done(&n->interfaces[i].impairments[d]);
	}
	for (size_t i = 0; i < n->n_settings; i++) {
		free(n->settings[i].name);
		free(n->settings[i].value);
	}
	free(n->interfaces);
	free(n->routes);
	free(n->settings);
	free(n->masquerade);
	free(n->port_forwards);
	free(n->name);
}

static void transfer_done(struct transfer *tr)
{
	for (size_t i = 0; i < tr->n_files; i++) {
		free(tr->files[i].name);
		free(tr->files[i].path);
	}
	free(tr->files);
	free(tr->to);
	free_strings(tr->sender);
	free_strings(tr->receiver);
	free(tr->name);
}

static void command_done(struct command *c)
{
	free(c->name);
	free_strings(c->argv);
	free(c->listens);
	free(c->ready_output);
	free(c->after);
	free_strings(c->env);
	free(c->cwd);
	free(c->user);
	free(c->input);
}

static void fault_done(struct fault *f)
{
	for (int d = 0; d < N_DIRECTIONS; d++)
		impairment_done(&f->to[d]);
	free(f->name);
}

void topology_free(struct topology *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n_networks; i++)
		free(t->networks[i].name);
	for (size_t i = 0; i < t->n_nodes; i++)
		node_done(&t->nodes[i]);
	for (size_t i = 0; i < t->n_transfers; i++)
		transfer_done(&t->transfers[i]);
	free(t->networks);
	free(t->nodes);
	for (size_t i = 0; i < t->n_commands; i++)
		command_done(&t->commands[i]);
	for (size_t i = 0; i < t->n_faults; i++)
		fault_done(&t->faults[i]);
	for (size_t i = 0; i < t->n_metrics; i++)
		metric_done(&t->metrics[i]);
	for (size_t i = 0; i < t->n_expectations; i++)
		expectation_done(&t->expectations[i]);
	free(t->transfers);
	free(t->commands);
	free(t->faults);
	free(t->metrics);
	free(t->expectations);
	free(t->capture.filter);
	free(t->title);
	free(t->name);
	free(t->path);
	free(t);
}

size_t topology_count_interfaces(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_nodes; i++)
		n += t->nodes[i].n_interfaces;
	return n;
}

size_t topology_count_engines(const struct topology *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_nodes; i++)
		for (size_t k = 0; k < t->nodes[i].n_interfaces; k++)
			n += t->nodes[i].interfaces[k].engine;
	return n;
}

static bool names_exit(const struct expectation *x)
{
	for (size_t i = 0; i < x->n_conditions; i++)
		if (x->conditions[i].kind == EXPECT_EXIT)
			return true;
	return false;
}

bool topology_expects_exit(const struct topology *t, size_t command)
{
	for (size_t i = 0; i < t->n_expectations; i++)
		if (t->expectations[i].program == command && names_exit(&t->expectations[i]))
			return true;
	return false;
}
