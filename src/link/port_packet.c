/*
 * AF_PACKET with rings that the kernel and the wire share (packet_mmap.rst), version 2: a frame is
 * there when it comes, while version 3 collects blocks and adds 0.9 ms.
 */
#include "link/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "link/vlan.h"

/* What a slot has ahead of the frame: tpacket2_hdr, sockaddr_ll, alignment of the IP header. */
#define SLOT_HEAD TPACKET_ALIGN(TPACKET2_HDRLEN + 16 + VLAN_TAG)
#define MIN_SLOTS 64
/* What comes while the wire waits for a processor; a few batches that were just sent. */
#define MAX_RX_SLOTS 4096
#define MAX_TX_SLOTS 512
#define SEND_TRIES   100

struct ring {
	uint8_t *slots;
	uint32_t block_size, per_block, slot_size;
	uint32_t n, next;
};

struct port_packet {
	struct port port;
	struct ring rx, tx;
	void *map;
	size_t map_len;
	uint32_t n_received; /* slots ahead of rx.next that were handed out */
	uint32_t n_queued;   /* slots ahead of tx.next that were not sent yet */
};

static struct tpacket2_hdr *slot(const struct ring *r, uint32_t i)
{
	return (void *)(r->slots + (size_t)(i / r->per_block) * r->block_size +
			(size_t)(i % r->per_block) * r->slot_size);
}

static uint32_t status(const struct tpacket2_hdr *h)
{
	return __atomic_load_n(&h->tp_status, __ATOMIC_ACQUIRE);
}

static void set_status(struct tpacket2_hdr *h, uint32_t value)
{
	__atomic_store_n(&h->tp_status, value, __ATOMIC_RELEASE);
}

/* Blocks are a power of two pages, and a slot is never in two of them. */
static void size_ring(struct ring *r, uint32_t max_frame, uint32_t max_slots, size_t memory)
{
	r->slot_size = TPACKET_ALIGN(SLOT_HEAD + max_frame);
	r->block_size = (uint32_t)sysconf(_SC_PAGESIZE);
	while (r->block_size < r->slot_size * 8)
		r->block_size *= 2;
	r->per_block = r->block_size / r->slot_size;
	r->n = MIN_SLOTS;
	while (r->n * 2 <= max_slots && (size_t)r->n * 2 * r->slot_size <= memory)
		r->n *= 2;
	r->n -= r->n % r->per_block;
}

static size_t ring_len(const struct ring *r)
{
	return (size_t)(r->n / r->per_block) * r->block_size;
}

static int set_ring(const struct port *p, int option, const struct ring *r, struct err *e)
{
	struct tpacket_req request = {
		.tp_block_size = r->block_size,
		.tp_block_nr = r->n / r->per_block,
		.tp_frame_size = r->slot_size,
		.tp_frame_nr = r->n,
	};

	if (setsockopt(p->fd, SOL_PACKET, option, &request, sizeof(request)) != 0)
		return err_set(e, errno, "make a packet ring of %u frames", r->n);
	return 0;
}

static int set_option(const struct port *p, int option, int value, const char *what, struct err *e)
{
	if (setsockopt(p->fd, SOL_PACKET, option, &value, sizeof(value)) != 0)
		return err_set(e, errno, "%s", what);
	return 0;
}

static int set_options(const struct port *p, struct err *e)
{
	if (set_option(p, PACKET_VERSION, TPACKET_V2, "choose packet rings of version 2", e) != 0)
		return -1;
	if (set_option(p, PACKET_RESERVE, VLAN_TAG, "reserve room for VLAN tags", e) != 0)
		return -1;
	/* Frames that are too long are dropped, and the ring goes on. */
	if (set_option(p, PACKET_LOSS, 1, "let bad frames be dropped", e) != 0)
		return -1;
	/* No queueing discipline between us and the wire. */
	if (set_option(p, PACKET_QDISC_BYPASS, 1, "bypass queues", e) != 0)
		return -1;
	return set_option(p, PACKET_IGNORE_OUTGOING, 1, "ignore our own frames", e);
}

static int map_rings(struct port_packet *p, struct err *e)
{
	p->map_len = ring_len(&p->rx) + ring_len(&p->tx);
	p->map = mmap(NULL, p->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      p->port.fd, 0);
	if (p->map == MAP_FAILED) {
		p->map = NULL;
		return err_set(e, errno, "map packet rings");
	}
	p->rx.slots = p->map;
	p->tx.slots = p->rx.slots + ring_len(&p->rx);
	return 0;
}

/* Bound last: setting up a ring of a socket that receives waits for RCU (packet_set_ring()). */
static int packet_open(struct port *port, const struct port_config *config, struct err *e)
{
	struct port_packet *p = (struct port_packet *)port;
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = port->ifindex,
	};

	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0)
		return err_set(e, errno, "open a packet socket");
	if (set_options(port, e) != 0)
		return -1;
	size_ring(&p->rx, port->max_frame, MAX_RX_SLOTS, config->memory);
	size_ring(&p->tx, port->max_frame, MAX_TX_SLOTS, config->memory / 8);
	if (set_ring(port, PACKET_RX_RING, &p->rx, e) != 0 ||
	    set_ring(port, PACKET_TX_RING, &p->tx, e) != 0 || map_rings(p, e) != 0)
		return -1;
	if (bind(port->fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		return err_set(e, errno, "bind a packet socket");
	return 0;
}

static uint32_t after(const struct ring *r, uint32_t i)
{
	return i + 1 < r->n ? i + 1 : 0;
}

/* False when it is not whole. */
static bool unpack(struct tpacket2_hdr *h, struct port_frame *ret)
{
	ret->bytes = (uint8_t *)h + h->tp_mac;
	ret->len = h->tp_len;
	ret->arrived_real_ns = h->tp_sec * NS_PER_SEC + h->tp_nsec;
	if (h->tp_snaplen < h->tp_len)
		return false;
	if ((h->tp_status & TP_STATUS_VLAN_VALID) != 0) {
		ret->bytes = vlan_insert(ret->bytes, h->tp_vlan_tpid, h->tp_vlan_tci);
		ret->len += VLAN_TAG;
	}
	return true;
}

static size_t packet_receive(struct port *port, struct port_frame *ret_frames)
{
	struct port_packet *p = (struct port_packet *)port;
	uint32_t i = p->rx.next;
	size_t n = 0;

	for (; p->n_received < PORT_BATCH; p->n_received++, i = after(&p->rx, i)) {
		struct tpacket2_hdr *h = slot(&p->rx, i);

		if ((status(h) & TP_STATUS_USER) == 0)
			break;
		if (unpack(h, &ret_frames[n]))
			n++;
		else
			port->missed++;
	}
	return n;
}

static void packet_release(struct port *port)
{
	struct port_packet *p = (struct port_packet *)port;

	for (; p->n_received > 0; p->n_received--) {
		set_status(slot(&p->rx, p->rx.next), TP_STATUS_KERNEL);
		p->rx.next = after(&p->rx, p->rx.next);
	}
}

/* What the kernel would not take is lost, and its slots are ours again. */
static void give_up(struct port_packet *p)
{
	uint32_t i = p->tx.next;

	for (uint32_t k = 0; k < p->n_queued; k++) {
		i = i > 0 ? i - 1 : p->tx.n - 1;
		if (status(slot(&p->tx, i)) != TP_STATUS_SEND_REQUEST)
			continue;
		set_status(slot(&p->tx, i), TP_STATUS_AVAILABLE);
		p->tx.next = i;
		p->port.refused++;
	}
}

/* ENOBUFS: the other end's queue is full, and this frame is tried again (tpacket_snd()). */
static void packet_flush(struct port *port)
{
	struct port_packet *p = (struct port_packet *)port;

	if (p->n_queued == 0)
		return;
	for (int i = 0; i < SEND_TRIES; i++) {
		if (send(port->fd, NULL, 0, MSG_DONTWAIT) >= 0)
			break;
		if (errno == ENOBUFS)
			port->errors++;
		else if (errno != EINTR && errno != EAGAIN)
			break;
	}
	give_up(p);
	p->n_queued = 0;
}

/* A slot is free when nobody refers to the frame in it any more: mostly once it was sent. */
static bool await_slot(struct port_packet *p, const struct tpacket2_hdr *h)
{
	struct pollfd ready = { .fd = p->port.fd, .events = POLLOUT };

	if (p->n_queued > 0)
		packet_flush(&p->port);
	if (status(h) != TP_STATUS_AVAILABLE)
		poll(&ready, 1, 1);
	return status(h) == TP_STATUS_AVAILABLE;
}

static void packet_transmit(struct port *port, const void *frame, size_t len)
{
	struct port_packet *p = (struct port_packet *)port;
	struct tpacket2_hdr *h = slot(&p->tx, p->tx.next);

	if (status(h) != TP_STATUS_AVAILABLE && !await_slot(p, h)) {
		port->refused++;
		return;
	}
	h = slot(&p->tx, p->tx.next);
	memcpy((uint8_t *)h + TPACKET2_HDRLEN - sizeof(struct sockaddr_ll), frame, len);
	h->tp_len = (uint32_t)len;
	set_status(h, TP_STATUS_SEND_REQUEST);
	p->tx.next = after(&p->tx, p->tx.next);
	if (++p->n_queued == PORT_BATCH)
		packet_flush(port);
}

/* Reading the statistics sets them to 0. */
static uint64_t packet_missed(struct port *port)
{
	struct tpacket_stats s;
	socklen_t len = sizeof(s);

	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &s, &len) == 0)
		port->missed += s.tp_drops;
	return port->missed;
}

static void packet_close(struct port *port)
{
	struct port_packet *p = (struct port_packet *)port;

	if (p->map != NULL)
		munmap(p->map, p->map_len);
}

const struct port_ops port_packet_ops = {
	.size = sizeof(struct port_packet),
	.open = packet_open,
	.receive = packet_receive,
	.release = packet_release,
	.transmit = packet_transmit,
	.flush = packet_flush,
	.missed = packet_missed,
	.close = packet_close,
};
