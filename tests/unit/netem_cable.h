/*
 * netem_cable: a veth pair in a network namespace of the test's own, where
 * nobody else sends anything, and frames whose number and time of sending are
 * known. For test_netem.c.
 *
 *	far ---> near
 */
#ifndef HARNESS_TESTS_NETEM_CABLE_H
#define HARNESS_TESTS_NETEM_CABLE_H

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "lab/netem.h"
#include "lab/netlink.h"

#define EXPERIMENT  0x88b5 /* the ethertype for local experiments, IEEE 802 */
#define DEADLINE    (20 * NS_PER_SEC)
#define MAX_FRAMES  8000
#define FRAME_BYTES sizeof(struct frame)

struct frame {
	uint8_t to[6], from[6];
	uint16_t type;
	uint32_t number;
	uint64_t sent_ns;
	uint8_t filling[224];
} __attribute__((packed));

struct arrival {
	uint32_t number;
	uint64_t sent_ns, arrived_ns; /* since 1970; the second is the kernel's own */
	unsigned flipped;	      /* bits */
};

static struct cable {
	int in, out;
	uint32_t n_sent;
	size_t n;
	struct arrival arrivals[MAX_FRAMES];
} cable;

static int cable_socket(const char *device, int protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons((uint16_t)protocol),
		.sll_ifindex = (int)if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int buffer = 32 << 20, on = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void cable_wait(struct netlink *nl)
{
	uint64_t deadline = clock_ns() + DEADLINE;
	size_t waiting = 1;
	struct err e;

	while (waiting != 0) {
		assert_true(clock_ns() < deadline);
		assert_int_equal(netlink_count_waiting_links(nl, &waiting, &e), 0);
	}
}

/* Neighbour discovery would send frames of its own. */
static void cable_without_ipv6(void)
{
	cleanup_close int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6",
				    O_WRONLY | O_CLOEXEC);

	assert_true((fd < 0 && errno == ENOENT) || write(fd, "1", 1) == 1);
}

static int cable_make(void **state)
{
	cleanup_by(netlink_freep) struct netlink *nl = NULL;
	struct err e;

	(void)state;
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	cable_without_ipv6();

	cleanup_close int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	const struct veth v = {
		.port_index = 10,
		.port_name = "far",
		.peer_index = 11,
		.peer_netns = here,
		.peer_name = "near",
		.mtu = 1500,
	};

	if (netlink_open(&nl, &e) != 0 || netlink_add_veth(nl, &v, &e) != 0 ||
	    netlink_set_up(nl, v.peer_index, &e) != 0 || netlink_flush(nl, &e) != 0)
		fail_msg("%s", e.msg);
	cable_wait(nl);
	cable.in = cable_socket("far", 0);
	cable.out = cable_socket("near", EXPERIMENT);
	cable.n = cable.n_sent = 0;
	return 0;
}

static int cable_break(void **state)
{
	(void)state;
	close(cable.in);
	close(cable.out);
	return 0;
}

/* Numbers begin at 0 again, and nothing has arrived. */
static void cable_restart(void)
{
	cable.n = cable.n_sent = 0;
}

static void cable_send(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct frame f = {
			.to = { 0x42, 0, 0, 0, 0, 2 },
			.from = { 0x42, 0, 0, 0, 0, 1 },
			.type = htons(EXPERIMENT),
			.number = cable.n_sent++,
			.sent_ns = clock_real_ns(),
		};

		/* The kernel tells a sender on the spot when the queue is full. */
		assert_true(send(cable.in, &f, sizeof(f), 0) == sizeof(f) || errno == ENOBUFS);
	}
}

/* Bits of what is the same in all frames. */
static unsigned cable_count_bits(const struct frame *f)
{
	static const uint8_t from_and_to[12] = { 0x42, 0, 0, 0, 0, 2, 0x42, 0, 0, 0, 0, 1 };
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(from_and_to); i++)
		n += (unsigned)__builtin_popcount(
			(unsigned)(((const uint8_t *)f)[i] ^ from_and_to[i]));
	for (size_t i = 0; i < sizeof(f->filling); i++)
		n += (unsigned)__builtin_popcount(f->filling[i]);
	return n;
}

/* The next frame, if there is one, and when the kernel got it: socket(7), SO_TIMESTAMP. */
static bool cable_read_frame(struct frame *ret_frame, uint64_t *ret_ns)
{
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr head;
	} control;
	struct iovec part = { .iov_base = ret_frame, .iov_len = sizeof(*ret_frame) };
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct timespec ts;

	if (recvmsg(cable.out, &message, MSG_DONTWAIT) != sizeof(*ret_frame)) {
		assert_int_equal(errno, EAGAIN);
		return false;
	}

	const struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	assert_true(c != NULL && c->cmsg_type == SO_TIMESTAMPNS);
	memcpy(&ts, CMSG_DATA(c), sizeof(ts));
	*ret_ns = (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
	return true;
}

/* Everything that can be read at once. */
static void cable_read(void)
{
	struct frame f;
	uint64_t now;

	while (cable_read_frame(&f, &now)) {
		assert_true(cable.n < MAX_FRAMES);
		cable.arrivals[cable.n++] = (struct arrival){
			.number = f.number,
			.sent_ns = f.sent_ns,
			.arrived_ns = now,
			.flipped = cable_count_bits(&f),
		};
	}
}

/*
 * Until the qdisc holds nothing: what has left it by then is in the socket's buffer, because a
 * veth passes frames on in a softirq of the same processor before anything else runs there.
 */
static void cable_receive(struct netem_counters *ret)
{
	uint64_t deadline = clock_ns() + DEADLINE;
	struct err e;

	do {
		struct pollfd readable = { .fd = cable.out, .events = POLLIN };

		assert_true(clock_ns() < deadline);
		poll(&readable, 1, 1);
		cable_read();
		assert_int_equal(netem_read("far", ret, &e), 0);
	} while (ret->held != 0);
	cable_read();
}

static uint64_t cable_held_ns(size_t i)
{
	return cable.arrivals[i].arrived_ns - cable.arrivals[i].sent_ns;
}

static int cable_compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static uint64_t cable_median_ns(void)
{
	static uint64_t held[MAX_FRAMES];

	assert_true(cable.n > 0);
	for (size_t i = 0; i < cable.n; i++)
		held[i] = cable_held_ns(i);
	qsort(held, cable.n, sizeof(*held), cable_compare);
	return held[cable.n / 2];
}

static size_t cable_count_flipped(void)
{
	size_t n = 0;

	for (size_t i = 0; i < cable.n; i++)
		n += cable.arrivals[i].flipped != 0;
	return n;
}

#endif
