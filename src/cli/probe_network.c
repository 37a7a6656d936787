/* probe_network: those probes that need a network namespace to make something in. */
#include "cli/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "lab/diag.h"
#include "lab/nat.h"
#include "lab/netem.h"
#include "lab/netlink.h"
#include "link/port.h"

#define LOOPBACK_INDEX 1 /* of every new network namespace */
#define SEGMENT	       1000
#define N_SEGMENTS     3

/* What the lab's own code says to one interface made by it. */
static void report_flushed(struct finding *f, struct netlink *nl, int made, struct err *e)
{
	if (made != 0 || netlink_flush(nl, e) != 0)
		probe_fails(f, 0, "%s", e->msg);
	else
		probe_works(f, "can be made");
}

void probe_bridge(struct finding *f, int arg)
{
	cleanup_by(netlink_freep) struct netlink *nl = NULL;
	struct err e;

	(void)arg;
	if (netlink_open(&nl, &e) != 0)
		probe_fails(f, 0, "%s", e.msg);
	else
		report_flushed(f, nl, netlink_add_bridge(nl, 10, "probe", NETWORK_HUB, 1500, &e),
			       &e);
}

void probe_veth(struct finding *f, int arg)
{
	static const uint8_t mac[6] = { 0x02, 0, 0, 0, 0, 1 };
	cleanup_by(netlink_freep) struct netlink *nl = NULL;
	cleanup_close int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct veth v = {
		.port_index = 10,
		.port_name = "probe0",
		.learning = true,
		.peer_index = 11,
		.peer_netns = here,
		.peer_name = "probe1",
		.peer_mac = mac,
		.mtu = 1500,
	};
	struct err e;

	(void)arg;
	if (here < 0)
		probe_fails(f, errno, "open /proc/self/ns/net");
	else if (netlink_open(&nl, &e) != 0)
		probe_fails(f, 0, "%s", e.msg);
	else
		report_flushed(f, nl, netlink_add_veth(nl, &v, &e), &e);
}

void probe_packet_ring(struct finding *f, int arg)
{
	struct tpacket_req3 ring = {
		.tp_block_size = 1 << 16,
		.tp_block_nr = 4,
		.tp_frame_size = 1 << 11,
		.tp_frame_nr = (1 << 18) / (1 << 11),
	};
	cleanup_close int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int version = TPACKET_V3;

	(void)arg;
	if (fd < 0)
		probe_fails(f, errno, "packet socket");
	else if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) != 0)
		probe_fails(f, errno, "TPACKET_V3");
	else if (setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof(ring)) != 0)
		probe_fails(f, errno, "receive ring");
	else if (mmap(NULL, 1 << 18, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		probe_fails(f, errno, "map the receive ring");
	else
		probe_works(f, "TPACKET_V3");
}

/* ---- over the loopback interface ---- */

static int loopback_up(struct finding *f)
{
	cleanup_by(netlink_freep) struct netlink *nl = NULL;
	struct err e;

	if (netlink_open(&nl, &e) == 0 && netlink_set_up(nl, LOOPBACK_INDEX, &e) == 0 &&
	    netlink_flush(nl, &e) == 0)
		return 0;
	probe_fails(f, 0, "%s", e.msg);
	return -1;
}

/* A UDP socket bound to a port of its own on the loopback interface. */
static int bound_socket(struct sockaddr_in *ret_address)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0)
		return -1;
	*ret_address = a;
	return take_fd(&fd);
}

void probe_socket_list(struct finding *f, int arg)
{
	struct socket_evidence seen = { 0 };
	struct sockaddr_in address = { 0 };
	struct diag *diag = NULL;
	struct err e;

	(void)arg;
	if (loopback_up(f) != 0)
		return;

	cleanup_close int fd = bound_socket(&address);

	if (fd < 0)
		probe_fails(f, errno, "bind a UDP socket");
	else if (diag_open(&diag, &e) != 0 ||
		 diag_find(diag, IPPROTO_UDP, ntohs(address.sin_port), &seen, &e) != 0)
		probe_fails(f, 0, "%s", e.msg);
	else if (!seen.seen)
		probe_fails(f, 0, "a bound UDP socket is not in it");
	else
		probe_works(f, "sock_diag shows UDP sockets");
	diag_free(diag);
}

void probe_receive_buffer(struct finding *f, int bytes)
{
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int got = 0;
	socklen_t len = sizeof(got);

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &len) != 0)
		probe_fails(f, errno, "ask for the size");
	else if (got / 2 < bytes) /* the kernel doubles what is asked for, socket(7) */
		probe_fails(f, 0, "%d KiB at most", got / 2 / 1024);
	else
		probe_works(f, "%d MiB is granted", bytes >> 20);
}

/* Send N_SEGMENTS datagrams with one call; returns the bytes of the first receive, or -1. */
static ssize_t send_segments(struct finding *f, bool coalesce)
{
	char data[N_SEGMENTS * SEGMENT] = { 0 };
	struct sockaddr_in address = { 0 };
	int segment = SEGMENT, on = 1;

	if (loopback_up(f) != 0)
		return -1;

	cleanup_close int in = bound_socket(&address);
	cleanup_close int out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ssize_t n = -1;

	if (in < 0 || out < 0)
		probe_fails(f, errno, "bind a UDP socket");
	else if (coalesce && setsockopt(in, IPPROTO_UDP, UDP_GRO, &on, sizeof(on)) != 0)
		probe_fails(f, errno, "set UDP_GRO");
	else if (setsockopt(out, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0)
		probe_fails(f, errno, "set UDP_SEGMENT");
	else if (sendto(out, data, sizeof(data), 0, (struct sockaddr *)&address, sizeof(address)) !=
		 (ssize_t)sizeof(data))
		probe_fails(f, errno, "send with UDP_SEGMENT");
	else if ((n = recv(in, data, sizeof(data), 0)) < 0)
		probe_fails(f, errno, "receive");
	return n;
}

void probe_segmentation(struct finding *f, int arg)
{
	ssize_t n = send_segments(f, false);

	(void)arg;
	if (n == SEGMENT)
		probe_works(f, "one call sends many datagrams");
	else if (n >= 0)
		probe_fails(f, 0, "a datagram of %d bytes came with %zd", SEGMENT, n);
}

void probe_coalescing(struct finding *f, int arg)
{
	ssize_t n = send_segments(f, true);

	(void)arg;
	if (n > SEGMENT)
		probe_works(f, "one call receives many datagrams");
	else if (n >= 0)
		probe_fails(f, 0, "datagrams come one by one");
}

/* ---- link engines ---- */

/* As the wire opens them; it can do without, at a price. */
void probe_link_rings(struct finding *f, int arg)
{
	const struct port_config config = { .device = "lo", .memory = 1 << 20 };
	cleanup_by(port_closep) struct port *port = NULL;
	struct err e;

	(void)arg;
	if (loopback_up(f) != 0)
		return;
	if (port_open(&config, RING_PACKET, &port, &e) != 0)
		probe_fails(f, 0, "plain sockets instead: %s", e.msg);
	else
		probe_works(f, "TPACKET_V2, both ways");
}

void probe_netem(struct finding *f, int arg)
{
	const struct impairment loss = { .loss = 0.5 };
	struct netem_counters counters;
	struct err e;

	(void)arg;
	if (netem_apply("lo", &loss, 1, &e) != 0 || netem_read("lo", &counters, &e) != 0)
		probe_fails(f, 0, "%s", e.msg);
	else
		probe_works(f, counters.seeded ? "can be made, and takes a seed"
					       : "can be made; takes no seed before Linux 6.6");
}

/* ---- routers ---- */

void probe_nat(struct finding *f, int arg)
{
	struct err e;

	(void)arg;
	if (nat_available(&e))
		probe_works(f, "nft masquerades");
	else
		probe_fails(f, 0, "%s", e.msg);
}
