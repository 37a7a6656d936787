#include "lab/routing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "topology/address.h"

/* As sysctl(8): in a name with a slash before any dot, slashes are between the parts. */
static char *path_of(const char *name)
{
	char *path = text_format("/proc/sys/%s", name);
	char *rest = path + strlen("/proc/sys/");

	for (char *c = rest; name[strcspn(name, "./")] == '.' && *c != '\0'; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

static int set(const char *name, const char *value, struct err *e)
{
	cleanup_free char *path = path_of(name);
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return err_set(e, errno, "set sysctl %s to '%s'", name, value);
	return 0;
}

int routing_set(const struct node *n, struct err *e)
{
	if (n->forward && (set("net.ipv4.ip_forward", "1", e) != 0 ||
			   (access("/proc/sys/net/ipv6", F_OK) == 0 &&
			    set("net.ipv6.conf.all.forwarding", "1", e) != 0)))
		return -1;
	for (size_t i = 0; i < n->n_settings; i++)
		if (set(n->settings[i].name, n->settings[i].value, e) != 0)
			return -1;
	return 0;
}

bool routing_link_local(const struct node *n, const struct interface *i,
			struct address *ret_address)
{
	struct address a = { .family = AF_INET6, .prefix_len = 64 };
	const uint8_t *mac = i->mac;
	const uint8_t bytes[16] = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
				    0xff, 0xfe, mac[3],		  mac[4], mac[5] };
	bool v6 = false;

	for (size_t k = 0; k < i->n_addresses; k++) {
		v6 = v6 || i->addresses[k].family == AF_INET6;
		if (address_is_link_local(&i->addresses[k]))
			return false;
	}
	memcpy(a.v6.s6_addr, bytes, sizeof(bytes));
	*ret_address = a;
	return v6 && (n->forward || n->n_interfaces > 1);
}
