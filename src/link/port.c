#include "link/port.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "link/frame.h"

#define VLAN_TAG 4
/* Of /proc/net/dev: a line per interface. */
#define MAX_COUNTERS (4 << 20)

static const struct port_ops *const all_ops[N_RINGS] = {
	[RING_XDP] = &port_xdp_ops,
	[RING_PACKET] = &port_packet_ops,
	[RING_SOCKET] = &port_socket_ops,
};

/* Frames to send that this interface has dropped: the fourth of the second eight numbers. */
static uint64_t read_dropped(const struct port *p)
{
	cleanup_free char *text = NULL;
	char name[sizeof(p->device) + 2];
	uint64_t dropped = 0;
	struct err ignored;

	/* proc_pid_net(5). A machine without it counts what port_transmit() sees, and no more. */
	if (fs_read("/proc/thread-self/net/dev", MAX_COUNTERS, &text, NULL, &ignored) != 0)
		return 0;
	snprintf(name, sizeof(name), "%s:", p->device);
	for (const char *line = strchr(text, '\n'); line != NULL; line = strchr(line, '\n')) {
		line += strspn(line, "\n ");
		if (strncmp(line, name, strlen(name)) != 0)
			continue;
		if (sscanf(line + strlen(name),
			   "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %" SCNu64, &dropped) != 1)
			return 0;
		break;
	}
	return dropped;
}

static int find_device(struct port *p, const char *device, struct err *e)
{
	struct ifreq request = { 0 };
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(p->device, sizeof(p->device), "%s", device);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	if (sock < 0 || ioctl(sock, SIOCGIFINDEX, &request) != 0)
		return err_set(e, errno, "find interface %s", device);
	p->ifindex = request.ifr_ifindex;
	if (ioctl(sock, SIOCGIFMTU, &request) != 0)
		return err_set(e, errno, "read the MTU of %s", device);
	p->max_frame = (uint32_t)request.ifr_mtu + FRAME_HEADER + VLAN_TAG;
	return 0;
}

int port_open(const struct port_config *config, enum ring_kind kind, struct port **ret_port,
	      struct err *e)
{
	const struct port_ops *ops = all_ops[kind];
	cleanup_by(port_closep) struct port *p = array_new(1, ops->size);

	p->ops = ops;
	p->fd = -1;
	if (find_device(p, config->device, e) != 0)
		return -1;
	p->dropped_before = read_dropped(p);
	if (ops->open(p, config, e) != 0)
		return err_prefix(e, "interface %s", config->device);
	*ret_port = take_ptr(p);
	return 0;
}

int port_fd(const struct port *p)
{
	return p->fd;
}

size_t port_receive(struct port *p, struct port_frame *ret_frames)
{
	return p->ops->receive(p, ret_frames);
}

void port_release(struct port *p)
{
	p->ops->release(p);
}

void port_transmit(struct port *p, const void *frame, size_t len)
{
	if (len <= p->max_frame)
		p->ops->transmit(p, frame, len);
	else
		p->refused++;
}

void port_flush(struct port *p)
{
	p->ops->flush(p);
}

uint64_t port_missed(struct port *p)
{
	return p->ops->missed(p);
}

uint64_t port_refused(struct port *p)
{
	uint64_t dropped = read_dropped(p) - p->dropped_before;

	return p->refused + (dropped > p->errors ? dropped - p->errors : 0);
}

void port_close(struct port *p)
{
	if (p == NULL)
		return;
	p->ops->close(p);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

void port_closep(struct port **p)
{
	port_close(*p);
}
