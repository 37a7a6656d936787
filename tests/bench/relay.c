/*
 * Figures of the user link engine: frames per second through one link, beside a plain veth in the
 * same run and netem where there is one, what a frame costs the wire's processor, the latency that it adds, and how well it
 * holds a frame for 10 ms. The generator has one processor, the wire the other.
 *
 *	relay [SECONDS [RING]]     of each measurement, 2 unless given; packet, xdp, socket or netem
 */
#include <inttypes.h>
#include <sys/resource.h>
#include <time.h>

#include "../unit/wire_lab.h"
#include "lab/netem.h"

#define LEN	   1066 /* 1024 bytes of UDP payload */
#define WINDOW	   512
#define BATCH	   64
#define MAX_STAMPS (1 << 20)

static const char *const ring_names[N_RINGS] = {
	[RING_XDP] = "xdp",
	[RING_PACKET] = "packet",
	[RING_SOCKET] = "socket",
};

static double seconds = 2;

static void die(const char *what)
{
	fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void pin(pid_t pid, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1 && sched_setaffinity(pid, sizeof(set), &set) != 0)
		die("choose a processor");
}

/* ---- the generator ---- */

struct generator {
	int fd;
	uint8_t frames[BATCH][LEN];
	struct iovec iov[BATCH];
	struct mmsghdr messages[BATCH];
};

static void generator_open(struct generator *g, const char *device)
{
	g->fd = lab_open(device);
	if (setsockopt(g->fd, SOL_PACKET, PACKET_QDISC_BYPASS, &(int){ 1 }, sizeof(int)) != 0)
		die("bypass queues");
	for (int i = 0; i < BATCH; i++) {
		lab_fill(g->frames[i], LEN, 0, 1, 20000, 0);
		g->iov[i] = (struct iovec){ g->frames[i], LEN };
		g->messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &g->iov[i],
								.msg_iovlen = 1 } };
	}
}

static uint64_t generator_send(struct generator *g, unsigned n)
{
	int sent = sendmmsg(g->fd, g->messages, n, 0);

	if (sent < 0 && errno != ENOBUFS)
		die("send");
	return sent > 0 ? (uint64_t)sent : 0;
}

/* ---- throughput ---- */

/* Frames that have come, and those that have gone, whatever became of them. */
static uint64_t n_arrived(const struct wire_lab *l)
{
	const volatile struct direction_evidence *c = &l->evidence->links[0].directions[LINK_OUT];

	return c->arrived;
}

static uint64_t n_left(const struct wire_lab *l)
{
	const volatile struct direction_evidence *c = &l->evidence->links[0].directions[LINK_OUT];

	return c->left;
}

static double cpu_seconds(pid_t pid)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
		return 0;
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* At most WINDOW frames are on their way to the wire. What is counted begins when they leave it. */
static void flood(struct wire_lab *l, uint64_t hold_ns)
{
	struct generator g;
	uint64_t sent = 0, begin = clock_ns() + 2 * hold_ns,
		 end = begin + (uint64_t)(seconds * 1e9);
	uint64_t first = 0, now;
	double cpu = 0;

	generator_open(&g, "a0");
	while ((now = clock_ns()) < end) {
		if (cpu == 0 && now >= begin) {
			cpu = cpu_seconds(wire_pid(l->wire));
			first = n_left(l);
			begin = now;
		}
		if (sent - n_arrived(l) <= WINDOW - BATCH)
			sent += generator_send(&g, BATCH);
	}

	uint64_t n = n_left(l) - first;

	cpu = cpu_seconds(wire_pid(l->wire)) - cpu;
	printf("%.0f packets/s, %.2f us of processor each", (double)n * 1e9 / (double)(end - begin),
	       cpu * 1e6 / (double)n);
	close(g.fd);
}

static void flood_plain(void)
{
	struct generator g;
	uint64_t sent = 0, begin = clock_ns(), end = begin + (uint64_t)(seconds * 1e9);

	generator_open(&g, "near1");
	while (clock_ns() < end)
		sent += generator_send(&g, BATCH);
	printf("plain veth: %.0f packets/s\n", (double)sent * 1e9 / (double)(clock_ns() - begin));
	close(g.fd);
}

/* ---- time ---- */

static int compare(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void print_quantiles(int64_t *ns, size_t n)
{
	qsort(ns, n, sizeof(*ns), compare);
	printf("median %.1f us, p99 %.1f us, of %zu", (double)ns[n / 2] / 1e3,
	       (double)ns[n * 99 / 100] / 1e3, n);
}

/* The kernel's stamp of a frame's arrival, minus the one that it carries. */
static bool receive_stamp(int fd, int64_t *ret_ns)
{
	uint8_t frame[2048];
	union {
		struct cmsghdr aligned;
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
	} control;
	struct iovec iov = { frame, sizeof(frame) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	struct timespec at;

	if (recvmsg(fd, &m, MSG_DONTWAIT) != LEN || CMSG_FIRSTHDR(&m) == NULL)
		return false;
	memcpy(&at, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(at));
	*ret_ns = (int64_t)at.tv_sec * (int64_t)NS_PER_SEC + at.tv_nsec -
		  (int64_t)lab_number(frame);
	return true;
}

/* A frame each so many nanoseconds, stamped, and how long they took beyond what they should. */
static void pace(const char *from, const char *to, uint64_t every_ns, uint64_t hold_ns)
{
	static int64_t stamps[MAX_STAMPS];
	struct generator g;
	int fd = lab_open(to);
	size_t n = 0, wanted = (size_t)(seconds * 1e9 / (double)every_ns);
	uint64_t next = clock_ns();

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &(int){ 1 }, sizeof(int)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 256 << 20 }, sizeof(int)) != 0)
		die("set up the receiver");
	generator_open(&g, from);
	for (size_t i = 0; i < wanted && i < MAX_STAMPS; i++) {
		uint64_t now;

		for (next += every_ns; clock_ns() < next;)
			continue;
		now = clock_real_ns();
		memcpy(g.frames[0] + HEADERS, &now, sizeof(now));
		generator_send(&g, 1);
	}
	for (uint64_t end = clock_ns() + hold_ns + 100 * NS_PER_MS; clock_ns() < end;)
		continue;
	while (n < MAX_STAMPS && receive_stamp(fd, &stamps[n])) {
		stamps[n] -= (int64_t)hold_ns;
		n++;
	}
	if (n > 0)
		print_quantiles(stamps, n);
	close(fd);
	close(g.fd);
}

/* ---- all ---- */

/* The kernel lets go of an AF_XDP socket a while after it was closed: try again meanwhile. */
static bool start(struct wire_lab *l, enum ring_kind ring, uint64_t delay_ns)
{
	uint64_t end = clock_ns() + NS_PER_SEC;
	struct err e;

	for (;;) {
		lab_init(l, 0, NULL);
		l->config.best = ring;
		l->interfaces[0].impairments[LINK_OUT].delay_ns = delay_ns;
		if (wire_start(&l->config, &l->wire, &e) != 0) {
			fprintf(stderr, "relay: %s\n", e.msg);
			exit(1);
		}
		if (l->evidence->links[0].ring == ring || clock_ns() > end)
			break;
		lab_done(l);
	}
	pin(wire_pid(l->wire), 1);
	return l->evidence->links[0].ring == ring;
}

static void stop(struct wire_lab *l)
{
	struct err e;
	const struct direction_evidence *c = &l->evidence->links[0].directions[LINK_OUT];

	if (wire_stop(l->wire, STOP_NS, &e) != 0)
		fprintf(stderr, "relay: %s\n", e.msg);
	printf(" (missed %" PRIu64 ", refused %" PRIu64 ", latest %.0f us, %s)\n", c->missed,
	       c->refused, (double)c->latest_ns / 1e3,
	       l->evidence->wire.fifo ? "SCHED_FIFO" : "no SCHED_FIFO");
	lab_done(l);
}

static void measure(enum ring_kind ring)
{
	struct wire_lab l;

	if (!start(&l, ring, 0)) {
		printf("%s: not on this machine\n", ring_names[ring]);
		lab_done(&l);
		return;
	}
	printf("%s, no delay: ", ring_names[ring]);
	flood(&l, 0);
	stop(&l);
	printf("%s, 100 ms: ", ring_names[ring]);
	start(&l, ring, 100 * NS_PER_MS);
	flood(&l, 100 * NS_PER_MS);
	stop(&l);
	printf("%s, latency at 1000 packets/s: ", ring_names[ring]);
	start(&l, ring, 0);
	pace("a0", "b0", NS_PER_MS, 0);
	stop(&l);
	printf("%s, error of 10 ms at 10000 packets/s: ", ring_names[ring]);
	start(&l, ring, 10 * NS_PER_MS);
	pace("a0", "b0", 100 * NS_PER_US, 10 * NS_PER_MS);
	stop(&l);
}

/* The kernel's own engine, where there is one: a bridge of two ports, a netem qdisc on the way out. */
static void netem_set(uint64_t delay_ns)
{
	const struct impairment i = { .delay_ns = delay_ns };
	struct netem_counters c = { .held = 1 };
	struct err e;

	/* What it still holds is not to be seen by the next measurement. */
	for (uint64_t end = clock_ns() + NS_PER_SEC; c.held != 0 && clock_ns() < end;)
		if (netem_read("far0", &c, &e) != 0)
			break;

	if (netem_apply("far0", &i, 1, &e) == 0)
		return;
	fprintf(stderr, "relay: %s\n", e.msg);
	exit(1);
}

static void flood_netem(void)
{
	struct netem_counters before, after;
	struct generator g;
	uint64_t begin = clock_ns(), end = begin + (uint64_t)(seconds * 1e9);
	struct err e;

	generator_open(&g, "a0");
	if (netem_read("far0", &before, &e) != 0)
		die(e.msg);
	while (clock_ns() < end)
		generator_send(&g, BATCH);
	if (netem_read("far0", &after, &e) != 0)
		die(e.msg);
	printf("%.0f packets/s\n",
	       (double)(after.sent - before.sent) * 1e9 / (double)(clock_ns() - begin));
	close(g.fd);
}

static void measure_netem(void)
{
	struct err why;

	if (!netem_available(&why)) {
		printf("netem: %s\n", why.msg);
		return;
	}
	if (!lab_command("ip link add br# up type bridge && ip link set near# master br# && "
			 "ip link set far# master br#",
			 0))
		die("join the ends");
	netem_set(0);
	printf("netem, no delay: ");
	flood_netem();
	netem_set(100 * NS_PER_MS);
	printf("netem, 100 ms: ");
	flood_netem();
	netem_set(0);
	printf("netem, latency at 1000 packets/s: ");
	pace("a0", "b0", NS_PER_MS, 0);
	netem_set(10 * NS_PER_MS);
	printf("\nnetem, error of 10 ms at 10000 packets/s: ");
	pace("a0", "b0", 100 * NS_PER_US, 10 * NS_PER_MS);
	printf("\n");
}

int main(int argc, char **argv)
{
	const char *lacks = lab_make();

	if (argc > 1)
		seconds = atof(argv[1]);
	if (lacks != NULL) {
		fprintf(stderr, "relay: %s\n", lacks);
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	pin(0, 0);
	flood_plain();
	printf("plain veth, latency at 1000 packets/s: ");
	pace("near1", "a1", NS_PER_MS, 0);
	printf("\n");
	for (enum ring_kind ring = 0; ring < N_RINGS; ring++)
		if (argc < 3 || strcmp(argv[2], ring_names[ring]) == 0)
			measure(ring);
	if (argc < 3 || strcmp(argv[2], "netem") == 0)
		measure_netem();

	cleanup_free char *command = text_format("rm -r %s", lab_folder);

	return system(command);
}
