/*
 * recorder_lab: three nodes on a hub, in namespaces of the test's own, and
 * frames whose number is known. For test_recorder.c.
 *
 *	n1 ---+--- n2
 *	     hub
 *	      +--- n3
 */
#ifndef HARNESS_TESTS_RECORDER_LAB_H
#define HARNESS_TESTS_RECORDER_LAB_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
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

static char eth0[] = "eth0", nope[] = "nope";
static char names[N_NODES][3] = { "n1", "n2", "n3" };
static struct address addresses[N_NODES];
static struct interface interfaces[N_NODES] = {
	{ .name = eth0, .mac = { 0x42, 0, 0, 0, 0, 1 }, .mtu = 1500 },
	{ .name = eth0, .mac = { 0x42, 0, 0, 0, 0, 2 }, .mtu = 1500 },
	{ .name = eth0, .mac = { 0x42, 0, 0, 0, 0, 3 }, .mtu = 1500 },
};
static struct node nodes[N_NODES] = {
	{ .name = names[0], .interfaces = &interfaces[0], .n_interfaces = 1 },
	{ .name = names[1], .interfaces = &interfaces[1], .n_interfaces = 1 },
	{ .name = names[2], .interfaces = &interfaces[2], .n_interfaces = 1 },
};
static char hub_name[] = "Hub1";
static struct network hub = { .name = hub_name, .kind = NETWORK_HUB };

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
	cleanup_free char *users = text_format("0 %u 1", geteuid());
	cleanup_free char *groups = text_format("0 %u 1", getegid());
	int flags = CLONE_NEWNET | CLONE_NEWNS | (geteuid() != 0 ? CLONE_NEWUSER : 0);

	if (unshare(flags) != 0)
		return "no namespaces can be made here";
	if ((flags & CLONE_NEWUSER) != 0 && (!write_proc("/proc/self/uid_map", users) ||
					     !write_proc("/proc/self/setgroups", "deny") ||
					     !write_proc("/proc/self/gid_map", groups)))
		return "no user namespace can be made here";
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return "no mount namespace can be made here";
	home = new_netns();
	if (home < 0)
		return "no network namespace can be made here";
	if (system("ip link add hub type bridge forward_delay 0 ageing_time 0 mcast_snooping 0 && "
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
	const struct evidence_sizes sizes = { .n_nodes = N_NODES, .n_captures = N_NODES };

	assert_int_equal(evidence_new(&sizes, &f->evidence, &e), 0);
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

/* Send frames from n1, each when the others have the one before: then that was captured, too. */
static void exchange_frames(size_t n, size_t len, bool numbered)
{
	cleanup_close int from = frame_socket(0);
	cleanup_close int to = frame_socket(1);
	cleanup_close int other = frame_socket(2);

	for (uint32_t i = 0; i < n; i++) {
		send_frame(from, len, numbered ? i : 0);
		receive(to, 1);
		receive(other, 1);
	}
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

#endif
