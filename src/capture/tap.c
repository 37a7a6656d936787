#include "capture/tap.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <pcap/pcap.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"

/* Packets read before the next tap gets its turn: a few of the kernel's 256 KiB blocks. */
#define BATCH 1024

/* Ethernet: where the source address is, and how long a frame must be to have one. */
#define SOURCE_AT	6
#define ETHERNET_HEADER 14

/* Of an interface, since it was made. */
struct interface_counters {
	uint64_t packets; /* in and out */
	uint64_t missed;  /* in, for lack of room in the interface */
};

struct tap {
	pcap_t *pcap;
	int fd, netns;
	struct pcapng_writer *writer;
	const struct interface *interface;
	struct capture_evidence *evidence;
	struct pcapng_interface description;
	char *description_text;
	uint8_t mac[6];
	struct interface_counters before;
	/* Modulo 2^32, as libpcap counts. */
	uint32_t n_read, n_received, n_dropped;
	uint64_t dropped_since; /* the last packet */
	uint64_t end_ns;
	bool failed; /* on_packet() did, for this reason: */
	struct err error;
};

static int enter(const struct tap *t, struct err *e)
{
	if (setns(t->netns, CLONE_NEWNET) != 0)
		return err_set(e, errno, "capture %s: enter its network namespace",
			       t->evidence->name);
	return 0;
}

static const char *device(const struct tap *t)
{
	return t->evidence->far ? t->evidence->device : t->interface->name;
}

/*
 * The address whose frames left the node. From the interface itself: a program may be under test
 * that changes what the topology says. At the far side of a link there is only the topology to ask.
 */
static int read_mac(struct tap *t, struct err *e)
{
	if (t->evidence->far) {
		memcpy(t->mac, t->interface->mac, sizeof(t->mac));
		return 0;
	}

	struct ifreq request = { 0 };
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device(t));
	if (sock < 0 || ioctl(sock, SIOCGIFHWADDR, &request) != 0)
		return err_set(e, errno, "capture %s: read its MAC address", t->evidence->name);
	memcpy(t->mac, request.ifr_hwaddr.sa_data, sizeof(t->mac));
	return 0;
}

/* A line of /proc/net/dev, proc_pid_net(5): 8 numbers of what came in, then 8 of what went out. */
static bool parse_counters(const char *line, struct interface_counters *ret_counters)
{
	uint64_t packets_in, fifo_in, packets_out;

	if (sscanf(line, "%*u %" SCNu64 " %*u %*u %" SCNu64 " %*u %*u %*u %*u %" SCNu64,
		   &packets_in, &fifo_in, &packets_out) != 3)
		return false;
	ret_counters->packets = packets_in + packets_out;
	ret_counters->missed = fifo_in;
	return true;
}

/*
 * Inside the namespace, and from /proc: what libpcap reports as ps_ifdrop comes from /sys, which
 * may show another namespace, and rtnetlink would wait for the RTNL lock, which the kernel holds
 * for tens of milliseconds while it takes another lab down.
 */
static int read_counters(const struct tap *t, struct interface_counters *ret_counters,
			 struct err *e)
{
	cleanup_free char *table = NULL;
	cleanup_free char *name = text_format("%s:", device(t));

	if (fs_read("/proc/thread-self/net/dev", 1 << 20, &table, NULL, e) != 0)
		return err_prefix(e, "capture %s", t->evidence->name);
	for (const char *line = table; line != NULL; line = strchr(line, '\n')) {
		line += strspn(line, "\n ");
		if (strncmp(line, name, strlen(name)) == 0 &&
		    parse_counters(line + strlen(name), ret_counters))
			return 0;
	}
	return err_set(e, 0, "capture %s: there is no such interface", t->evidence->name);
}

static int pcap_failure(const struct tap *t, const char *what, struct err *e)
{
	return err_set(e, 0, "capture %s: %s: %s", t->evidence->name, what, pcap_geterr(t->pcap));
}

static int set_filter(const struct tap *t, const char *filter, struct err *e)
{
	struct bpf_program program;

	if (filter == NULL)
		return 0;
	if (pcap_compile(t->pcap, &program, filter, 1, PCAP_NETMASK_UNKNOWN) != 0)
		return err_usage(e, "capture filter '%s': %s", filter, pcap_geterr(t->pcap));

	int r = pcap_setfilter(t->pcap, &program);

	pcap_freecode(&program);
	return r == 0 ? 0 : pcap_failure(t, "set the filter", e);
}

/*
 * Not promiscuous: a veth filters no addresses, so a packet socket sees frames for others anyway,
 * and libpcap then leaves /sys alone. Not immediate: that is TPACKET_V2, with a wakeup per packet.
 */
static int open_handle(struct tap *t, const struct capture_settings *settings, struct err *e)
{
	char why[PCAP_ERRBUF_SIZE];
	size_t buffer = t->evidence->buffer;

	t->pcap = pcap_create(device(t), why);
	if (t->pcap == NULL)
		return err_set(e, 0, "capture %s: %s", t->evidence->name, why);
	pcap_set_snaplen(t->pcap, (int)settings->snaplen);
	pcap_set_timeout(t->pcap, (int)(TAP_DELAY_NS / NS_PER_MS));
	pcap_set_buffer_size(t->pcap, buffer < INT_MAX ? (int)buffer : INT_MAX);
	pcap_set_tstamp_precision(t->pcap, PCAP_TSTAMP_PRECISION_NANO);

	/* Above 0 are warnings. */
	if (pcap_activate(t->pcap) < 0)
		return pcap_failure(t, "activate", e);
	if (pcap_datalink(t->pcap) != DLT_EN10MB)
		return err_set(e, 0, "capture %s: not an Ethernet interface", t->evidence->name);
	if (set_filter(t, settings->filter, e) != 0)
		return -1;
	if (pcap_setnonblock(t->pcap, 1, why) != 0)
		return err_set(e, 0, "capture %s: %s", t->evidence->name, why);
	t->fd = pcap_get_selectable_fd(t->pcap);
	return 0;
}

static void describe(struct tap *t, const struct tap_config *config)
{
	const struct topology *topology = config->topology;
	const struct network *network = &topology->networks[t->interface->network];
	const char *kind = network->kind == NETWORK_HUB ? "hub" : "switch";

	t->description_text = text_format("%s%02x:%02x:%02x:%02x:%02x:%02x on %s %s",
					  t->evidence->far ? "port of " : "", t->mac[0], t->mac[1],
					  t->mac[2], t->mac[3], t->mac[4], t->mac[5], kind,
					  network->name);
	t->description = (struct pcapng_interface){
		.name = t->evidence->name,
		.description = t->description_text,
		.filter = topology->capture.filter,
		.snaplen = topology->capture.snaplen,
		.start_ns = clock_real_ns(),
	};
}

static int open_file(struct tap *t, const struct tap_config *config, struct err *e)
{
	if (pcapng_writer_open(t->evidence->file, config->application, config->comment, &t->writer,
			       e) != 0)
		return -1;
	if (pcapng_write_interface(t->writer, &t->description, e) != 0)
		return -1;
	return pcapng_write_names(t->writer, config->names, config->n_names, e);
}

int tap_open(const struct tap_config *config, struct tap **ret_tap, struct err *e)
{
	cleanup_by(tap_freep) struct tap *t = array_new(1, sizeof(*t));
	struct capture_evidence *evidence = config->evidence;
	const struct node *node = &config->topology->nodes[evidence->node];

	t->evidence = evidence;
	t->interface = &node->interfaces[evidence->interface];
	t->netns = config->netns;
	if (enter(t, e) != 0 || open_handle(t, &config->topology->capture, e) != 0)
		return -1;
	/* After the handle, so that it captures whatever the interface counts from now on. */
	if (read_mac(t, e) != 0 || read_counters(t, &t->before, e) != 0)
		return -1;
	describe(t, config);
	if (open_file(t, config, e) != 0)
		return -1;
	*ret_tap = take_ptr(t);
	return 0;
}

int tap_fd(const struct tap *t)
{
	return t->fd;
}

static void on_packet(u_char *user, const struct pcap_pkthdr *head, const u_char *bytes)
{
	struct tap *t = (void *)user;
	struct capture_evidence *evidence = t->evidence;
	struct packet p = {
		/* tv_usec holds nanoseconds: that precision was asked for. */
		.time_ns = (uint64_t)head->ts.tv_sec * NS_PER_SEC + (uint64_t)head->ts.tv_usec,
		.captured_len = head->caplen,
		.original_len = head->len,
		.data = bytes,
		.direction = t->evidence->far ? DIRECTION_OUT : DIRECTION_IN,
		.dropped = t->dropped_since,
	};

	t->n_read++;
	if (t->failed)
		return;
	if (head->caplen >= ETHERNET_HEADER &&
	    memcmp(bytes + SOURCE_AT, t->mac, sizeof(t->mac)) == 0)
		p.direction = t->evidence->far ? DIRECTION_IN : DIRECTION_OUT;
	if (pcapng_write_packet(t->writer, &p, &t->error) != 0) {
		t->failed = true;
		pcap_breakloop(t->pcap);
		return;
	}
	t->dropped_since = 0;
	evidence->packets++;
	evidence->bytes += p.captured_len;
}

int tap_read(struct tap *t, size_t *ret_n, struct err *e)
{
	uint32_t before = t->n_read;
	int status = pcap_dispatch(t->pcap, BATCH, on_packet, (u_char *)t);

	if (t->failed) {
		*e = t->error;
		return -1;
	}
	if (status < 0)
		return pcap_failure(t, "read", e);
	*ret_n = t->n_read - before;
	return 0;
}

/* ps_recv counts what passed the filter, dropped packets included (pcap-linux.c of libpcap). */
int tap_count(struct tap *t, bool *ret_drained, struct err *e)
{
	struct pcap_stat now;

	if (pcap_stats(t->pcap, &now) != 0)
		return pcap_failure(t, "count", e);

	uint32_t dropped = now.ps_drop - t->n_dropped;

	t->evidence->received += now.ps_recv - t->n_received;
	t->evidence->dropped += dropped;
	t->dropped_since += dropped;
	t->n_received = now.ps_recv;
	t->n_dropped = now.ps_drop;
	*ret_drained = t->n_read == now.ps_recv - now.ps_drop;
	return 0;
}

int tap_count_interface(struct tap *t, struct err *e)
{
	struct interface_counters now;

	if (enter(t, e) != 0 || read_counters(t, &now, e) != 0)
		return -1;
	t->evidence->passed = now.packets - t->before.packets;
	t->evidence->if_dropped = now.missed - t->before.missed;
	return 0;
}

int tap_finish(struct tap *t, struct err *e)
{
	const struct capture_evidence *evidence = t->evidence;

	t->end_ns = clock_real_ns();
	if (pcapng_write_statistics(t->writer, 0, t->end_ns, evidence->received, evidence->dropped,
				    evidence->if_dropped, e) != 0)
		return -1;
	return pcapng_writer_close(take_ptr(t->writer), e);
}

struct merge_input tap_merge_input(const struct tap *t)
{
	return (struct merge_input){
		.file = t->evidence->file,
		.interface = t->description,
		.end_ns = t->end_ns,
		.received = t->evidence->received,
		.dropped = t->evidence->dropped,
		.if_dropped = t->evidence->if_dropped,
	};
}

void tap_close(struct tap *t)
{
	if (t->pcap != NULL)
		pcap_close(t->pcap);
	t->pcap = NULL;
}

void tap_freep(struct tap **t)
{
	if (*t == NULL)
		return;
	tap_close(*t);
	pcapng_writer_freep(&(*t)->writer);
	free((*t)->description_text);
	free(*t);
	*t = NULL;
}
