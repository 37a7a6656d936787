#include "cli/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "lab/cgroup.h"
#include "lab/sandbox.h"

#define PROBE_SECONDS 5

void probe_works(struct finding *f, const char *format, ...)
{
	va_list ap;

	f->works = true;
	va_start(ap, format);
	vsnprintf(f->detail, sizeof(f->detail), format, ap);
	va_end(ap);
}

void probe_fails(struct finding *f, int num, const char *format, ...)
{
	va_list ap;

	f->works = false;
	f->num = num;
	va_start(ap, format);
	vsnprintf(f->detail, sizeof(f->detail), format, ap);
	va_end(ap);

	size_t len = strlen(f->detail);

	if (num != 0)
		snprintf(f->detail + len, sizeof(f->detail) - len, ": %s", strerror(num));
}

/* ---- running one ---- */

/* As sandbox_fork() does: plainly where that is allowed, otherwise inside a user namespace. */
static int unshare_as_lab_does(int flags)
{
	if (unshare(flags) == 0)
		return 0;
	if (errno != EPERM)
		return -1;
	return unshare(flags | CLONE_NEWUSER);
}

__attribute__((noreturn)) static void run_child(const struct probe *p, struct finding *f)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(PROBE_SECONDS);
	if (p->place == PLACE_NETWORK && unshare_as_lab_does(CLONE_NEWNET) != 0) {
		probe_fails(f, errno, "no network namespace to try it in");
		f->untried = true;
	} else {
		p->try(f, p->arg);
	}
	_exit(0);
}

void probe_run(const struct probe *p, struct finding *ret)
{
	/* Shared with the child, which writes what it found. */
	struct finding *f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	*ret = (struct finding){ .works = false };
	if (f == MAP_FAILED) {
		probe_fails(ret, errno, "map memory");
		return;
	}

	probe_fails(f, 0, "the attempt gave no answer");

	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		run_child(p, f);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		probe_fails(ret, errno, "start a process");
	else if (WIFSIGNALED(status))
		probe_fails(ret, 0, "the attempt was ended by a signal: %s",
			    strsignal(WTERMSIG(status)));
	else
		*ret = *f;
	munmap(f, sizeof(*f));
}

/* ---- those about processes and files ---- */

/* The whole of what a lab begins with. */
static void probe_sandbox(struct finding *f, int arg)
{
	struct sandbox s;
	struct err e;
	int who = sandbox_fork(&s, &e);

	(void)arg;
	if (who < 0) {
		probe_fails(f, e.num, "%s", e.num != 0 ? "namespaces cannot be made" : e.msg);
		return;
	}
	if (who == 0) {
		if (sandbox_enter(&s, &e) != 0)
			probe_fails(f, 0, "%s", e.msg);
		else
			probe_works(f, "%s", geteuid() == 0 ? "root" : "unprivileged");
		_exit(0);
	}
	waitpid(s.pid, NULL, 0);
	sandbox_done(&s);
	if (f->works)
		probe_works(f, "%s", geteuid() == 0 ? "root" : "through a user namespace");
}

static void probe_namespace(struct finding *f, int flag)
{
	if (unshare_as_lab_does(flag) != 0)
		probe_fails(f, errno, "unshare");
	else
		probe_works(f, "can be made");
}

/* Some systems let users make the namespace and then grant nothing in it: use a right of it. */
static void probe_user_namespace(struct finding *f, int arg)
{
	(void)arg;
	if (unshare(CLONE_NEWUSER | CLONE_NEWUTS) != 0)
		probe_fails(f, errno, "unshare");
	else if (sethostname("probe", 5) != 0)
		probe_fails(f, errno, "made, but without rights in it");
	else
		probe_works(f, "can be made, with rights in it");
}

static void probe_openat2(struct finding *f, int arg)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int below = (int)syscall(SYS_openat2, root, "proc", &how, sizeof(how));
	cleanup_close int outside = (int)syscall(SYS_openat2, root, "/proc", &how, sizeof(how));

	(void)arg;
	if (below < 0)
		probe_fails(f, errno, "openat2");
	else if (outside >= 0)
		probe_fails(f, 0, "RESOLVE_BENEATH is not obeyed");
	else
		probe_works(f, "RESOLVE_BENEATH is obeyed");
}

static void probe_pidfd(struct finding *f, int arg)
{
	pid_t pid = fork();

	(void)arg;
	if (pid == 0)
		_exit(0);

	cleanup_close int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ended = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		probe_fails(f, errno, "pidfd_open");
	else if (poll(&ended, 1, PROBE_SECONDS * 1000) != 1)
		probe_fails(f, 0, "does not tell when a process ends");
	else
		probe_works(f, "tells when a process ends");
	waitpid(pid, NULL, 0);
}

static void probe_realtime(struct finding *f, int arg)
{
	struct sched_param priority = { .sched_priority = 1 };

	(void)arg;
	if (sched_setscheduler(0, SCHED_FIFO, &priority) != 0)
		probe_fails(f, errno, "sched_setscheduler");
	else
		probe_works(f, "allowed");
}

static void probe_cgroup2(struct finding *f, int arg)
{
	struct cgroup c;
	struct err e;

	(void)arg;
	if (cgroup_make(CGROUP_CPU | CGROUP_MEMORY, &c, &e) != 0) {
		probe_fails(f, 0, "%.200s", e.msg);
		f->num = e.num;
		return;
	}
	probe_works(f, "cpu and memory, in %.160s", c.place);
	if (cgroup_remove(&c, clock_ns() + NS_PER_SEC, &e) != 0)
		probe_fails(f, 0, "%.200s", e.msg);
}

#define KERNEL_HAS_IT "use a kernel that is built with it; no package adds it"
#define BUFFER_BYTES  (8 << 20)

const struct probe probes[] = {
	{ "privilege", "running labs", true, PLACE_HERE, probe_sandbox, 0, NULL },
	{ "network namespace", "running labs", true, PLACE_HERE, probe_namespace, CLONE_NEWNET,
	  KERNEL_HAS_IT " (CONFIG_NET_NS)" },
	{ "pid namespace", "running labs", true, PLACE_HERE, probe_namespace, CLONE_NEWPID,
	  KERNEL_HAS_IT " (CONFIG_PID_NS)" },
	{ "mount namespace", "running labs", true, PLACE_HERE, probe_namespace, CLONE_NEWNS,
	  KERNEL_HAS_IT },
	{ "uts namespace", "running labs", true, PLACE_HERE, probe_namespace, CLONE_NEWUTS,
	  KERNEL_HAS_IT " (CONFIG_UTS_NS)" },
	{ "ipc namespace", "running labs", true, PLACE_HERE, probe_namespace, CLONE_NEWIPC,
	  KERNEL_HAS_IT " (CONFIG_IPC_NS)" },
	{ "user namespace", "running labs without root", false, PLACE_HERE, probe_user_namespace, 0,
	  NULL },
	{ "bridge", "hubs and switches", true, PLACE_NETWORK, probe_bridge, 0, "modprobe bridge" },
	{ "veth", "links", true, PLACE_NETWORK, probe_veth, 0, "modprobe veth" },
	{ "packet ring", "captures", true, PLACE_NETWORK, probe_packet_ring, 0,
	  "modprobe af_packet" },
	{ "socket list", "seeing that programs are ready", true, PLACE_NETWORK, probe_socket_list,
	  0, "modprobe -a inet_diag udp_diag" },
	{ "openat2", "receiving files safely", true, PLACE_HERE, probe_openat2, 0,
	  "use Linux 5.6 or newer" },
	{ "pidfd", "waiting for programs", true, PLACE_HERE, probe_pidfd, 0,
	  "use Linux 5.3 or newer" },
	{ "receive buffers", "fast transfers without drops", false, PLACE_NETWORK,
	  probe_receive_buffer, BUFFER_BYTES,
	  "run as root, or sysctl -w net.core.rmem_max=8388608" },
	{ "UDP_SEGMENT", "fast sending", false, PLACE_NETWORK, probe_segmentation, 0,
	  "use Linux 4.18 or newer" },
	{ "UDP_GRO", "fast receiving", false, PLACE_NETWORK, probe_coalescing, 0,
	  "use Linux 5.0 or newer" },
	{ "link rings", "fast impaired links", false, PLACE_NETWORK, probe_link_rings, 0,
	  KERNEL_HAS_IT " (packet(7), PACKET_TX_RING)" },
	{ "SCHED_FIFO", "exact delays on impaired links", false, PLACE_HERE, probe_realtime, 0,
	  "run as root (in a container with CAP_SYS_NICE), or set 'rtprio 1' in "
	  "/etc/security/limits.conf" },
	{ "sch_netem", "run --engine netem, the kernel's own impaired links", false, PLACE_NETWORK,
	  probe_netem, 0, NULL },
	{ "nft", "routers that translate addresses (masquerade, port-forward)", false,
	  PLACE_NETWORK, probe_nat, 0, NULL },
	{ "cgroup v2", "limits of programs, cpus and memory", false, PLACE_HERE, probe_cgroup2, 0,
	  NULL },
};
const size_t n_probes = sizeof(probes) / sizeof(probes[0]);
