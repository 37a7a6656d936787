/*
 * udp-recv: receive files over UDP into a folder, any number at once from any
 * number of udp-send, with one thread and one socket.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "flows.h"
#include "folder.h"
#include "name.h"
#include "option.h"
#include "report.h"
#include "scope.h"
#include "server.h"
#include "udp.h"

#define TRANSFERS_DEFAULT 64
#define TRANSFERS_MAX	  100000
#define SIZE_DEFAULT	  (UINT64_C(64) << 30)
#define BATCH		  64	/* messages of one recvmmsg() */
#define MESSAGE_MAX	  65536 /* bytes: what UDP_GRO may join */

static const char help[] =
	"usage: udp-recv [options]\n"
	"\n"
	"Receive files that udp-send sends, until SIGTERM or SIGINT.\n"
	"\n"
	"  --port N            listen here (default 10000)\n"
	"  --bind ADDRESS      of this machine only (default: all, IPv4 and IPv6)\n"
	"  --dir DIR           put files here (default .); none is ever replaced\n"
	"  --format FORMAT     reliable (default), or raw: what each source sends is\n"
	"                      appended to DIR/ADDRESS-PORT.bin\n"
	"  --max-transfers N   at once (default 64)\n"
	"  --max-size SIZE     of one file (default 64GiB)\n"
	"  --count N           exit after N complete files\n"
	"  --idle SECONDS      raw: silence that ends a flow (default: none does)\n"
	"  --report FILE       write what happened as JSON at the end\n"
	"  --quiet             print errors only\n"
	"  --help, --version\n"
	"\n"
	"Exit status: 0 stopped by a signal or --count, 1 it could not go on, 2 usage.\n";

enum {
	OPT_PORT = 256,
	OPT_BIND,
	OPT_DIR,
	OPT_FORMAT,
	OPT_MAX_TRANSFERS,
	OPT_MAX_SIZE,
	OPT_COUNT,
	OPT_IDLE,
	OPT_REPORT,
	OPT_QUIET,
};

static const struct option options[] = {
	{ "port", required_argument, NULL, OPT_PORT },
	{ "bind", required_argument, NULL, OPT_BIND },
	{ "dir", required_argument, NULL, OPT_DIR },
	{ "format", required_argument, NULL, OPT_FORMAT },
	{ "max-transfers", required_argument, NULL, OPT_MAX_TRANSFERS },
	{ "max-size", required_argument, NULL, OPT_MAX_SIZE },
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "idle", required_argument, NULL, OPT_IDLE },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	OPTION_LAST_ROWS,
};

struct receiver {
	uint64_t port, max_transfers, max_size, count, idle_ns;
	const char *bind, *dir, *report;
	bool raw, quiet;

	struct udp_listener listener;
	struct folder *folder;
	struct server *server; /* reliable */
	struct flows *flows;   /* raw */
	uint64_t now;	       /* of the batch in hand, ns */
	uint64_t datagrams, complete;
	json_t *transfers;
};

static int parse_format(struct receiver *r, const char *text, struct fail *f)
{
	static const char *const formats[] = { "reliable", "raw" };
	size_t format;

	if (option_word(text, formats, 2, &format, f) != 0)
		return -1;
	r->raw = format == 1;
	return 0;
}

static int parse_option(void *object, int opt, struct fail *f)
{
	struct receiver *r = object;
	switch (opt) {
	case OPT_PORT:
		return option_number(optarg, 1, 65535, &r->port, f);
	case OPT_BIND:
		r->bind = optarg;
		return 0;
	case OPT_DIR:
		r->dir = optarg;
		return 0;
	case OPT_FORMAT:
		return parse_format(r, optarg, f);
	case OPT_MAX_TRANSFERS:
		return option_number(optarg, 1, TRANSFERS_MAX, &r->max_transfers, f);
	case OPT_MAX_SIZE:
		return option_size(optarg, &r->max_size, f);
	case OPT_COUNT:
		return option_number(optarg, 1, UINT64_MAX, &r->count, f);
	case OPT_IDLE:
		return option_seconds(optarg, &r->idle_ns, f);
	case OPT_REPORT:
		r->report = optarg;
		return 0;
	default:
		r->quiet = true;
		return 0;
	}
}

static const struct option_set option_set = { "udp-recv", help, options, parse_option };

/* 0: go on; otherwise *ret_status is the exit status. */
static int parse(struct receiver *r, int argc, char **argv, int *ret_status)
{
	if (options_read(&option_set, r, argc, argv, ret_status) != 0 ||
	    options_refuse_rest(&option_set, argc, argv) != 0)
		return -1;
	if (r->idle_ns != 0 && !r->raw)
		return options_complain(&option_set, "--idle needs --format raw");
	return 0;
}

/* What both formats report of a transfer. */
static json_t *add_transfer(struct receiver *r, const char *file, const struct peer *from)
{
	char text[PEER_TEXT_LEN];
	json_t *o = json_object();

	json_object_set_new(o, "file", report_text(file));
	json_object_set_new(o, "from", json_string(peer_text(text, from)));
	json_object_set_new(o, "from_port", json_integer(from->port));
	json_array_append_new(r->transfers, o);
	return o;
}

static void set_outcome(json_t *o, uint64_t size, const uint8_t *hash, const char *error,
			uint64_t datagrams, uint64_t duplicates, uint64_t conflicts)
{
	json_object_set_new(o, "size", json_integer((json_int_t)size));
	json_object_set_new(o, "sha256", report_hash(hash));
	json_object_set_new(o, "status", json_string(hash != NULL ? "complete" : "incomplete"));
	json_object_set_new(o, "datagrams", json_integer((json_int_t)datagrams));
	json_object_set_new(o, "duplicates", json_integer((json_int_t)duplicates));
	json_object_set_new(o, "conflicts", json_integer((json_int_t)conflicts));
	json_object_set_new(o, "error", report_text(error));
}

/* The server's callbacks. */

static void answer(void *ctx, const struct peer *to, const uint8_t *datagram, size_t len)
{
	struct receiver *r = ctx;

	udp_answer(&r->listener, to, datagram, len);
}

static void print_settled(void *ctx, const struct intake *in)
{
	struct receiver *r = ctx;
	char name[512], from[PEER_TEXT_LEN];

	name_printable(name, sizeof(name), in->offer.name, strlen(in->offer.name));
	peer_text(from, &in->peer);
	if (in->state != INTAKE_COMPLETE) {
		fprintf(stderr, "udp-recv: %s from %s port %u: %s\n", name, from, in->peer.port,
			in->error);
		return;
	}
	r->complete++;
	if (!r->quiet)
		printf("%s from %s port %u: %llu bytes\n", name, from, in->peer.port,
		       (unsigned long long)in->offer.size);
}

static void report_ended(void *ctx, const struct intake *in)
{
	struct receiver *r = ctx;
	json_t *o = add_transfer(r, in->offer.name, &in->peer);

	set_outcome(o, in->offer.size, in->state == INTAKE_COMPLETE ? in->hash : NULL, in->error,
		    in->datagrams, in->duplicates, in->conflicts);
}

/* The flows' callback. */
static void flow_ended(void *ctx, const struct flow *flow)
{
	struct receiver *r = ctx;
	json_t *o = add_transfer(r, flow->name, &flow->peer);

	set_outcome(o, flow->size, flow->has_hash ? flow->hash : NULL,
		    flow->has_failed ? flow->failed.msg : "", flow->datagrams, 0, 0);
	r->complete += flow->has_hash;
	if (flow->has_failed)
		fprintf(stderr, "udp-recv: %s: %s\n", flow->name, flow->failed.msg);
	else if (!r->quiet)
		printf("%s: %llu bytes in %llu datagrams\n", flow->name,
		       (unsigned long long)flow->size, (unsigned long long)flow->datagrams);
}

static void handle(void *ctx, const uint8_t *datagram, size_t len, const struct peer *from)
{
	struct receiver *r = ctx;

	r->datagrams++;
	if (r->raw)
		flows_receive(r->flows, datagram, len, from, r->now);
	else
		server_receive(r->server, datagram, len, from, r->now);
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static bool has_enough(const struct receiver *r)
{
	return r->count != 0 && r->complete >= r->count &&
	       (r->raw || server_n_lingering(r->server) == 0);
}

/* Sleep until there is something to read or the time has come. True on a signal. */
static bool wait_until(const struct receiver *r, int signal_fd, uint64_t wake)
{
	struct pollfd p[] = { { .fd = r->listener.fd, .events = POLLIN },
			      { .fd = signal_fd, .events = POLLIN } };
	uint64_t now = time_now(), left = wake > now ? wake - now : 0;
	struct timespec ts = { .tv_sec = (time_t)(left / NS_PER_SEC),
			       .tv_nsec = (long)(left % NS_PER_SEC) };

	return ppoll(p, 2, wake == UINT64_MAX ? NULL : &ts, NULL) > 0 && p[1].revents != 0;
}

static int loop(struct receiver *r, struct fail *f)
{
	scope_close int signal_fd = open_signals();
	struct udp_inbox *inbox = udp_inbox_new(BATCH, MESSAGE_MAX);
	bool stop = signal_fd < 0;

	while (!stop) {
		r->now = time_now();

		int n = udp_inbox_read(inbox, r->listener.fd, handle, r);
		uint64_t wake = r->raw ? flows_work(r->flows, r->now)
				       : server_work(r->server, r->now);

		if (n < 0) {
			fail_set(f, errno, "receive");
			break;
		}
		stop = has_enough(r) || wait_until(r, signal_fd, n > 0 ? 0 : wake);
	}
	udp_inbox_free(inbox);
	return stop ? 0 : -1;
}

static int open_all(struct receiver *r, struct fail *f)
{
	struct rlimit limit;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a log is read while it is written, and after SIGKILL */
	digest_prepare();
	if (folder_open(r->dir, &r->folder, f) != 0)
		return -1;
	/* A file per transfer; select(2), the reason for the limit, is not used here. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (udp_listen(r->bind, (uint16_t)r->port, &r->listener, f) != 0)
		return -1;

	struct server_config reliable = {
		.max_transfers = r->max_transfers,
		.max_size = r->max_size,
		.buffer = r->listener.buffer,
		.store = folder_store(r->folder),
		.send = answer,
		.settled = print_settled,
		.ended = report_ended,
		.ctx = r,
	};
	struct flows_config raw = {
		.folder = r->folder,
		.max_flows = r->max_transfers,
		.max_size = r->max_size,
		.idle_ns = r->idle_ns,
		.ended = flow_ended,
		.ctx = r,
	};

	if (r->raw)
		r->flows = flows_new(&raw);
	else
		r->server = server_new(&reliable);
	r->transfers = json_array();
	return 0;
}

static int write_report(struct receiver *r, struct fail *f)
{
	uint64_t bad = r->raw ? flows_bad(r->flows) : server_bad(r->server);
	json_t *o = json_object();

	json_object_set_new(o, "program", json_string("udp-recv"));
	json_object_set_new(o, "version", json_string(HARNESS_VERSION));
	json_object_set_new(o, "port", json_integer((json_int_t)r->port));
	json_object_set_new(o, "format", json_string(r->raw ? "raw" : "reliable"));
	json_object_set_new(o, "datagrams", json_integer((json_int_t)r->datagrams));
	json_object_set_new(o, "bad", json_integer((json_int_t)bad));
	json_object_set_new(o, "dropped", json_integer(udp_drops(r->listener.fd)));
	json_object_set(o, "transfers", r->transfers);
	return report_write(r->report, o, f);
}

/* Everything ends and is accounted for, also after an error. */
static int run(struct receiver *r, struct fail *f)
{
	int status = loop(r, f);

	if (r->raw)
		flows_stop(r->flows);
	else
		server_stop(r->server, "udp-recv was stopped before the file was complete");
	if (r->report != NULL && write_report(r, f) != 0)
		status = -1;
	return status;
}

int main(int argc, char **argv)
{
	struct receiver r = {
		.port = PROTOCOL_PORT,
		.max_transfers = TRANSFERS_DEFAULT,
		.max_size = SIZE_DEFAULT,
		.dir = ".",
		.listener.fd = -1,
	};
	struct fail f;
	int status;

	if (parse(&r, argc, argv, &status) != 0)
		return status;
	status = open_all(&r, &f) == 0 && run(&r, &f) == 0 ? 0 : 1;
	if (status != 0)
		fprintf(stderr, "udp-recv: %s\n", f.msg);
	flows_free(r.flows);
	server_free(r.server);
	folder_free(r.folder);
	json_decref(r.transfers);
	if (r.listener.fd >= 0)
		close(r.listener.fd);
	return status;
}
