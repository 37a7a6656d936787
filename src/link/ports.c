#include "link/ports.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

#define MAX_THREADS 64
/* The process locks its memory, stacks included. */
#define STACK_SIZE (256 << 10)

struct job {
	struct ports *ports;
	const struct port_config *configs;
	enum ring_kind best;
	void (*run)(const struct job *job, size_t i);
};

/* A thread's part of the ports: every n_threads-th from the first one. */
struct share {
	const struct job *job;
	size_t first, n_threads;
	pthread_t thread;
	bool started;
};

static void open_port(const struct job *job, size_t i)
{
	struct ports *p = job->ports;

	for (enum ring_kind kind = job->best; kind < N_RINGS; kind++) {
		p->kinds[i] = kind;
		if (port_open(&job->configs[i], kind, &p->ports[i], &p->errors[i]) == 0)
			return;
	}
}

static void close_port(const struct job *job, size_t i)
{
	port_close(job->ports->ports[i]);
}

static void *run_share(void *arg)
{
	const struct share *s = arg;

	for (size_t i = s->first; i < s->job->ports->n; i += s->n_threads)
		s->job->run(s->job, i);
	return NULL;
}

/* What no thread could be started for is done here. */
static void run(const struct job *job)
{
	size_t n = job->ports->n < MAX_THREADS ? job->ports->n : MAX_THREADS;
	cleanup_free struct share *shares = array_new(n, sizeof(*shares));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (size_t i = 0; i < n; i++) {
		shares[i] = (struct share){ .job = job, .first = i, .n_threads = n };
		shares[i].started = pthread_create(&shares[i].thread, &attr, run_share,
						   &shares[i]) == 0;
	}
	for (size_t i = 0; i < n; i++) {
		if (shares[i].started)
			pthread_join(shares[i].thread, NULL);
		else
			run_share(&shares[i]);
	}
	pthread_attr_destroy(&attr);
}

int ports_open(struct ports *p, const struct port_config *configs, size_t n, enum ring_kind best,
	       struct err *e)
{
	struct job job = { .ports = p, .configs = configs, .best = best, .run = open_port };

	p->n = n;
	p->ports = array_new(n, sizeof(struct port *));
	p->kinds = array_new(n, sizeof(*p->kinds));
	p->errors = array_new(n, sizeof(*p->errors));
	run(&job);
	for (size_t i = 0; i < n; i++)
		if (p->ports[i] == NULL) {
			*e = p->errors[i];
			ports_close(p);
			return -1;
		}
	return 0;
}

void ports_close(struct ports *p)
{
	struct job job = { .ports = p, .run = close_port };

	run(&job);
	free(p->ports);
	free(p->kinds);
	free(p->errors);
	*p = (struct ports){ .n = 0 };
}
