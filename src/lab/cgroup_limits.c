/* One program's part of a run's cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "lab/cgroup.h"
#include "lab/cgroup_files.h"

#define PERIOD_US 100000 /* the kernel's own default of cpu.max */

/* Without swap a program that needs more is killed, and not slow; kernels without swap lack it. */
static int limit_memory(const char *path, uint64_t memory, struct err *e)
{
	cleanup_free char *bytes = text_format("%" PRIu64, memory);

	if (cgroup_write(path, "memory.max", bytes, e) != 0 ||
	    cgroup_write(path, "memory.oom.group", "1", e) != 0)
		return -1;
	return cgroup_write(path, "memory.swap.max", "0", e) == 0 || e->num == ENOENT ? 0 : -1;
}

static int limit_cpus(const char *path, double cpus, struct err *e)
{
	cleanup_free char *share = text_format("%.0f %d", cpus * PERIOD_US, PERIOD_US);

	return cgroup_write(path, "cpu.max", share, e);
}

int cgroup_add(const struct cgroup *c, const char *name, double cpus, uint64_t memory,
	       struct err *e)
{
	cleanup_free char *path = text_format("%s/%s", c->path, name);

	if (mkdir(path, 0755) != 0)
		return err_set(e, errno, "make %s", path);
	if (cpus > 0 && limit_cpus(path, cpus, e) != 0)
		return -1;
	return memory != 0 ? limit_memory(path, memory, e) : 0;
}

uint64_t cgroup_count_kills(int child)
{
	cleanup_close int fd = openat(child, "memory.events", O_RDONLY | O_CLOEXEC);
	char buf[1024];
	ssize_t n = fd >= 0 ? read(fd, buf, sizeof(buf) - 1) : -1;

	if (n <= 0)
		return 0;
	buf[n] = '\0';
	/* Killed because the machine had no memory left, it was not at its own limit. */
	return cgroup_count(buf, "oom") != 0 ? cgroup_count(buf, "oom_kill") : 0;
}

int cgroup_enter(int child, struct err *e)
{
	/* 0: the writer itself, whatever its pid is in its namespace. */
	return cgroup_write_at(child, "cgroup.procs", "0", e);
}
