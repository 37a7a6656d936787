/*
 * balancer: spread TCP connections over backends, in turn.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "lb_loop.h"
#include "lb_workers.h"
#include "option.h"
#include "report.h"
#include "scope.h"

static const char help[] =
	"usage: balancer --listen [ADDRESS:]PORT --backend HOST:PORT... [options]\n"
	"\n"
	"Spread TCP connections over backends, each the next one's turn, until SIGTERM\n"
	"or SIGINT; then finish what is under way. A second signal ends that, too.\n"
	"\n"
	"  --listen [ADDRESS:]PORT  take connections here; [::1]:80 for IPv6\n"
	"  --backend HOST:PORT      one of those that serve; at most 64\n"
	"  --mode MODE              async (default): one process, one event loop;\n"
	"                           process: workers, each with an event loop\n"
	"  --workers N              of mode process (default: as many as cores)\n"
	"  --connect-timeout S      a backend that takes longer has failed (default 2)\n"
	"  --retry-after S          leave one that failed alone so long (default 1)\n"
	"  --idle S                 end connections that are silent so long (default: never)\n"
	"  --limit N                refuse what goes beyond N connections (default: descriptors\n"
	"                           are the limit, and who is one too many waits)\n"
	"  --grace S                at the end, wait so long for connections (default 10)\n"
	"  --report FILE            write the counters as JSON at the end\n"
	"  --quiet                  no line for each connection\n"
	"  --help, --version\n"
	"\n"
	"A backend that refuses, resets or does not answer before anything was passed on\n"
	"to it is passed over, which its client does not notice. When all do, the client's\n"
	"connection is reset, and so it is when there are more than --limit.\n"
	"\n"
	"Standard output has a line for each connection when it has ended: time, client,\n"
	"backend, bytes up (to the backend) and down, milliseconds, and how it ended:\n"
	"  done          each side closed it    no-backend  none took it\n"
	"  client-reset  by the client          limit       one too many\n"
	"  broken        by the backend         idle        silent for too long\n"
	"                                       stopped     the balancer ended first\n"
	"Counters follow at the end, and at any time on SIGUSR1.\n"
	"\n"
	"Exit status: 0 stopped by a signal, 1 it could not go on, 2 usage.\n";

enum {
	OPT_LISTEN = 256,
	OPT_BACKEND,
	OPT_MODE,
	OPT_WORKERS,
	OPT_CONNECT_TIMEOUT,
	OPT_RETRY_AFTER,
	OPT_IDLE,
	OPT_LIMIT,
	OPT_GRACE,
	OPT_REPORT,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT },
	{ "retry-after", required_argument, NULL, OPT_RETRY_AFTER },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "grace", required_argument, NULL, OPT_GRACE },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	OPTION_LAST_ROWS,
};

enum mode {
	MODE_ASYNC,
	MODE_PROCESS,
};

static const char *const mode_names[] = { "async", "process" };

struct balancer {
	struct lb_config config;
	size_t mode;
	uint64_t workers;
	char host[LB_HOST_LEN]; /* to listen on */
	uint16_t port;
	const char *report;
	int listen_fd;
	struct lb_ring *ring;
};

static int add_backend(struct lb_config *c, const char *text, struct fail *f)
{
	struct lb_backend *b = &c->backends[c->n_backends];
	char host[LB_HOST_LEN];
	uint16_t port;

	if (c->n_backends == LB_BACKENDS_MAX)
		return fail_set(f, 0, "there are more than %d", LB_BACKENDS_MAX);
	if (lb_address_split(text, host, &port, f) != 0)
		return -1;
	if (*host == '\0')
		return fail_set(f, 0, "'%s' is not HOST:PORT", text);
	b->text = text;
	if (lb_address_resolve(host, port, b->addresses, &b->n_addresses, f) != 0)
		return -1;
	c->n_backends++;
	return 0;
}

static int parse_option(void *object, int opt, struct fail *f)
{
	struct balancer *b = object;
	struct lb_config *c = &b->config;

	switch (opt) {
	case OPT_LISTEN:
		return lb_address_split(optarg, b->host, &b->port, f);
	case OPT_BACKEND:
		return add_backend(c, optarg, f);
	case OPT_MODE:
		return option_word(optarg, mode_names, 2, &b->mode, f);
	case OPT_WORKERS:
		return option_number(optarg, 1, LB_WORKERS_MAX, &b->workers, f);
	case OPT_CONNECT_TIMEOUT:
		return option_seconds(optarg, &c->connect_timeout_ns, f);
	case OPT_RETRY_AFTER:
		return option_seconds(optarg, &c->retry_ns, f);
	case OPT_IDLE:
		return option_seconds(optarg, &c->idle_ns, f);
	case OPT_LIMIT:
		return option_number(optarg, 1, UINT32_MAX, &c->limit, f);
	case OPT_GRACE:
		return option_seconds(optarg, &c->grace_ns, f);
	case OPT_REPORT:
		b->report = optarg;
		return 0;
	default:
		c->quiet = true;
		return 0;
	}
}

/* What is missing, or does not go together; NULL: nothing. */
static const char *find_mistake(const struct balancer *b)
{
	if (b->port == 0)
		return "--listen is missing";
	if (b->config.n_backends == 0)
		return "--backend is missing";
	if (b->workers != 0 && b->mode != MODE_PROCESS)
		return "--workers needs --mode process";
	return NULL;
}

static const struct option_set option_set = { "balancer", help, options, parse_option };

/* 0: go on; otherwise *ret_status is the exit status. */
static int parse(struct balancer *b, int argc, char **argv, int *ret_status)
{
	const char *mistake;

	if (options_read(&option_set, b, argc, argv, ret_status) != 0 ||
	    options_refuse_rest(&option_set, argc, argv) != 0)
		return -1;
	mistake = find_mistake(b);
	return mistake == NULL ? 0 : options_complain(&option_set, mistake);
}

static void set_number(json_t *o, const char *key, uint64_t v)
{
	json_object_set_new(o, key, json_integer((json_int_t)v));
}

static json_t *report_backend(const struct lb_backend *b, struct lb_backend_state *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "backend", report_text(b->text));
	set_number(o, "connections", s->connections);
	set_number(o, "failures", s->failures);
	set_number(o, "broken", s->broken);
	set_number(o, "bytes_up", s->up);
	set_number(o, "bytes_down", s->down);
	return o;
}

static int write_report(const struct balancer *b, struct fail *f)
{
	struct lb_ring *ring = b->ring;
	json_t *o = json_object(), *backends = json_array();

	json_object_set_new(o, "program", json_string("balancer"));
	json_object_set_new(o, "version", json_string(HARNESS_VERSION));
	json_object_set_new(o, "mode", json_string(mode_names[b->mode]));
	set_number(o, "workers", b->mode == MODE_PROCESS ? b->workers : 1);
	set_number(o, "accepted", ring->accepted);
	set_number(o, "done", ring->done);
	set_number(o, "client_reset", ring->reset);
	set_number(o, "broken", ring->broken);
	set_number(o, "no_backend", ring->refused);
	set_number(o, "limit", ring->refused_limit);
	set_number(o, "idle", ring->idle);
	set_number(o, "stopped", ring->stopped);
	for (unsigned i = 0; i < ring->n_backends; i++)
		json_array_append_new(backends,
				      report_backend(&b->config.backends[i], &ring->backends[i]));
	json_object_set_new(o, "backends", backends);
	return report_write(b->report, o, f);
}

/* Before anybody can know that it listens, and tell it to stop. */
static void take_signals(enum mode mode, sigset_t *ret_set)
{
	sigset_t of_workers;

	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	sigaddset(ret_set, SIGUSR1);
	if (mode == MODE_PROCESS)
		sigaddset(ret_set, SIGCHLD);
	sigprocmask(SIG_BLOCK, ret_set, NULL);
	/* A worker may be told to stop before its first instruction. */
	sigemptyset(&of_workers);
	sigaddset(&of_workers, SIGUSR2);
	sigprocmask(SIG_BLOCK, &of_workers, NULL);
	/* Clients that vanish (splice(2) has no MSG_NOSIGNAL), and a log that nobody reads. */
	signal(SIGPIPE, SIG_IGN);
}

static int serve(struct balancer *b, const sigset_t *signals, struct fail *f)
{
	if (b->mode == MODE_ASYNC)
		return lb_loop_run(&b->config, b->ring, 0, b->listen_fd, signals, f);
	if (b->workers == 0)
		b->workers = time_earlier((uint64_t)sysconf(_SC_NPROCESSORS_ONLN), LB_WORKERS_MAX);
	return lb_workers_run(&b->config, b->ring, (unsigned)b->workers, b->listen_fd, signals, f);
}

static int run(struct balancer *b, struct fail *f)
{
	sigset_t signals;

	take_signals((enum mode)b->mode, &signals);
	if (lb_ring_new(b->config.n_backends, &b->ring, f) != 0 ||
	    lb_address_listen(b->host, b->port, &b->listen_fd, f) != 0)
		return -1;

	int status = serve(b, &signals, f);

	lb_loop_print_counters(&b->config, b->ring);
	if (b->report != NULL && write_report(b, f) != 0)
		status = -1;
	return status;
}

int main(int argc, char **argv)
{
	struct balancer b = {
		.config = {
			.connect_timeout_ns = 2 * NS_PER_SEC,
			.retry_ns = NS_PER_SEC,
			.grace_ns = 10 * NS_PER_SEC,
		},
		.listen_fd = -1,
	};
	struct fail f;
	int status;

	if (parse(&b, argc, argv, &status) != 0)
		return status;
	status = run(&b, &f) == 0 ? 0 : 1;
	if (status != 0)
		fprintf(stderr, "balancer: %s\n", f.msg);
	if (b.listen_fd >= 0)
		close(b.listen_fd);
	lb_ring_free(b.ring);
	return status;
}
