/*
 * udp-send: send files over UDP to one or more udp-recv, one transfer per file
 * and receiver, in one of six ways to share the work.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "crew.h"
#include "job.h"
#include "name.h"
#include "option.h"
#include "report.h"
#include "scope.h"
#include "udp.h"

#define TO_MAX		  1024
#define PORT_MAX	  65535
#define PROCESSES_DEFAULT 20
#define THREADS_DEFAULT	  4

static const char help[] =
	"usage: udp-send [options] --to ADDRESS[,ADDRESS...] [--] FILE...\n"
	"\n"
	"Send every FILE to every ADDRESS, where udp-recv listens.\n"
	"\n"
	"  --to ADDRESS,...    receivers: addresses or names; may be repeated\n"
	"  --port N            their port (default 10000)\n"
	"  --source-port N     send from ports N, N + 1 ...: one per transfer, those of the\n"
	"                      first FILE to every ADDRESS first (default: any port)\n"
	"  --mode MODE         multi-process       a process per transfer (default)\n"
	"                      multi-thread        a thread per transfer\n"
	"                      multi-process-async a pool of processes and a queue\n"
	"                      multi-thread-async  a pool of threads and a queue\n"
	"                      event-loop          one thread, all transfers interleaved\n"
	"                      sequential          one thread, one after the other\n"
	"  --workers N         size of the pool (default 20 processes or 4 threads)\n"
	"  --format FORMAT     reliable: acknowledged, repaired, checked (default)\n"
	"                      raw: bare datagrams of 1024 bytes, nothing promised\n"
	"  --broadcast         raw: ADDRESS is a broadcast address\n"
	"  --shared-socket     raw: all workers send from one socket\n"
	"  --rate RATE         send no faster, all transfers together: 100mbit, 2.5gbit\n"
	"  --patience SECONDS  wait so long for the first answer of a receiver, whatever errors\n"
	"                      the network reports (default 10, or 3 when it reports some)\n"
	"  --deadline SECONDS  give up what is not done by then\n"
	"  --report FILE       write what happened as JSON\n"
	"  --quiet             print errors only\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 every transfer was confirmed (raw: sent), 1 any failed, 2 usage,\n"
	"128+N stopped by signal N.\n";

enum {
	OPT_TO = 256,
	OPT_PORT,
	OPT_SOURCE_PORT,
	OPT_MODE,
	OPT_WORKERS,
	OPT_FORMAT,
	OPT_BROADCAST,
	OPT_SHARED_SOCKET,
	OPT_RATE,
	OPT_PATIENCE,
	OPT_DEADLINE,
	OPT_REPORT,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "to", required_argument, NULL, OPT_TO },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "source-port", required_argument, NULL, OPT_SOURCE_PORT },
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "broadcast", no_argument, NULL, OPT_BROADCAST },
	{ "shared-socket", no_argument, NULL, OPT_SHARED_SOCKET },
	{ "rate", required_argument, NULL, OPT_RATE },
	{ "patience", required_argument, NULL, OPT_PATIENCE },
	{ "deadline", required_argument, NULL, OPT_DEADLINE },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	OPTION_LAST_ROWS,
};

struct command {
	struct plan plan;
	const char *to[TO_MAX];
	size_t n_to;
	uint64_t port, workers;
	uint64_t source_port; /* of the first transfer; 0: the kernel chooses */
	uint64_t deadline_ns; /* from now; 0: none */
	bool shared_socket, quiet;
	const char *report;
};

static int parse_to(struct command *c, char *list, struct fail *f)
{
	char *save = NULL;

	for (char *to = strtok_r(list, ",", &save); to != NULL; to = strtok_r(NULL, ",", &save)) {
		if (c->n_to == TO_MAX)
			return fail_set(f, 0, "more than %d receivers", TO_MAX);
		c->to[c->n_to++] = to;
	}
	return 0;
}

static int parse_mode(struct command *c, const char *text, struct fail *f)
{
	size_t mode;

	if (option_word(text, crew_mode_names, N_MODES, &mode, f) != 0)
		return -1;
	c->plan.mode = (enum job_mode)mode;
	return 0;
}

static int parse_format(struct command *c, const char *text, struct fail *f)
{
	static const char *const formats[] = { "reliable", "raw" };
	size_t format;

	if (option_word(text, formats, 2, &format, f) != 0)
		return -1;
	c->plan.raw = format == 1;
	return 0;
}

/* 0, or -1 with a message. getopt_long() has printed its own when opt is '?'. */
static int parse_option(void *object, int opt, struct fail *f)
{
	struct command *c = object;
	switch (opt) {
	case OPT_TO:
		return parse_to(c, optarg, f);
	case OPT_PORT:
		return option_number(optarg, 1, PORT_MAX, &c->port, f);
	case OPT_SOURCE_PORT:
		return option_number(optarg, 1, PORT_MAX, &c->source_port, f);
	case OPT_MODE:
		return parse_mode(c, optarg, f);
	case OPT_WORKERS:
		return option_number(optarg, 1, 10000, &c->workers, f);
	case OPT_FORMAT:
		return parse_format(c, optarg, f);
	case OPT_BROADCAST:
		c->plan.broadcast = true;
		return 0;
	case OPT_SHARED_SOCKET:
		c->shared_socket = true;
		return 0;
	case OPT_RATE:
		return option_rate(optarg, &c->plan.rate_bps, f);
	case OPT_PATIENCE:
		return option_seconds(optarg, &c->plan.patience_ns, f);
	case OPT_DEADLINE:
		return option_seconds(optarg, &c->deadline_ns, f);
	case OPT_REPORT:
		c->report = optarg;
		return 0;
	default:
		c->quiet = true;
		return 0;
	}
}

static int check(const struct command *c, int n_files, struct fail *f)
{
	uint64_t n_ports = c->shared_socket ? 1 : (uint64_t)n_files * c->n_to;

	if (c->n_to == 0)
		return fail_set(f, 0, "no receiver: give one with --to");
	if (n_files == 0)
		return fail_set(f, 0, "no file to send");
	if (c->plan.broadcast && !c->plan.raw)
		return fail_set(f, 0, "--broadcast needs --format raw");
	if (c->shared_socket && !c->plan.raw)
		return fail_set(f, 0, "--shared-socket needs --format raw");
	if (c->source_port != 0 && c->source_port + n_ports - 1 > PORT_MAX)
		return fail_set(
			f, 0, "--source-port: %llu transfers do not fit between %llu and %d",
			(unsigned long long)n_ports, (unsigned long long)c->source_port, PORT_MAX);
	return 0;
}

static const struct option_set option_set = { "udp-send", help, options, parse_option };

/* 0: go on; otherwise *ret_status is the exit status. */
static int parse(struct command *c, int argc, char **argv, int *ret_status)
{
	struct fail f;

	if (options_read(&option_set, c, argc, argv, ret_status) != 0)
		return -1;
	return check(c, argc - optind, &f) == 0 ? 0 : options_complain(&option_set, f.msg);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static uint16_t source_port(const struct command *c, size_t job)
{
	return c->source_port != 0 ? (uint16_t)(c->source_port + job) : 0;
}

/* Files x receivers, in this order; results in memory that worker processes share. */
static int make_jobs(struct command *c, char **files, size_t n_files, struct fail *f)
{
	struct plan *plan = &c->plan;
	struct job_result *results;

	plan->n_jobs = n_files * c->n_to;
	plan->jobs = scope_alloc(plan->n_jobs, sizeof(*plan->jobs));
	results = mmap(NULL, plan->n_jobs * sizeof(*results), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (results == MAP_FAILED)
		return fail_set(f, errno, "share memory with workers");
	for (size_t t = 0; t < c->n_to; t++) {
		struct peer to;

		if (peer_resolve(c->to[t], (uint16_t)c->port, &to, f) != 0)
			return -1;
		for (size_t i = 0; i < n_files; i++) {
			size_t at = i * c->n_to + t;

			plan->jobs[at] = (struct job){ .path = files[i],
						       .name = base_name(files[i]),
						       .to = to,
						       .source_port = source_port(c, at),
						       .result = &results[at] };
		}
	}
	return 0;
}

static int prepare(struct command *c, char **files, size_t n_files, struct fail *f)
{
	struct plan *plan = &c->plan;
	bool threads = plan->mode == MODE_MULTI_THREAD_ASYNC;
	struct rlimit r;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a log is read while it is written, and after SIGKILL */
	digest_prepare();
	plan->workers = (unsigned)c->workers;
	if (plan->workers == 0)
		plan->workers = threads ? THREADS_DEFAULT : PROCESSES_DEFAULT;
	if (make_jobs(c, files, n_files, f) != 0)
		return -1;
	if (c->shared_socket && udp_open(&plan->jobs[0].to, source_port(c, 0), plan->broadcast,
					 &plan->shared_fd, &plan->shared_port, f) != 0)
		return -1;
	/* Two descriptors per transfer at once; select(2), the limit's reason, is not used here. */
	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	return 0;
}

static void print_job(void *ctx, size_t index)
{
	const struct command *c = ctx;
	const struct job *j = &c->plan.jobs[index];
	const struct job_result *r = j->result;
	char name[512], to[PEER_TEXT_LEN];

	name_printable(name, sizeof(name), j->name, strlen(j->name));
	peer_text(to, &j->to);
	if (job_state(j) == JOB_FAILED)
		fprintf(stderr, "udp-send: %s to %s port %u: %s\n", name, to, j->to.port, r->error);
	else if (!c->quiet)
		printf("%s to %s port %u: %llu bytes, %llu datagrams, %llu repairs, %.3f ms\n",
		       name, to, j->to.port, (unsigned long long)r->size,
		       (unsigned long long)r->datagrams, (unsigned long long)r->repairs,
		       (double)r->elapsed_ns / 1e6);
}

static size_t print_summary(const struct command *c, uint64_t elapsed_ns)
{
	uint64_t bytes = 0;
	size_t done = 0;

	for (size_t i = 0; i < c->plan.n_jobs; i++) {
		bool is_done = job_state(&c->plan.jobs[i]) == JOB_DONE;

		done += is_done;
		bytes += is_done ? c->plan.jobs[i].result->size : 0;
	}
	if (!c->quiet)
		printf("%zu of %zu transfers %s, %llu bytes in %.3f ms, %.1f Mbit/s\n", done,
		       c->plan.n_jobs, c->plan.raw ? "sent" : "confirmed",
		       (unsigned long long)bytes, (double)elapsed_ns / 1e6,
		       (double)bytes * 8e3 / (double)(elapsed_ns + 1));
	fflush(stdout);
	return c->plan.n_jobs - done;
}

static int run(struct command *c, struct fail *f, int *ret_status)
{
	uint64_t began = time_now();
	int signal;

	c->plan.deadline_ns = c->deadline_ns != 0 ? began + c->deadline_ns : UINT64_MAX;
	if (crew_run(&c->plan, print_job, c, &signal, f) != 0)
		return -1;

	uint64_t elapsed = time_now() - began;
	size_t failed = print_summary(c, elapsed);

	if (c->report != NULL &&
	    report_write(c->report, report_of_plan(&c->plan, HARNESS_VERSION, elapsed), f) != 0)
		return -1;
	*ret_status = signal != 0 ? 128 + signal : failed != 0 ? 1 : 0;
	return 0;
}

int main(int argc, char **argv)
{
	static struct command c = { .port = PROTOCOL_PORT, .plan.shared_fd = -1 };
	struct fail f;
	int status;

	if (parse(&c, argc, argv, &status) != 0)
		return status;
	if (prepare(&c, argv + optind, (size_t)(argc - optind), &f) != 0 ||
	    run(&c, &f, &status) != 0) {
		fprintf(stderr, "udp-send: %s\n", f.msg);
		status = 1;
	}
	free(c.plan.jobs);
	return status;
}
