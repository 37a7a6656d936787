/*
 * httpd: an HTTP/1.1 server of the files of a folder, in one of several ways
 * to serve many clients at once.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "httpd_pool.h"
#include "httpd_server.h"
#include "httpd_site.h"
#include "option.h"
#include "report.h"
#include "scope.h"

#define PORT_DEFAULT	8000
#define TIMEOUT_DEFAULT 30 /* s */
#define GRACE_DEFAULT	(10 * NS_PER_SEC)
#define PROCESSES	20
#define THREADS		4
#define WORKERS_MAX	1000
#define CONNECTIONS_MAX 1000000
#define OWN_DESCRIPTORS 64 /* what the program itself and the library need */

static const char help[] =
	"usage: httpd [options]\n"
	"\n"
	"Serve the files of a folder over HTTP, until SIGTERM or SIGINT. What is under\n"
	"way is finished then; a second signal ends it at once.\n"
	"\n"
	"  --mode MODE         async: one thread, an event loop (default)\n"
	"                      thread: a thread per connection\n"
	"                      thread-pool: event loops in --workers threads\n"
	"                      process-pool: event loops in --workers processes, forked\n"
	"                      at the start; one that dies is replaced\n"
	"  --workers N         of a pool (default: 4 threads, 20 processes)\n"
	"  --port N            listen here (default 8000); 0: any, printed at the start\n"
	"  --address ADDRESS   of this machine only (default: all, IPv4 and IPv6)\n"
	"  --root DIR          serve these files (default .); a request for a folder gets\n"
	"                      its index.html, and / without one a line of text\n"
	"  --name NAME         the X-Served-By header (default: the host's name)\n"
	"  --limit-connections N\n"
	"                      at once; others wait (default: what descriptors allow)\n"
	"  --timeout SECONDS   for a request to be complete, and of silence in which a\n"
	"                      client reads nothing of its answer (default 30)\n"
	"  --grace SECONDS     to finish what is under way (default 10)\n"
	"  --report FILE       write what was counted as JSON at the end\n"
	"  --quiet             print errors only\n"
	"  --help, --version\n"
	"\n"
	"GET and HEAD; a range; If-None-Match, If-Modified-Since, If-Range. A line per\n"
	"request: time, client, request, status, bytes of content, microseconds.\n"
	"Symbolic links may lead to files of the folder and nowhere else.\n"
	"\n"
	"Exit status: 0 stopped by a signal, 1 it could not go on, 2 usage.\n";

enum {
	OPT_MODE = 256,
	OPT_WORKERS,
	OPT_PORT,
	OPT_ADDRESS,
	OPT_ROOT,
	OPT_NAME,
	OPT_LIMIT,
	OPT_TIMEOUT,
	OPT_GRACE,
	OPT_REPORT,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "mode", required_argument, NULL, OPT_MODE },
	{ "workers", required_argument, NULL, OPT_WORKERS },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "root", required_argument, NULL, OPT_ROOT },
	{ "name", required_argument, NULL, OPT_NAME },
	{ "limit-connections", required_argument, NULL, OPT_LIMIT },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "grace", required_argument, NULL, OPT_GRACE },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	OPTION_LAST_ROWS,
};

struct httpd {
	uint64_t workers, port, limit, timeout, grace_ns; /* 0: not given */
	size_t mode;
	const char *address, *root, *name, *report;
	bool quiet;
	char host[HOST_NAME_MAX + 1];
};

/* A header's value. */
static int parse_name(const char *text, const char **ret, struct fail *f)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] == 0x7f)
			return fail_set(f, 0, "only printable ASCII can be in a header");
	if (len == 0 || len > 100)
		return fail_set(f, 0, "1 to 100 characters are allowed, not %zu", len);
	*ret = text;
	return 0;
}

static int parse_option(void *object, int opt, struct fail *f)
{
	struct httpd *h = object;
	switch (opt) {
	case OPT_MODE:
		return option_word(optarg, httpd_mode_names, HTTPD_N_MODES, &h->mode, f);
	case OPT_WORKERS:
		return option_number(optarg, 1, WORKERS_MAX, &h->workers, f);
	case OPT_PORT:
		return option_number(optarg, 0, 65535, &h->port, f);
	case OPT_ADDRESS:
		h->address = optarg;
		return 0;
	case OPT_ROOT:
		h->root = optarg;
		return 0;
	case OPT_NAME:
		return parse_name(optarg, &h->name, f);
	case OPT_LIMIT:
		return option_number(optarg, 1, CONNECTIONS_MAX, &h->limit, f);
	case OPT_TIMEOUT:
		return option_number(optarg, 1, 86400, &h->timeout, f);
	case OPT_GRACE:
		return option_seconds(optarg, &h->grace_ns, f);
	case OPT_REPORT:
		h->report = optarg;
		return 0;
	default:
		h->quiet = true;
		return 0;
	}
}

static const struct option_set option_set = { "httpd", help, options, parse_option };

/* 0: go on; otherwise *ret_status is the exit status. */
static int parse(struct httpd *h, int argc, char **argv, int *ret_status)
{
	if (options_read(&option_set, h, argc, argv, ret_status) != 0 ||
	    options_refuse_rest(&option_set, argc, argv) != 0)
		return -1;
	if (h->workers != 0 && (h->mode == HTTPD_ASYNC || h->mode == HTTPD_THREAD))
		return options_complain(&option_set,
					"--workers needs --mode thread-pool or process-pool");
	return 0;
}

static unsigned workers_of(const struct httpd *h)
{
	if (h->workers != 0)
		return (unsigned)h->workers;
	return h->mode == HTTPD_PROCESS_POOL  ? PROCESSES
	       : h->mode == HTTPD_THREAD_POOL ? THREADS
					      : 1;
}

/*
 * A connection is a descriptor, and a large file that is being sent is another: an eighth is kept
 * for files. Those that find none get a 503. A limit larger than that is the user's own.
 */
static unsigned limit_of(const struct httpd *h)
{
	struct rlimit limit;
	rlim_t n = 1024;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
		getrlimit(RLIMIT_NOFILE, &limit);
		n = limit.rlim_cur;
	}
	if (h->limit != 0)
		return (unsigned)h->limit;
	n -= n / 8;
	n = n > OWN_DESCRIPTORS + 1 ? n - OWN_DESCRIPTORS : 1;
	if (h->mode == HTTPD_PROCESS_POOL)
		n *= workers_of(h);
	return n < CONNECTIONS_MAX ? (unsigned)n : CONNECTIONS_MAX;
}

static void print_counts(const struct httpd_counts *c)
{
	printf("httpd: %" PRIu64 " connections, %" PRIu64 " requests, %" PRIu64 " bytes, %" PRIu64
	       " aborted",
	       c->connections, c->requests, c->bytes, c->aborted);
	for (int i = 0; i < HTTPD_STATUS_MAX; i++)
		if (c->status[i] != 0)
			printf(", %d: %" PRIu64, i, c->status[i]);
	printf("\n");
}

static int write_report(const struct httpd *h, const struct httpd_counts *c, uint16_t port,
			struct fail *f)
{
	json_t *o = json_object(), *by_status = json_object();
	char key[16];

	for (int i = 0; i < HTTPD_STATUS_MAX; i++) {
		if (c->status[i] == 0)
			continue;
		snprintf(key, sizeof(key), "%d", i);
		json_object_set_new(by_status, key, json_integer((json_int_t)c->status[i]));
	}
	json_object_set_new(o, "program", json_string("httpd"));
	json_object_set_new(o, "version", json_string(HARNESS_VERSION));
	json_object_set_new(o, "mode", json_string(httpd_mode_names[h->mode]));
	json_object_set_new(o, "workers", json_integer(workers_of(h)));
	json_object_set_new(o, "name", report_text(h->name));
	json_object_set_new(o, "port", json_integer(port));
	json_object_set_new(o, "connections", json_integer((json_int_t)c->connections));
	json_object_set_new(o, "requests", json_integer((json_int_t)c->requests));
	json_object_set_new(o, "bytes", json_integer((json_int_t)c->bytes));
	json_object_set_new(o, "aborted", json_integer((json_int_t)c->aborted));
	json_object_set_new(o, "status", by_status);
	return report_write(h->report, o, f);
}

static int serve(const struct httpd *h, struct fail *f)
{
	scope_close int folder = -1, listen_fd = -1;
	uint16_t port;
	struct httpd_counts *counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counts == MAP_FAILED)
		return fail_set(f, errno, "share memory with workers");
	if (httpd_site_open(h->root, &folder, f) != 0 ||
	    httpd_server_listen(h->address, (uint16_t)h->port, &listen_fd, &port, f) != 0)
		return -1;

	struct httpd_config config = {
		.mode = (enum httpd_mode)h->mode,
		.workers = workers_of(h),
		.limit = limit_of(h),
		.timeout_s = (unsigned)h->timeout,
		.grace_ns = h->grace_ns,
		.name = h->name,
		.quiet = h->quiet,
		.folder = folder,
		.listen_fd = listen_fd,
		.counts = counts,
	};

	if (!h->quiet) {
		printf("httpd: %s listens on port %u\n", httpd_mode_names[h->mode], port);
		fflush(stdout); /* before fork(2) copies it */
	}

	int status = h->mode == HTTPD_PROCESS_POOL ? httpd_pool_run(&config, f)
						   : httpd_server_run(&config, f);

	if (!h->quiet)
		print_counts(counts);
	if (h->report != NULL && write_report(h, counts, port, f) != 0)
		status = -1;
	munmap(counts, sizeof(*counts));
	return status;
}

int main(int argc, char **argv)
{
	struct httpd h = {
		.port = PORT_DEFAULT,
		.timeout = TIMEOUT_DEFAULT,
		.grace_ns = GRACE_DEFAULT,
		.root = ".",
		.name = h.host,
	};
	struct fail f;
	int status;

	if (parse(&h, argc, argv, &status) != 0)
		return status;
	if (gethostname(h.host, sizeof(h.host) - 1) != 0)
		h.host[0] = '-';
	signal(SIGPIPE, SIG_IGN); /* clients that vanish, and a log that nobody reads */
	status = serve(&h, &f) == 0 ? 0 : 1;
	if (status != 0)
		fprintf(stderr, "httpd: %s\n", f.msg);
	return status;
}
