/*
 * AF_XDP (af_xdp.rst) in copy mode, the way that veth supports: frames leave the kernel's path
 * before it has looked at them.
 *
 * The program that redirects them is five instructions and one map, so bpf(2) is called directly:
 * libbpf and libxdp would bring a loader of ELF files, BTF and netlink for that.
 */
#include "link/port.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/if_xdp.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

#define CHUNK	   2048 /* of memory, for one frame */
#define HEADROOM   256	/* XDP_PACKET_HEADROOM: the kernel's, at the begin of each chunk */
#define MIN_FRAMES 64
#define MAX_FRAMES 4096
/* The kernel sends 32 frames a call (TX_BATCH_SIZE), and may want to be called again. */
#define SEND_TRIES 100

/* One of the four rings that are shared with the kernel. */
struct ring {
	uint32_t *producer, *consumer;
	void *entries;
	void *map;
	size_t map_len;
};

struct port_xdp {
	struct port port;
	uint32_t n;	 /* entries of each ring; a power of two */
	uint8_t *memory; /* 2n chunks: first those for frames that come, then those for others */
	struct ring rx, tx, fill, completion;
	int map, program, link;
	uint32_t n_received;	   /* of rx, that were handed out */
	uint64_t free[MAX_FRAMES]; /* chunks to send with */
	uint32_t n_free;
	uint32_t n_queued;
};

/* ---- the program ---- */

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int make_map(struct port_xdp *p, struct err *e)
{
	union bpf_attr create = {
		.map_type = BPF_MAP_TYPE_XSKMAP,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(int),
		.max_entries = 1,
	};
	uint32_t queue = 0;
	union bpf_attr update = { .key = (uintptr_t)&queue, .value = (uintptr_t)&p->port.fd };

	p->map = bpf(BPF_MAP_CREATE, &create);
	if (p->map < 0)
		return err_set(e, errno, "make a map of AF_XDP sockets");
	update.map_fd = (uint32_t)p->map;
	if (bpf(BPF_MAP_UPDATE_ELEM, &update) != 0)
		return err_set(e, errno, "put a socket into a map");
	return 0;
}

/* return bpf_redirect_map(&map, ctx->rx_queue_index, XDP_PASS); */
static int load_program(struct port_xdp *p, struct err *e)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_W,
		  .dst_reg = BPF_REG_2,
		  .src_reg = BPF_REG_1,
		  .off = offsetof(struct xdp_md, rx_queue_index) },
		{ .code = BPF_LD | BPF_IMM | BPF_DW,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = p->map },
		{ .code = 0 }, /* the upper half of that constant */
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_3, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect_map },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(code[0]),
		.license = (uintptr_t) "",
		.prog_name = "wire",
	};

	p->program = bpf(BPF_PROG_LOAD, &load);
	if (p->program < 0)
		return err_set(e, errno, "load an XDP program");
	return 0;
}

/* Detached when its descriptor is closed, so also when we are killed. */
static int attach_program(struct port_xdp *p, uint32_t mode, struct err *e)
{
	union bpf_attr attach = {
		.link_create = { .prog_fd = (uint32_t)p->program,
				 .target_ifindex = (uint32_t)p->port.ifindex,
				 .attach_type = BPF_XDP,
				 .flags = mode },
	};

	p->link = bpf(BPF_LINK_CREATE, &attach);
	if (p->link < 0)
		return err_set(e, errno, "attach an XDP program");
	return 0;
}

/* ---- memory ---- */

static int map_ring(struct port_xdp *p, struct ring *r, const struct xdp_ring_offset *at,
		    size_t entry_size, off_t page, struct err *e)
{
	r->map_len = at->desc + p->n * entry_size;
	r->map = mmap(NULL, r->map_len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		      p->port.fd, page);
	if (r->map == MAP_FAILED) {
		r->map = NULL;
		return err_set(e, errno, "map an AF_XDP ring");
	}
	r->producer = (void *)((char *)r->map + at->producer);
	r->consumer = (void *)((char *)r->map + at->consumer);
	r->entries = (char *)r->map + at->desc;
	return 0;
}

static int map_rings(struct port_xdp *p, struct err *e)
{
	struct xdp_mmap_offsets at;
	socklen_t len = sizeof(at);

	if (getsockopt(p->port.fd, SOL_XDP, XDP_MMAP_OFFSETS, &at, &len) != 0 || len != sizeof(at))
		return err_set(e, errno, "find AF_XDP rings");
	if (map_ring(p, &p->rx, &at.rx, sizeof(struct xdp_desc), XDP_PGOFF_RX_RING, e) != 0 ||
	    map_ring(p, &p->tx, &at.tx, sizeof(struct xdp_desc), XDP_PGOFF_TX_RING, e) != 0 ||
	    map_ring(p, &p->fill, &at.fr, sizeof(uint64_t), (off_t)XDP_UMEM_PGOFF_FILL_RING, e) !=
		    0)
		return -1;
	return map_ring(p, &p->completion, &at.cr, sizeof(uint64_t),
			(off_t)XDP_UMEM_PGOFF_COMPLETION_RING, e);
}

static int make_memory(struct port_xdp *p, struct err *e)
{
	size_t len = (size_t)2 * p->n * CHUNK;
	struct xdp_umem_reg reg = { .len = len, .chunk_size = CHUNK };

	p->memory = mmap(NULL, len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (p->memory == MAP_FAILED) {
		p->memory = NULL;
		return err_set(e, errno, "map %zu bytes for frames", len);
	}
	reg.addr = (uintptr_t)p->memory;
	if (setsockopt(p->port.fd, SOL_XDP, XDP_UMEM_REG, &reg, sizeof(reg)) != 0)
		return err_set(e, errno, "share %zu bytes with the kernel", len);
	return 0;
}

static int make_rings(struct port_xdp *p, struct err *e)
{
	static const int options[] = { XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING,
				       XDP_TX_RING };

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(p->port.fd, SOL_XDP, options[i], &p->n, sizeof(p->n)) != 0)
			return err_set(e, errno, "make an AF_XDP ring of %u frames", p->n);
	if (map_rings(p, e) != 0)
		return -1;
	for (uint32_t i = 0; i < p->n; i++) {
		((uint64_t *)p->fill.entries)[i] = (uint64_t)i * CHUNK;
		p->free[i] = (uint64_t)(p->n + i) * CHUNK;
	}
	p->n_free = p->n;
	__atomic_store_n(p->fill.producer, p->n, __ATOMIC_RELEASE);
	return 0;
}

/* ---- opening ---- */

/* A socket takes frames of one queue only. */
static int check_device(const struct port *port, struct err *e)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };
	struct ifreq request = { .ifr_data = (void *)&channels };
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", port->device);
	if (sock < 0 || ioctl(sock, SIOCETHTOOL, &request) != 0)
		return err_set(e, errno, "count its queues");
	if (channels.rx_count > 1)
		return err_set(e, 0, "it has %u queues", channels.rx_count);
	if (port->max_frame > CHUNK - HEADROOM)
		return err_set(e, 0, "frames of %u bytes are too long for AF_XDP", port->max_frame);
	return 0;
}

static int bind_socket(const struct port_xdp *p, struct err *e)
{
	struct sockaddr_xdp at = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = XDP_COPY,
		.sxdp_ifindex = (uint32_t)p->port.ifindex,
	};
	int room = (int)(p->n * CHUNK * 2);

	/* What is on its way counts against it, as for any socket. */
	(void)setsockopt(p->port.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	(void)setsockopt(p->port.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room));
	if (bind(p->port.fd, (struct sockaddr *)&at, sizeof(at)) != 0)
		return err_set(e, errno, "bind an AF_XDP socket");
	return 0;
}

static int xdp_open(struct port *port, const struct port_config *config, struct err *e)
{
	struct port_xdp *p = (struct port_xdp *)port;

	p->map = p->program = p->link = -1;
	if (check_device(port, e) != 0)
		return -1;
	port->fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (port->fd < 0)
		return err_set(e, errno, "open an AF_XDP socket");
	for (p->n = MIN_FRAMES; p->n < MAX_FRAMES && (size_t)p->n * 4 * CHUNK <= config->memory;)
		p->n *= 2;
	if (make_memory(p, e) != 0 || make_rings(p, e) != 0 || bind_socket(p, e) != 0)
		return -1;
	if (make_map(p, e) != 0 || load_program(p, e) != 0)
		return -1;
	/*
	 * Ahead of the stack, not inside the driver: veth's own mode measured no faster, and it drops
	 * what does not fit into a queue of 256 frames.
	 */
	return attach_program(p, XDP_FLAGS_SKB_MODE, e);
}

/* ---- frames ---- */

/* rx.consumer and fill.producer are ours alone, rx.producer is the kernel's. */
static size_t xdp_receive(struct port *port, struct port_frame *ret_frames)
{
	struct port_xdp *p = (struct port_xdp *)port;
	uint32_t at = *p->rx.consumer;
	uint32_t there = __atomic_load_n(p->rx.producer, __ATOMIC_ACQUIRE) - at;
	const struct xdp_desc *descriptors = p->rx.entries;

	p->n_received = there < PORT_BATCH ? there : PORT_BATCH;
	for (uint32_t i = 0; i < p->n_received; i++) {
		const struct xdp_desc *d = &descriptors[(at + i) & (p->n - 1)];

		ret_frames[i] = (struct port_frame){ .bytes = p->memory + d->addr, .len = d->len };
	}
	return p->n_received;
}

static void xdp_release(struct port *port)
{
	struct port_xdp *p = (struct port_xdp *)port;
	const struct xdp_desc *descriptors = p->rx.entries;
	uint64_t *fill = p->fill.entries;
	uint32_t at = *p->rx.consumer, to = *p->fill.producer;

	for (uint32_t i = 0; i < p->n_received; i++) {
		uint64_t addr = descriptors[(at + i) & (p->n - 1)].addr;

		fill[(to + i) & (p->n - 1)] = addr & ~(uint64_t)(CHUNK - 1);
	}
	__atomic_store_n(p->rx.consumer, at + p->n_received, __ATOMIC_RELEASE);
	__atomic_store_n(p->fill.producer, to + p->n_received, __ATOMIC_RELEASE);
	p->n_received = 0;
}

/* Chunks whose frames the kernel has done with. */
static void collect(struct port_xdp *p)
{
	uint32_t at = *p->completion.consumer;
	uint32_t end = __atomic_load_n(p->completion.producer, __ATOMIC_ACQUIRE);
	const uint64_t *done = p->completion.entries;

	for (; at != end; at++)
		p->free[p->n_free++] = done[at & (p->n - 1)];
	__atomic_store_n(p->completion.consumer, at, __ATOMIC_RELEASE);
}

static bool all_taken(const struct port_xdp *p)
{
	return __atomic_load_n(p->tx.consumer, __ATOMIC_ACQUIRE) == *p->tx.producer;
}

/* EBUSY: a frame was taken and dropped; EAGAIN: there are more than one call sends. */
static void xdp_flush(struct port *port)
{
	struct port_xdp *p = (struct port_xdp *)port;

	for (int i = 0; i < SEND_TRIES && p->n_queued > 0 && !all_taken(p); i++) {
		if (sendto(port->fd, NULL, 0, MSG_DONTWAIT, NULL, 0) >= 0)
			continue;
		if (errno == EBUSY) {
			port->refused++;
			port->errors++;
		} else if (errno == ENOBUFS) {
			collect(p);
		} else if (errno != EAGAIN && errno != EINTR) {
			break;
		}
	}
	p->n_queued = 0;
}

/* What the kernel did not take in time stays in the ring, and may be sent later. */
static void xdp_transmit(struct port *port, const void *frame, size_t len)
{
	struct port_xdp *p = (struct port_xdp *)port;
	uint32_t at = *p->tx.producer;
	struct xdp_desc *descriptors = p->tx.entries;

	if (p->n_free == 0) {
		xdp_flush(port);
		collect(p);
	}
	if (p->n_free == 0) {
		port->refused++;
		return;
	}

	struct xdp_desc *d = &descriptors[at & (p->n - 1)];

	*d = (struct xdp_desc){ .addr = p->free[--p->n_free], .len = (uint32_t)len };
	memcpy(p->memory + d->addr, frame, len);
	__atomic_store_n(p->tx.producer, at + 1, __ATOMIC_RELEASE);
	if (++p->n_queued == PORT_BATCH)
		xdp_flush(port);
}

static uint64_t xdp_missed(struct port *port)
{
	struct xdp_statistics s;
	socklen_t len = sizeof(s);

	if (getsockopt(port->fd, SOL_XDP, XDP_STATISTICS, &s, &len) != 0)
		return port->missed;
	port->missed = s.rx_dropped + s.rx_ring_full;
	return port->missed;
}

static void unmap_ring(const struct ring *r)
{
	if (r->map != NULL)
		munmap(r->map, r->map_len);
}

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static void xdp_close(struct port *port)
{
	struct port_xdp *p = (struct port_xdp *)port;
	const int fds[] = { p->link, p->program, p->map };

	close_all(fds, sizeof(fds) / sizeof(fds[0]));
	unmap_ring(&p->rx);
	unmap_ring(&p->tx);
	unmap_ring(&p->fill);
	unmap_ring(&p->completion);
	if (p->memory != NULL)
		munmap(p->memory, (size_t)2 * p->n * CHUNK);
}

const struct port_ops port_xdp_ops = {
	.size = sizeof(struct port_xdp),
	.open = xdp_open,
	.receive = xdp_receive,
	.release = xdp_release,
	.transmit = xdp_transmit,
	.flush = xdp_flush,
	.missed = xdp_missed,
	.close = xdp_close,
};
