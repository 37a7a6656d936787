#include "lab/node.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "lab/etc.h"

static int open_ns(const char *kind, int *ret_fd, struct err *e)
{
	cleanup_free char *path = text_format("/proc/self/ns/%s", kind);

	*ret_fd = open(path, O_RDONLY | O_CLOEXEC);
	return *ret_fd >= 0 ? 0 : err_set(e, errno, "open %s", path);
}

void home_done(struct home *h)
{
	struct node_ns ns = { h->net, h->uts, h->mnt };

	node_done(&ns);
	free(h->cwd);
	*h = (struct home){ -1, -1, -1, NULL };
}

/* A sysctl of the current network namespace; one that this kernel lacks needs no setting. */
static int set_sysctl(const char *path, const char *value, struct err *e)
{
	cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		return err_set(e, errno, "set %s to %s", path, value);
	return 0;
}

static int set_sysctls(const char *const settings[][2], size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (set_sysctl(settings[i][0], settings[i][1], e) != 0)
			return -1;
	return 0;
}

/*
 * No router solicitations, link-local addresses and duplicate address detection
 * (ip-sysctl.rst): an interface with an IPv6 address of the topology has just that, and a link-local
 * one where it needs that (routing.h). Multicast
 * groups are announced once, before anything is recorded, and not a second time.
 *
 * IPv4's settings are copies of the host's. In a lab nobody forwards who is not asked to, routes
 * are those of the file, so redirects (RFC 792) are neither sent nor believed, and an answer may
 * come another way than its question went (RFC 3704 calls the opposite strict).
 */
static int quiet_node(struct err *e)
{
	static const char *const settings[][2] = {
		{ "/proc/sys/net/ipv6/conf/default/addr_gen_mode", "1" },
		{ "/proc/sys/net/ipv6/conf/default/accept_dad", "0" },
		{ "/proc/sys/net/ipv6/conf/default/accept_ra", "0" },
		{ "/proc/sys/net/ipv6/conf/default/autoconf", "0" },
		{ "/proc/sys/net/ipv6/conf/default/router_solicitations", "0" },
		{ "/proc/sys/net/ipv6/conf/default/accept_redirects", "0" },
		{ "/proc/sys/net/ipv6/conf/default/mldv2_unsolicited_report_interval", "86400000" },
		{ "/proc/sys/net/ipv4/ip_forward", "0" },
		{ "/proc/sys/net/ipv4/conf/all/rp_filter", "0" },
		{ "/proc/sys/net/ipv4/conf/default/rp_filter", "0" },
		{ "/proc/sys/net/ipv4/conf/all/send_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/default/send_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/all/accept_redirects", "0" },
		{ "/proc/sys/net/ipv4/conf/default/accept_redirects", "0" },
	};

	return set_sysctls(settings, sizeof(settings) / sizeof(settings[0]), e);
}

/*
 * Where IPv6 is a module it may come in the middle of a run, with the first socket that wants it,
 * and every interface would then begin to speak. A socket now, and its settings are there.
 */
static void load_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
}

/* Bridges only pass frames on: they speak no IPv6 themselves and consult no packet filter. */
static int quiet_home(struct err *e)
{
	static const char *const settings[][2] = {
		{ "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1" },
		{ "/proc/sys/net/bridge/bridge-nf-call-iptables", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0" },
		{ "/proc/sys/net/bridge/bridge-nf-call-arptables", "0" },
	};

	return set_sysctls(settings, sizeof(settings) / sizeof(settings[0]), e);
}

int home_open(struct home *h, struct err *e)
{
	*h = (struct home){ -1, -1, -1, NULL };
	if (open_ns("net", &h->net, e) != 0 || open_ns("uts", &h->uts, e) != 0 ||
	    open_ns("mnt", &h->mnt, e) != 0)
		return -1;
	h->cwd = getcwd(NULL, 0);
	if (h->cwd == NULL)
		return err_set(e, errno, "find the current folder");
	load_ipv6();
	return quiet_home(e);
}

static int open_folder(const char *path, int *ret_fd, struct err *e)
{
	*ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd >= 0 ? 0 : err_set(e, errno, "open %s", path);
}

static int mount_again(int folder, const char *path, struct err *e)
{
	cleanup_free char *from = text_format("/proc/self/fd/%d", folder);

	if (mkdir(path, 0755) != 0 || mount(from, path, NULL, MS_BIND, NULL) != 0)
		return err_set(e, errno, "mount %s", path);
	return 0;
}

/*
 * Two nodes may run the same server, and each keeps its number in /run. What the whole lab keeps
 * there stays: the names of its namespaces, and the files of every node's /etc.
 */
static int private_run(struct err *e)
{
	cleanup_close int netns = -1, files = -1;

	if (open_folder("/run/netns", &netns, e) != 0 ||
	    open_folder("/run/harness", &files, e) != 0)
		return -1;
	if (mount("harness", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=64m") != 0)
		return err_set(e, errno, "mount a private /run");
	if (mount_again(netns, "/run/netns", e) != 0)
		return -1;
	return mount_again(files, "/run/harness", e);
}

static int private_files(const char *name, struct err *e)
{
	if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0 &&
	    errno != EPERM && errno != EBUSY)
		return err_set(e, errno, "mount /sys");
	return private_run(e) != 0 ? -1 : etc_bind(name, e);
}

/* For `ip netns exec NAME`: a link to the supervisor's descriptor. A mount each, as ip(8) makes
 * them, would be copied into every later node. */
static int name_netns(const char *name, int netns, struct err *e)
{
	cleanup_free char *path = text_format("/run/netns/%s", name);
	cleanup_free char *target = text_format("/proc/1/fd/%d", netns);

	if (symlink(target, path) != 0)
		return err_set(e, errno, "name the network namespace %s", path);
	return 0;
}

static int make_namespaces(const char *name, struct node_ns *ns, struct err *e)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWUTS) != 0)
		return err_set(e, errno, "create namespaces");
	if (sethostname(name, strlen(name)) != 0)
		return err_set(e, errno, "set the host name");
	if (open_ns("net", &ns->net, e) != 0 || open_ns("uts", &ns->uts, e) != 0)
		return -1;

	if (name_netns(name, ns->net, e) != 0)
		return -1;
	if (quiet_node(e) != 0)
		return -1;
	if (unshare(CLONE_NEWNS) != 0)
		return err_set(e, errno, "create a mount namespace");
	if (private_files(name, e) != 0)
		return -1;
	return open_ns("mnt", &ns->mnt, e);
}

static int go_home(const struct home *home, struct err *e)
{
	if (setns(home->mnt, CLONE_NEWNS) != 0 || setns(home->net, CLONE_NEWNET) != 0 ||
	    setns(home->uts, CLONE_NEWUTS) != 0)
		return err_set(e, errno, "return to the supervisor's namespaces");
	if (chdir(home->cwd) != 0)
		return err_set(e, errno, "return to %s", home->cwd);
	return 0;
}

int node_create(const struct home *home, const char *name, struct node_ns *ret_ns, struct err *e)
{
	struct node_ns ns = { -1, -1, -1 };

	if (make_namespaces(name, &ns, e) != 0 || go_home(home, e) != 0) {
		node_done(&ns);
		return err_prefix(e, "node %s", name);
	}
	*ret_ns = ns;
	return 0;
}

void node_done(struct node_ns *ns)
{
	const int fds[] = { ns->net, ns->uts, ns->mnt };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*ns = (struct node_ns){ -1, -1, -1 };
}

int node_visit(const struct node_ns *ns, const char *name, struct err *e)
{
	if (setns(ns->net, CLONE_NEWNET) != 0)
		return err_set(e, errno, "node %s: enter its network namespace", name);
	return 0;
}

int node_leave(const struct home *home, struct err *e)
{
	if (setns(home->net, CLONE_NEWNET) != 0)
		return err_set(e, errno, "return from a node's network namespace");
	return 0;
}
