/*
 * udp-stream: a known stream of numbered UDP datagrams at an even pace, and the sink that counts
 * them. For measuring what a network does to datagrams, from captures on both of its sides.
 *
 * Every 8 bytes of a datagram say its number, so that one that was damaged can still be told.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "option.h"
#include "scope.h"
#include "udp.h"

#define WORD 8 /* bytes: "us" and 48 bits, most significant first */
/* Of what leaves in one call: below IP's limit, and UDP_MAX_SEGMENTS of old kernels. */
#define BATCH_BYTES 32000U
#define BATCH_MAX   64U
#define MAX_SIZE    65507 /* bytes: 65535 less the headers of IPv4 and UDP */

static const char help[] =
	"usage: udp-stream [options] HOST PORT\n"
	"       udp-stream --listen PORT\n"
	"\n"
	"Send numbered datagrams to HOST at an even pace, or count those that arrive.\n"
	"\n"
	"  --count N           how many (default 1000), numbered from 1\n"
	"  --warm-up N         before them, so many with number 0 (default 0)\n"
	"  --size BYTES        of each, without headers, a multiple of 8 (default 64)\n"
	"  --pps N             datagrams per second (default 1000; 0: as fast as it goes)\n"
	"  --spaced            one that is late delays all that follow: none are sent closer\n"
	"                      together than the pace says (else they catch up)\n"
	"  --source-port N     send from this port (default: the kernel chooses)\n"
	"  --listen            receive until SIGTERM or SIGINT, then print how many came\n"
	"  --help, --version\n"
	"\n"
	"As sender or receiver of a transfer of harness it is given --to and --port instead of\n"
	"HOST and PORT; files, and all else that is for udp-send and udp-recv, it takes and "
	"ignores.\n"
	"\n"
	"Every 8 bytes are 0x7573 and the number in 48 bits, most significant byte first.\n"
	"\n"
	"Exit status: 0 all were sent, 1 any could not be, 2 usage; --listen: 0.\n";

enum {
	OPT_COUNT = 256,
	OPT_WARM_UP,
	OPT_SIZE,
	OPT_PPS,
	OPT_SPACED,
	OPT_LISTEN,
	OPT_TO,
	OPT_PORT,
	OPT_SOURCE_PORT,
	OPT_IGNORED,
};

static const struct option options[] = {
	{ "count", required_argument, NULL, OPT_COUNT },
	{ "warm-up", required_argument, NULL, OPT_WARM_UP },
	{ "size", required_argument, NULL, OPT_SIZE },
	{ "pps", required_argument, NULL, OPT_PPS },
	{ "spaced", no_argument, NULL, OPT_SPACED },
	{ "listen", no_argument, NULL, OPT_LISTEN },
	{ "to", required_argument, NULL, OPT_TO },
	{ "port", required_argument, NULL, OPT_PORT },
	{ "source-port", required_argument, NULL, OPT_SOURCE_PORT },
	/* What the harness gives to every sender and receiver. */
	{ "format", required_argument, NULL, OPT_IGNORED },
	{ "mode", required_argument, NULL, OPT_IGNORED },
	{ "workers", required_argument, NULL, OPT_IGNORED },
	{ "rate", required_argument, NULL, OPT_IGNORED },
	{ "broadcast", no_argument, NULL, OPT_IGNORED },
	{ "shared-socket", no_argument, NULL, OPT_IGNORED },
	{ "dir", required_argument, NULL, OPT_IGNORED },
	{ "max-transfers", required_argument, NULL, OPT_IGNORED },
	{ "max-size", required_argument, NULL, OPT_IGNORED },
	{ "report", required_argument, NULL, OPT_IGNORED },
	OPTION_LAST_ROWS,
};

struct command {
	const char *to;
	uint64_t port, source_port, count, warm_up, size, pps;
	bool spaced, listen;
};

/* ---- the command line ---- */

static int parse_size(struct command *c, const char *text, struct fail *f)
{
	if (option_number(text, WORD, MAX_SIZE, &c->size, f) != 0)
		return -1;
	if (c->size % WORD != 0)
		return fail_set(f, 0, "%s is not a multiple of %d", text, WORD);
	return 0;
}

static int parse_option(void *object, int opt, struct fail *f)
{
	struct command *c = object;
	switch (opt) {
	case OPT_COUNT:
		return option_number(optarg, 0, UINT32_MAX, &c->count, f);
	case OPT_WARM_UP:
		return option_number(optarg, 0, UINT32_MAX, &c->warm_up, f);
	case OPT_SIZE:
		return parse_size(c, optarg, f);
	case OPT_PPS:
		return option_number(optarg, 0, NS_PER_SEC, &c->pps, f);
	case OPT_SPACED:
		c->spaced = true;
		return 0;
	case OPT_LISTEN:
		c->listen = true;
		return 0;
	case OPT_TO:
		c->to = optarg;
		return 0;
	case OPT_PORT:
		return option_number(optarg, 1, 65535, &c->port, f);
	case OPT_SOURCE_PORT:
		return option_number(optarg, 1, 65535, &c->source_port, f);
	default:
		return 0;
	}
}

/* HOST PORT, or PORT; none when the harness has given both by options. */
static int parse_rest(struct command *c, int argc, char **argv, struct fail *f)
{
	if (c->port != 0 && (c->listen || c->to != NULL))
		return 0;
	if (!c->listen && argc > 0)
		c->to = argv[0];
	if (argc != (c->listen ? 1 : 2))
		return fail_set(f, 0, c->listen ? "which port?" : "to which host and port?");
	return option_number(argv[argc - 1], 1, 65535, &c->port, f);
}

static const struct option_set option_set = { "udp-stream", help, options, parse_option };

/* 0: go on; otherwise *ret_status is the exit status. */
static int parse(struct command *c, int argc, char **argv, int *ret_status)
{
	struct fail f;

	if (options_read(&option_set, c, argc, argv, ret_status) != 0)
		return -1;
	return parse_rest(c, argc - optind, argv + optind, &f) == 0
		       ? 0
		       : options_complain(&option_set, f.msg);
}

/* ---- sending ---- */

static void fill(uint8_t *datagram, size_t size, uint64_t number)
{
	datagram[0] = 'u';
	datagram[1] = 's';
	for (size_t i = 2; i < WORD; i++)
		datagram[i] = (uint8_t)(number >> (8 * (WORD - 1 - i)));
	for (size_t at = WORD; at < size; at += WORD)
		memcpy(datagram + at, datagram, WORD);
}

/* Until then on CLOCK_MONOTONIC. Returns the time. */
static uint64_t sleep_until(uint64_t ns)
{
	const struct timespec ts = { (time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC) };
	uint64_t now = time_now();

	if (now >= ns)
		return now;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		continue;
	return time_now();
}

/* When datagram i is due. */
static uint64_t due_after(const struct command *c, uint64_t i)
{
	return (uint64_t)((unsigned __int128)i * NS_PER_SEC / c->pps);
}

/*
 * Wait until datagram i is due. Returns how many may leave together, it and those behind it: more
 * than one only when they are late, or have no pace. With --spaced the beginning moves instead.
 */
static uint64_t pace(const struct command *c, uint64_t *began, uint64_t i, uint64_t most)
{
	uint64_t now, n = 1;

	if (c->pps == 0)
		return most;
	now = sleep_until(*began + due_after(c, i));
	if (c->spaced) {
		*began = now - due_after(c, i);
		return 1;
	}
	while (n < most && *began + due_after(c, i + n) <= now)
		n++;
	return n;
}

/* As many datagrams as there are, cut by the kernel: udp(7), UDP_SEGMENT. */
static ssize_t send_together(int fd, const struct sockaddr_storage *to, socklen_t to_len,
			     uint8_t *bytes, size_t len, uint16_t size)
{
	union {
		char buf[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = { .align = { .cmsg_level = IPPROTO_UDP,
				 .cmsg_type = UDP_SEGMENT,
				 .cmsg_len = CMSG_LEN(sizeof(size)) } };
	struct sockaddr_storage name = *to;
	struct iovec iov = { bytes, len };
	struct msghdr m = {
		.msg_name = &name, .msg_namelen = to_len, .msg_iov = &iov, .msg_iovlen = 1
	};

	if (len > size) {
		memcpy(CMSG_DATA(&control.align), &size, sizeof(size));
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
	}
	return sendmsg(fd, &m, 0);
}

static int stream(const struct command *c, int fd, const struct peer *to, struct fail *f)
{
	uint64_t most = c->size > BATCH_BYTES / 2 ? 1 : BATCH_BYTES / c->size;
	scope_free uint8_t *batch = scope_alloc(most, c->size);
	struct sockaddr_storage sa;
	socklen_t len = peer_to_sockaddr(to, peer_is_ipv4(to) ? AF_INET : AF_INET6, &sa);
	uint64_t began = time_now(), paced = began, failed = 0, all = c->warm_up + c->count;
	int error = 0;

	most = most < BATCH_MAX ? most : BATCH_MAX;
	for (uint64_t i = 0, n; i < all; i += n) {
		n = pace(c, &paced, i, most < all - i ? most : all - i);
		for (uint64_t k = 0; k < n; k++)
			fill(batch + k * c->size, c->size,
			     i + k < c->warm_up ? 0 : i + k - c->warm_up + 1);
		if (send_together(fd, &sa, len, batch, n * c->size, (uint16_t)c->size) >= 0)
			continue;
		error = errno;
		failed += n;
	}

	double seconds = (double)(time_now() - began) / 1e9;

	printf("%llu datagrams of %llu bytes in %.3f s\n", (unsigned long long)c->count,
	       (unsigned long long)c->size, seconds);
	if (failed != 0)
		return fail_set(f, error, "%llu datagrams could not be sent; the last one",
				(unsigned long long)failed);
	return 0;
}

/* Not connected: "port unreachable", which a damaged datagram may cause, is no error of the next. */
static int run_sender(const struct command *c, struct fail *f)
{
	scope_close int fd = -1;
	struct peer to;
	uint16_t port;

	/* The kernel may let a sleeper lie 50 us longer; here the pace is what it is all about. */
	prctl(PR_SET_TIMERSLACK, 1);
	if (peer_resolve(c->to, (uint16_t)c->port, &to, f) != 0 ||
	    udp_open(&to, (uint16_t)c->source_port, false, &fd, &port, f) != 0)
		return -1;
	return stream(c, fd, &to, f);
}

/* ---- the sink ---- */

struct count {
	uint64_t datagrams, bytes;
};

static void count_one(void *ctx, const uint8_t *datagram, size_t len, const struct peer *from)
{
	struct count *n = ctx;

	(void)datagram;
	(void)from;
	n->datagrams++;
	n->bytes += len;
}

static int receive(int socket, int signals, struct count *n, struct fail *f)
{
	struct pollfd fds[] = { { .fd = socket, .events = POLLIN },
				{ .fd = signals, .events = POLLIN } };
	struct udp_inbox *inbox = udp_inbox_new(32, 65535);
	int r = 0;

	/* What waits in the socket when the signal comes is still counted. */
	do {
		while ((r = udp_inbox_read(inbox, socket, count_one, n)) > 0)
			continue;
	} while (r >= 0 && fds[1].revents == 0 && (poll(fds, 2, -1) > 0 || errno == EINTR));
	if (r < 0)
		fail_set(f, errno, "receive");
	udp_inbox_free(inbox);
	return r;
}

static int run_sink(const struct command *c, struct fail *f)
{
	struct udp_listener listener = { .fd = -1 };
	struct count n = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);

	scope_close int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);

	if (signals < 0)
		return fail_set(f, errno, "watch for signals");
	if (udp_listen(NULL, (uint16_t)c->port, &listener, f) != 0)
		return -1;

	scope_close int fd = listener.fd;

	if (receive(fd, signals, &n, f) != 0)
		return -1;
	printf("%llu datagrams, %llu bytes\n", (unsigned long long)n.datagrams,
	       (unsigned long long)n.bytes);
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = { .count = 1000, .size = 64, .pps = 1000 };
	struct fail f;
	int status;

	if (parse(&c, argc, argv, &status) != 0)
		return status;
	if ((c.listen ? run_sink(&c, &f) : run_sender(&c, &f)) == 0)
		return fflush(stdout) == 0 ? 0 : 1;
	fprintf(stderr, "udp-stream: %s\n", f.msg);
	return 1;
}
