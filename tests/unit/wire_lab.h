/*
 * wire_lab: links with a wire in their middle, in a network namespace of the test's own, and frames
 * whose fate is read at both ends and in the log. For test_wire*.c and tests/bench/relay.c.
 *
 *	a0 <-veth-> near0 | wire | far0 <-veth-> b0
 */
#ifndef HARNESS_TESTS_WIRE_LAB_H
#define HARNESS_TESTS_WIRE_LAB_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"
#include "link/log.h"
#include "link/wire.h"

#define LAB_LINKS 2
#define LAB_PORT  10000
/* Ethernet, IPv4 and UDP headers, and a number. */
#define HEADERS	   42
#define LEAST_LEN  (HEADERS + 8)
#define STOP_NS	   (5 * NS_PER_SEC)
#define RECEIVE_MS 5000

/* Two nodes, each with one link to a hub that is not there. */
struct wire_lab {
	struct topology topology;
	struct node nodes[LAB_LINKS];
	struct interface interfaces[LAB_LINKS];
	struct address addresses[LAB_LINKS];
	struct wire_link links[LAB_LINKS];
	struct evidence *evidence;
	struct wire_config config;
	struct wire *wire;
};

static char lab_folder[] = "/tmp/wire_lab.XXXXXX";

static bool lab_write_proc(const char *path, const char *value)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);
}

static bool lab_command(const char *format, int i)
{
	struct text t = { 0 };

	for (const char *p = format; *p != '\0'; p++) {
		if (*p == '#')
			text_add(&t, "%d", i);
		else
			text_add(&t, "%c", *p);
	}

	int status = system(text_str(&t));

	text_done(&t);
	return status == 0;
}

/* Quiet: without IPv6 there are no router solicitations. Returns what is lacking, or NULL. */
static const char *lab_make(void)
{
	cleanup_free char *users = text_format("0 %u 1", geteuid());
	cleanup_free char *groups = text_format("0 %u 1", getegid());
	int user = geteuid() != 0 ? CLONE_NEWUSER : 0;

	if (unshare(CLONE_NEWNET | user) != 0)
		return "no network namespace can be made here";
	if (user != 0 && (!lab_write_proc("/proc/self/uid_map", users) ||
			  !lab_write_proc("/proc/self/setgroups", "deny") ||
			  !lab_write_proc("/proc/self/gid_map", groups)))
		return "no user namespace can be made here";
	lab_write_proc("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	for (int i = 0; i < LAB_LINKS; i++)
		if (!lab_command("ip link add a# numtxqueues 1 numrxqueues 1 type veth "
				 "peer name near# numtxqueues 1 numrxqueues 1 && "
				 "ip link add far# numtxqueues 1 numrxqueues 1 type veth "
				 "peer name b# numtxqueues 1 numrxqueues 1 && "
				 "for i in a# near# far# b#; do ip link set $i up || exit; done",
				 i))
			return "no veth can be made here";
	return mkdtemp(lab_folder) != NULL ? NULL : "no folder can be made here";
}

/* All links are clean, and nothing is running. */
static void lab_init(struct wire_lab *l, size_t n_faults, struct fault *faults)
{
	static char names[LAB_LINKS][3] = { "n0", "n1" };
	static char eth0[] = "eth0";
	struct evidence_sizes sizes = { .n_links = LAB_LINKS, .n_faults = n_faults };
	struct err e;

	*l = (struct wire_lab){ .topology = { .seed = 1,
					      .n_nodes = LAB_LINKS,
					      .capture = { .snaplen = 262144 },
					      .n_faults = n_faults,
					      .faults = faults } };
	if (evidence_new(&sizes, &l->evidence, &e) != 0)
		abort();
	for (size_t i = 0; i < LAB_LINKS; i++) {
		l->addresses[i] = (struct address){ .family = AF_INET, .prefix_len = 24 };
		l->addresses[i].v4.s_addr = htonl(0x0a000001 + (uint32_t)i);
		l->interfaces[i] = (struct interface){ .name = eth0,
						       .mtu = 1500,
						       .addresses = &l->addresses[i],
						       .n_addresses = 1,
						       .engine = true };
		l->nodes[i] = (struct node){ .name = names[i],
					     .interfaces = &l->interfaces[i],
					     .n_interfaces = 1 };
		l->links[i] = (struct wire_link){ .node = i };
		snprintf(l->links[i].near, sizeof(l->links[i].near), "near%zu", i);
		snprintf(l->links[i].far, sizeof(l->links[i].far), "far%zu", i);
		l->evidence->links[i].node = i;
		snprintf(l->evidence->links[i].name, sizeof(l->evidence->links[i].name), "%s/eth0",
			 names[i]);
	}
	l->topology.nodes = l->nodes;
	l->config = (struct wire_config){ .topology = &l->topology,
					  .links = l->links,
					  .evidence = l->evidence,
					  .folder = lab_folder,
					  .best = RING_PACKET };
}

static void lab_done(struct wire_lab *l)
{
	wire_freep(&l->wire);
	evidence_freep(&l->evidence);
}

/* A socket that sends and receives whole frames. */
static int lab_open(const char *device)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct timeval limit = { .tv_sec = RECEIVE_MS / 1000 };

	at.sll_ifindex = (int)if_nametoindex(device);
	if (fd < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &(int){ 1 }, sizeof(int)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){ 64 << 20 }, sizeof(int)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		abort();
	return fd;
}

/* A UDP datagram from 10.0.0.(from + 1) to 10.0.0.(to + 1), and its number; checksums are 0. */
static void lab_fill(uint8_t *frame, size_t len, unsigned from, unsigned to, uint16_t from_port,
		     uint64_t number)
{
	const uint8_t head[HEADERS] = {
		0x42, 0, 0, 0, 0, (uint8_t)(to + 1), 0x42, 0, 0, 0, 0, (uint8_t)(from + 1), 8, 0,
		/* IPv4 */
		0x45, 0, (uint8_t)((len - 14) >> 8), (uint8_t)(len - 14), 0, 0, 0, 0, 64, 17, 0, 0,
		10, 0, 0, (uint8_t)(from + 1), 10, 0, 0, (uint8_t)(to + 1),
		/* UDP */
		(uint8_t)(from_port >> 8), (uint8_t)from_port, LAB_PORT >> 8, LAB_PORT & 0xff,
		(uint8_t)((len - 34) >> 8), (uint8_t)(len - 34), 0, 0
	};

	memset(frame, 0, len);
	memcpy(frame, head, sizeof(head));
	memcpy(frame + HEADERS, &number, sizeof(number));
	/* And something else of it: no flipped bit makes one frame another. */
	if (len >= HEADERS + 2 * sizeof(number))
		memcpy(frame + HEADERS + sizeof(number), &(uint64_t){ number * 0x9e3779b97f4a7c15 },
		       sizeof(number));
}

static uint64_t lab_number(const uint8_t *frame)
{
	uint64_t number;

	memcpy(&number, frame + HEADERS, sizeof(number));
	return number;
}

#endif
