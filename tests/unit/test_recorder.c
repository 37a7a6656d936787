/*
 * recorder: three nodes on a hub, in namespaces of the test's own, and frames
 * whose number is known.
 *
 *	n1 ---+--- n2
 *	     hub
 *	      +--- n3
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "capture/pcapng.h"
#include "capture/recorder.h"

#define N_NODES	   3
#define PORT	   10000
#define N_FRAMES   200
#define DEADLINE   (20 * NS_PER_SEC)
#define WAIT_MS	   10000
#define BIG_FRAME  1514
#define EXPERIMENT 0x88b5 /* the ethertype for local experiments, IEEE 802 */

static char folder[] = "/tmp/test_recorder.XXXXXX";
static const char *lacks; /* why the tests cannot run here, or NULL */
static int netns[N_NODES], home;

static struct address addresses[N_NODES];
static struct interface interfaces[N_NODES] = {
	{ .name = (char[]){ "eth0" }, .mac = { 0x42, 0, 0, 0, 0, 1 }, .mtu = 1500 },
	{ .name = (char[]){ "eth0" }, .mac = { 0x42, 0, 0, 0, 0, 2 }, .mtu = 1500 },
	{ .name = (char[]){ "eth0" }, .mac = { 0x42, 0, 0, 0, 0, 3 }, .mtu = 1500 },
};
static struct node nodes[N_NODES] = {
	{ .name = (char[]){ "n1" }, .interfaces = &interfaces[0], .n_interfaces = 1 },
	{ .name = (char[]){ "n2" }, .interfaces = &interfaces[1], .n_interfaces = 1 },
	{ .name = (char[]){ "n3" }, .interfaces = &interfaces[2], .n_interfaces = 1 },
};
static struct network hub = { .name = (char[]){ "Hub1" }, .kind = NETWORK_HUB };

static void skip_because(const char *why)
{
	print_message("skipped: %s\n", why);
	if (getenv("MUST_RUN") != NULL)
		fail_msg("skips are forbidden here: %s", why);
	skip();
}

__attribute__((format(printf, 1, 2))) static int command(const char *format, ...)
{
	struct text t = { 0 };
	va_list ap;

	va_start(ap, format);
	text_vadd(&t, format, ap);
	va_end(ap);

	int status = system(text_str(&t));

	text_done(&t);
	return status;
}

static void visit(int ns)
{
	if (setns(ns, CLONE_NEWNET) != 0)
		abort();
}

static bool write_proc(const char *path, const char *value)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

/* Quiet: without IPv6 there are no router solicitations. */
static int new_netns(void)
{
	if (unshare(CLONE_NEWNET) != 0)
		return -1;
	if (access("/proc/sys/net/ipv6", F_OK) == 0 &&
	    !write_proc("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1"))
		return -1;
	return open("/proc/self/ns/net", O_RDONLY);
}

/* Namespaces of our own; without root, as root of a user namespace. */
static const char *leave_host(void)
{
	cleanup_free char *map = text_format("0 %u 1", geteuid());
	int flags = CLONE_NEWNET | CLONE_NEWNS | (geteuid() != 0 ? CLONE_NEWUSER : 0);

	if (unshare(flags) != 0)
		return "no namespaces can be made here";
	if ((flags & CLONE_NEWUSER) != 0 && !write_proc("/proc/self/uid_map", map))
		return "no user namespace can be made here";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return "no mount namespace can be made here";
	home = new_netns();
	if (home < 0)
		return "no network namespace can be made here";
	if (system("ip link add hub type bridge forward_delay 0 ageing_time 0 && "
		   "ip link set hub up") != 0)
		return "no bridge can be made here";
	return NULL;
}

/* The descriptors are inherited by ip(8), which opens them by these names. */
static const char *make_node(int i)
{
	const uint8_t *mac = interfaces[i].mac;

	netns[i] = new_netns();
	visit(home);
	if (netns[i] < 0)
		return "no network namespace can be made here";
	if (command("ip link add p%d type veth peer name eth0 netns /proc/self/fd/%d "
		    "address %02x:%02x:%02x:%02x:%02x:%02x && ip link set p%d master hub up",
		    i, netns[i], mac[0], mac[1], mac[2], mac[3], mac[4], mac[5], i) != 0)
		return "no veth can be made here";
	visit(netns[i]);
	if (command("ip addr add 10.0.0.%d/24 dev eth0 && ip link set eth0 up", i + 1) != 0)
		return "no address can be set here";
	for (int k = 0; k < N_NODES; k++)
		if (k != i && command("ip neigh add 10.0.0.%d lladdr 42:00:00:00:00:%02x dev eth0",
				      k + 1, k + 1) != 0)
			return "no neighbour can be set here";
	visit(home);
	addresses[i] = (struct address){ .family = AF_INET, .prefix_len = 24 };
	addresses[i].v4.s_addr = htonl(0x0a000001 + (unsigned)i);
	interfaces[i].addresses = &addresses[i];
	interfaces[i].n_addresses = 1;
	return NULL;
}

static int make_lab(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	lacks = leave_host();
	for (int i = 0; i < N_NODES && lacks == NULL; i++)
		lacks = make_node(i);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return command("rm -r %s", folder);
}

/* One capture of the lab: what the recorder is given, and what it fills in. */
struct fixture {
	struct topology topology;
	struct evidence *evidence;
	struct recorder_config config;
	struct recorder *recorder;
};

static void fixture_init(struct fixture *f)
{
	struct err e;

	if (lacks != NULL)
		skip_because(lacks);
	*f = (struct fixture){ .topology = { .networks = &hub,
					     .n_networks = 1,
					     .nodes = nodes,
					     .n_nodes = N_NODES,
					     .capture = { .snaplen = 262144 } } };
	assert_int_equal(evidence_new(0, N_NODES, N_NODES, &f->evidence, &e), 0);
	for (size_t i = 0; i < N_NODES; i++) {
		struct capture_evidence *c = &f->evidence->captures[i];

		c->node = i;
		c->buffer = 2 << 20;
		snprintf(c->name, sizeof(c->name), "%s/eth0", nodes[i].name);
		snprintf(c->file, sizeof(c->file), "%s.eth0.pcapng", nodes[i].name);
	}
	f->config = (struct recorder_config){ .topology = &f->topology,
					      .netns = netns,
					      .n_captures = N_NODES,
					      .captures = f->evidence->captures,
					      .folder = folder,
					      .merged = "merged.pcapng",
					      .comment = "test",
					      .stop_deadline_ns = DEADLINE };
}

static void start(struct fixture *f)
{
	struct err e = { 0 };

	if (recorder_start(&f->config, &f->recorder, &e) != 0)
		fail_msg("%s", e.msg);
}

static void stop(struct fixture *f)
{
	struct err e = { 0 };

	if (recorder_stop(f->recorder, &e) != 0)
		fail_msg("%s", e.msg);
}

static void fixture_done(struct fixture *f)
{
	recorder_freep(&f->recorder);
	evidence_freep(&f->evidence);
}

static int socket_in(int node, int domain, int type, int protocol)
{
	visit(netns[node]);

	int fd = socket(domain, type | SOCK_CLOEXEC, protocol);
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };

	visit(home);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)), 0);
	return fd;
}

/* A socket for frames of the ethertype for experiments. */
static int frame_socket(int node)
{
	int fd = socket_in(node, AF_PACKET, SOCK_RAW, 0);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(EXPERIMENT) };

	visit(netns[node]);
	at.sll_ifindex = (int)if_nametoindex("eth0");
	visit(home);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* From n1 to n2, the number in its payload. */
static void send_frame(int fd, size_t len, uint32_t number)
{
	uint8_t frame[BIG_FRAME] = { 0 };
	uint16_t type = htons(EXPERIMENT);

	memcpy(frame, interfaces[1].mac, 6);
	memcpy(frame + 6, interfaces[0].mac, 6);
	memcpy(frame + 12, &type, sizeof(type));
	memcpy(frame + 14, &number, sizeof(number));
	assert_int_equal(send(fd, frame, len, 0), len);
}

static void receive(int fd, size_t n)
{
	char buf[2048];

	for (size_t i = 0; i < n; i++)
		if (recv(fd, buf, sizeof(buf), 0) < 0)
			fail_msg("%zu of %zu came: %s", i, n, strerror(errno));
}

/* Send frames from n1, and wait until the other nodes have them: then they were captured, too. */
static void exchange_frames(size_t n, size_t len, bool numbered)
{
	cleanup_close int from = frame_socket(0);
	cleanup_close int to = frame_socket(1);
	cleanup_close int other = frame_socket(2);

	for (uint32_t i = 0; i < n; i++)
		send_frame(from, len, numbered ? i : 0);
	receive(to, n);
	receive(other, n);
}

static void exchange_datagrams(uint16_t port, size_t n)
{
	cleanup_close int from = socket_in(0, AF_INET, SOCK_DGRAM, 0);
	cleanup_close int to = socket_in(1, AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };

	at.sin_addr.s_addr = htonl(0x0a000002);
	assert_int_equal(bind(to, (struct sockaddr *)&at, sizeof(at)), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(sendto(from, &i, sizeof(i), 0, (struct sockaddr *)&at, sizeof(at)),
				 sizeof(i));
	receive(to, n);
}

static struct pcapng_reader *open_capture(const char *name)
{
	cleanup_free char *path = text_format("%s/%s", folder, name);
	struct pcapng_reader *r = NULL;
	struct err e = { 0 };

	if (pcapng_reader_open(path, &r, &e) != 0)
		fail_msg("%s", e.msg);
	return r;
}

static int read_packet(struct pcapng_reader *r, struct packet *ret_packet)
{
	struct err e = { 0 };
	int more = pcapng_read(r, ret_packet, &e);

	if (more < 0)
		fail_msg("%s", e.msg);
	return more;
}

/* Every packet of the file has this direction and length, and there are n. */
static void assert_capture(const char *name, size_t n, enum packet_direction direction,
			   uint32_t captured_len, uint32_t original_len)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_capture(name);
	uint64_t last = 0;
	struct packet p;
	size_t seen = 0;

	while (read_packet(r, &p) == 1) {
		assert_int_equal(p.direction, direction);
		assert_int_equal(p.captured_len, captured_len);
		assert_int_equal(p.original_len, original_len);
		assert_true(p.time_ns >= last);
		last = p.time_ns;
		seen++;
	}
	assert_int_equal(seen, n);
}

/* n packets, each seen once at each of the nodes under one id of its own, in the order of time. */
static void assert_merged(size_t n)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = open_capture("merged.pcapng");
	cleanup_free uint8_t *seen = calloc(n + 1, 1);
	uint64_t last = 0;
	struct packet p;
	size_t total = 0;

	assert_non_null(seen);
	while (read_packet(r, &p) == 1) {
		cleanup_free char *name = text_format("n%u/eth0", p.interface + 1);

		assert_string_equal(pcapng_interface_name(r, p.interface), name);
		assert_true(p.time_ns >= last);
		last = p.time_ns;
		assert_in_range(p.id, 1, n);
		assert_int_equal(seen[p.id] & 1U << p.interface, 0);
		seen[p.id] |= (uint8_t)(1U << p.interface);
		total++;
	}
	assert_int_equal(total, N_NODES * n);
}

static void assert_complete(const struct fixture *f, size_t n, uint64_t bytes)
{
	for (size_t i = 0; i < N_NODES; i++) {
		const struct capture_evidence *c = &f->evidence->captures[i];

		assert_true(c->complete);
		assert_string_equal(c->error, "");
		assert_int_equal(c->packets, n);
		assert_int_equal(c->bytes, bytes);
		assert_int_equal(c->received, n);
		assert_int_equal(c->dropped, 0);
		assert_int_equal(c->if_dropped, 0);
		assert_int_equal(c->passed, n);
	}
}

/* What one node sends goes out once there, and in at both others, also where it is for another. */
static void test_frames(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	exchange_frames(N_FRAMES, 100, true);
	stop(&f);
	assert_complete(&f, N_FRAMES, N_FRAMES * 100);
	assert_capture("n1.eth0.pcapng", N_FRAMES, DIRECTION_OUT, 100, 100);
	assert_capture("n2.eth0.pcapng", N_FRAMES, DIRECTION_IN, 100, 100);
	assert_capture("n3.eth0.pcapng", N_FRAMES, DIRECTION_IN, 100, 100);
	assert_merged(N_FRAMES);
	fixture_done(&f);
}

/* The same bytes again and again are packets of their own. */
static void test_identical_frames(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	exchange_frames(N_FRAMES, 60, false);
	stop(&f);
	assert_merged(N_FRAMES);
	fixture_done(&f);
}

static void test_nothing(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	stop(&f);
	assert_complete(&f, 0, 0);
	assert_merged(0);
	fixture_done(&f);
}

static void test_headers_only(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.topology.capture.snaplen = 64;
	start(&f);
	exchange_frames(N_FRAMES, 1000, true);
	stop(&f);
	assert_complete(&f, N_FRAMES, N_FRAMES * 64);
	assert_capture("n2.eth0.pcapng", N_FRAMES, DIRECTION_IN, 64, 1000);
	assert_merged(N_FRAMES);
	fixture_done(&f);
}

static void test_filter(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.topology.capture.filter = (char[]){ "udp dst port 10001" };
	start(&f);
	exchange_datagrams(PORT, 50);
	exchange_datagrams(PORT + 1, 20);
	stop(&f);
	assert_int_equal(f.evidence->captures[1].received, 20);
	assert_int_equal(f.evidence->captures[1].passed, 70);
	assert_capture("n2.eth0.pcapng", 20, DIRECTION_IN, 46, 46);
	assert_merged(20);
	fixture_done(&f);
}

static void assert_start_fails(struct fixture *f, int class, const char *message)
{
	struct err e = { 0 };

	assert_int_equal(recorder_start(&f->config, &f->recorder, &e), -1);
	assert_null(f->recorder);
	assert_int_equal(e.class, class);
	if (strncmp(e.msg, message, strlen(message)) != 0)
		fail_msg("'%s' does not start with '%s'", e.msg, message);
	fixture_done(f);
}

static void test_bad_filter(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.topology.capture.filter = (char[]){ "udp prot 5" };
	assert_start_fails(&f, ERR_USAGE, "capture filter 'udp prot 5': ");
}

static void test_no_folder(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	f.config.folder = "/no/such/folder";
	assert_start_fails(&f, ERR_MACHINE, "enter folder /no/such/folder: No such file");
}

static void test_no_interface(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	interfaces[1].name = (char[]){ "nope" };
	f.evidence->captures[0].error[0] = '\0';
	assert_start_fails(&f, ERR_MACHINE, "capture n2/eth0: activate: No such device exists");
	interfaces[1].name = (char[]){ "eth0" };
}

/* While the recorder stands still, more comes than its buffer holds. */
static void test_drops_are_counted(void **state)
{
	enum { N = 1000 };
	cleanup_close int from = -1;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	for (size_t i = 0; i < N_NODES; i++)
		f.evidence->captures[i].buffer = 32 << 10;
	from = frame_socket(0);
	start(&f);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGSTOP), 0);
	for (uint32_t i = 0; i < N; i++)
		send_frame(from, BIG_FRAME, i);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGCONT), 0);
	stop(&f);

	const struct capture_evidence *c = &f.evidence->captures[0];

	assert_true(c->complete);
	assert_int_equal(c->received, N);
	assert_true(c->packets > 0 && c->dropped > 0);
	assert_int_equal(c->packets + c->dropped, N);
	assert_capture("n1.eth0.pcapng", c->packets, DIRECTION_OUT, BIG_FRAME, BIG_FRAME);
	fixture_done(&f);
}

static void assert_ends(const struct recorder *r)
{
	struct pollfd p = { .fd = recorder_pidfd(r), .events = POLLIN };

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

/* The recorder says what could not be written, and ends, when it happens and not at the stop. */
static void test_disk_full(void **state)
{
	cleanup_free char *full = text_format("%s/full", folder);
	static const char message[] = "write n1.eth0.pcapng: No space left on device";
	cleanup_close int from = -1;
	struct err e = { 0 };
	struct fixture f;

	(void)state;
	fixture_init(&f);
	assert_int_equal(mkdir(full, 0755), 0);
	assert_int_equal(mount("none", full, "tmpfs", 0, "size=256k"), 0);
	f.config.folder = full;
	f.config.n_captures = 1;
	from = frame_socket(0);
	start(&f);
	for (uint32_t i = 0; i < 1000; i++)
		send_frame(from, BIG_FRAME, i);
	assert_ends(f.recorder);
	assert_int_equal(recorder_stop(f.recorder, &e), -1);
	assert_string_equal(e.msg, message);
	assert_string_equal(f.evidence->captures[0].error, message);
	assert_false(f.evidence->captures[0].complete);
	fixture_done(&f);
	assert_int_equal(umount(full), 0);
}

static void test_killed(void **state)
{
	static const char message[] = "the recorder was killed by signal 9 (Killed)";
	struct err e = { 0 };
	struct fixture f;

	(void)state;
	fixture_init(&f);
	start(&f);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGKILL), 0);
	assert_ends(f.recorder);
	assert_int_equal(recorder_stop(f.recorder, &e), -1);
	assert_string_equal(e.msg, message);
	assert_string_equal(f.evidence->captures[2].error, message);
	fixture_done(&f);
}

/* As a process that reaps all its children in one place does it. */
static void test_reaped_elsewhere(void **state)
{
	struct err e = { 0 };
	struct fixture f;
	int status;

	(void)state;
	fixture_init(&f);
	start(&f);
	assert_int_equal(kill(recorder_pid(f.recorder), SIGTERM), 0);
	assert_int_equal(waitpid(-1, &status, 0), recorder_pid(f.recorder));
	recorder_ended(f.recorder, status);
	assert_int_equal(recorder_stop(f.recorder, &e), -1);
	assert_string_equal(e.msg, "the recorder was killed by signal 15 (Terminated)");
	fixture_done(&f);
}

/* In a child: start a recorder, tell its number, and die. */
static void start_and_die(struct fixture *f, int tell)
{
	struct err e;
	pid_t pid;

	if (recorder_start(&f->config, &f->recorder, &e) != 0)
		_exit(1);
	pid = recorder_pid(f->recorder);
	_exit(write(tell, &pid, sizeof(pid)) == sizeof(pid) ? 0 : 1);
}

/* Orphans come to us, so that their end can be seen. */
static void test_parent_dies(void **state)
{
	struct fixture f;
	int ends[2], status;
	pid_t child, recorder;

	(void)state;
	fixture_init(&f);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		start_and_die(&f, ends[1]);
	close(ends[1]);
	assert_int_equal(read(ends[0], &recorder, sizeof(recorder)), sizeof(recorder));
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	alarm(WAIT_MS / 1000);
	assert_int_equal(waitpid(recorder, &status, 0), recorder);
	alarm(0);
	fixture_done(&f);
}

static void test_buffer_size(void **state)
{
	size_t to[] = { 1, 2 };
	struct transfer_file file = { .size = 10000000 };
	struct transfer transfer = { .to = to, .n_to = 2, .files = &file, .n_files = 1 };
	struct topology t = { .nodes = nodes,
			      .n_nodes = N_NODES,
			      .transfers = &transfer,
			      .n_transfers = 1,
			      .capture = { .snaplen = 128 } };

	(void)state;
	assert_in_range(recorder_buffer_size(&t), 20000000, 40000000);
	t.capture.kind = CAPTURE_HEADERS;
	assert_in_range(recorder_buffer_size(&t), 3000000, 8000000);
	file.size = 1;
	assert_int_equal(recorder_buffer_size(&t), 2 << 20);
	file.size = UINT64_C(1) << 40;
	assert_in_range(recorder_buffer_size(&t), 2 << 20, 256 << 20);
	t.capture.buffer = 32 << 10;
	assert_int_equal(recorder_buffer_size(&t), 32 << 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_identical_frames),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_headers_only),
		cmocka_unit_test(test_filter),
		cmocka_unit_test(test_bad_filter),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_no_interface),
		cmocka_unit_test(test_drops_are_counted),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_reaped_elsewhere),
		cmocka_unit_test(test_parent_dies),
		cmocka_unit_test(test_buffer_size),
	};

	return cmocka_run_group_tests(tests, make_lab, remove_folder);
}
