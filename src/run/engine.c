#include "run/engine.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "lab/lab.h"
#include "lab/netem.h"
#include "link/faults.h"
#include "link/mix.h"
#include "link/wire.h"

/* Below the run's folder. */
#define WIRE_LOG "links.log"
/* How often netem's counters are looked at while it holds frames. */
#define LOOK_NS NS_PER_MS

struct engine {
	struct engine_config config;
	struct link_devices *devices; /* as evidence.links */
	struct wire *wire;	      /* NULL: netem */
	bool wire_ended;
	struct faults faults; /* of links, when nobody else does them: netem */
	struct err error;     /* the first of netem; msg is empty when there is none */
};

/* ---- netem ---- */

/* Another one for every direction of every link, the same in every run. */
static uint64_t seed_of(const struct engine *g, size_t link, enum direction d)
{
	const char *name = g->config.evidence->links[link].name;

	return mix_bytes(mix_in(g->config.topology->seed, (uint64_t)d), name, strlen(name));
}

/* What leaves far goes to the network, what leaves near to the node. */
static const char *device_of(const struct engine *g, size_t link, enum direction d)
{
	return d == LINK_OUT ? g->devices[link].far : g->devices[link].near;
}

static void set_qdisc(void *arg, size_t link, enum direction d, const struct impairment *now)
{
	struct engine *g = arg;
	struct err e;

	if (netem_apply(device_of(g, link, d), now, seed_of(g, link, d), &e) != 0 &&
	    g->error.msg[0] == '\0') {
		err_prefix(&e, "link %s", g->config.evidence->links[link].name);
		g->error = e;
	}
}

/* Faults on programs have no count here: topology_check_netem() refuses those. */
static void nothing_due(void *arg, size_t fault)
{
	(void)arg;
	(void)fault;
}

static int start_netem(struct engine *g, struct err *e)
{
	g->faults = (struct faults){
		.topology = g->config.topology,
		.evidence = g->config.evidence,
		.set = set_qdisc,
		.due = nothing_due,
		.arg = g,
	};
	faults_init(&g->faults);
	if (g->error.msg[0] == '\0')
		return 0;
	*e = g->error;
	return -1;
}

static int read_counters(struct engine *g, struct err *e)
{
	for (size_t i = 0; i < g->config.evidence->n_links; i++)
		for (int d = 0; d < N_DIRECTIONS; d++) {
			struct direction_evidence *n = &g->config.evidence->links[i].directions[d];
			struct netem_counters c;

			if (netem_read(device_of(g, i, (enum direction)d), &c, e) != 0)
				return -1;
			n->left = c.sent;
			n->held = c.held;
			n->lost[CAUSE_LOSS] = c.dropped;
			n->arrived = c.sent + c.dropped + c.held;
		}
	return 0;
}

static int stop_netem(struct engine *g, uint64_t deadline_ns, struct err *e)
{
	const struct timespec pause = { .tv_nsec = LOOK_NS };
	uint64_t until = clock_ns() + deadline_ns;

	if (read_counters(g, e) != 0)
		return -1;
	while (wire_held(g->config.evidence) != 0 && clock_ns() < until) {
		nanosleep(&pause, NULL);
		if (read_counters(g, e) != 0)
			return -1;
	}
	if (g->error.msg[0] == '\0')
		return 0;
	*e = g->error;
	return -1;
}

/* ---- the wire ---- */

static int start_wire(struct engine *g, struct err *e)
{
	struct evidence *ev = g->config.evidence;
	cleanup_free struct wire_link *links = array_new(ev->n_links, sizeof(*links));
	const struct wire_config config = {
		.topology = g->config.topology,
		.links = links,
		.evidence = ev,
		.folder = g->config.folder,
		.best = RING_PACKET,
	};

	for (size_t i = 0; i < ev->n_links; i++) {
		links[i].node = ev->links[i].node;
		links[i].interface = ev->links[i].interface;
		memcpy(links[i].near, g->devices[i].near, sizeof(links[i].near));
		memcpy(links[i].far, g->devices[i].far, sizeof(links[i].far));
	}
	memcpy(ev->wire.log, WIRE_LOG, sizeof(WIRE_LOG));
	if (wire_start(&config, &g->wire, e) != 0)
		return -1;
	ev->wire.opened_ns = clock_real_ns();
	return 0;
}

/* ---- either ---- */

int engine_start(const struct engine_config *config, struct engine **ret_engine, struct err *e)
{
	const struct evidence *ev = config->evidence;
	struct engine *g;

	*ret_engine = NULL;
	if (ev->n_links == 0)
		return 0;
	/* Goes with the supervisor, as the lab does. */
	*ret_engine = g = array_new(1, sizeof(*g));
	g->config = *config;
	g->devices = array_new(ev->n_links, sizeof(*g->devices));
	for (size_t i = 0; i < ev->n_links; i++)
		lab_name_devices(ev->links[i].node, ev->links[i].interface, &g->devices[i]);
	return ev->links[0].engine == ENGINE_NETEM ? start_netem(g, e) : start_wire(g, e);
}

void engine_begin(struct engine *g, uint64_t ready_ns)
{
	if (g == NULL)
		return;
	if (g->wire != NULL)
		wire_begin(g->wire, ready_ns);
	else
		faults_begin(&g->faults, ready_ns);
}

uint64_t engine_next(const struct engine *g)
{
	return g == NULL || g->wire != NULL ? UINT64_MAX : g->faults.next_ns;
}

void engine_act(struct engine *g, uint64_t now_ns)
{
	if (g != NULL && g->wire == NULL)
		faults_run(&g->faults, now_ns);
}

int engine_fd(const struct engine *g)
{
	return g == NULL || g->wire == NULL || g->wire_ended ? -1 : wire_fd(g->wire);
}

int engine_read_fault(const struct engine *g, size_t *ret_fault)
{
	return g == NULL || g->wire == NULL ? 0 : wire_read(g->wire, ret_fault);
}

bool engine_ended(struct engine *g, pid_t pid, int status)
{
	if (g == NULL || g->wire == NULL || pid != wire_pid(g->wire))
		return false;
	wire_ended(g->wire, status);
	g->wire_ended = true;
	return true;
}

pid_t engine_pid(const struct engine *g)
{
	return g == NULL || g->wire == NULL ? 0 : wire_pid(g->wire);
}

uint64_t engine_held(struct engine *g)
{
	struct err ignored; /* it comes again when the engine is stopped */

	if (g == NULL)
		return 0;
	if (g->wire == NULL)
		read_counters(g, &ignored);
	return wire_held(g->config.evidence);
}

int engine_stop(struct engine *g, uint64_t deadline_ns, struct err *e)
{
	if (g == NULL)
		return 0;
	if (g->wire == NULL)
		return stop_netem(g, deadline_ns, e);
	g->config.evidence->wire.closed_ns = clock_real_ns();
	return wire_stop(g->wire, deadline_ns, e);
}
