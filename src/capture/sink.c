#include "capture/sink.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define MIB ((size_t)1 << 20)
/* 0.7 GB/s: a way that is faster is good enough, and what is slower is worth trying the other. */
#define SLOW_NS_PER_MIB (3 * NS_PER_MS / 2)
/* The weight of the newest write in the average. */
#define NEWEST 8

int sink_open(struct sink *s, const char *path, struct err *e)
{
	*s = (struct sink){ .path = text_dup(path) };
	s->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (s->fd < 0)
		return err_set(e, errno, "create %s", path);
	return 0;
}

static void go(struct sink *s, enum sink_way way)
{
	int flags = fcntl(s->fd, F_GETFL);

	if (way == s->way || (way == SINK_DIRECT && s->no_direct))
		return;
	flags = way == SINK_DIRECT ? flags | O_DIRECT : flags & ~O_DIRECT;
	if (fcntl(s->fd, F_SETFL, flags) == 0)
		s->way = way;
	else
		s->no_direct = true;
}

static int write_all(struct sink *s, const char *bytes, size_t len, struct err *e)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pwrite(s->fd, bytes + done, len - done, (off_t)(s->len + done));

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EINVAL && s->way == SINK_DIRECT) {
			go(s, SINK_CACHED);
			s->no_direct = true;
		} else if (errno != EINTR) {
			return err_set(e, errno, "write %s", s->path);
		}
	}
	s->len += len;
	return 0;
}

/* Only writes of a good size say how fast a way is. */
static void learn(struct sink *s, size_t len, uint64_t took_ns)
{
	enum sink_way other = s->way == SINK_DIRECT ? SINK_CACHED : SINK_DIRECT;
	uint64_t *cost = &s->cost[s->way];
	uint64_t this_cost = took_ns * MIB / (len != 0 ? len : 1);

	if (len < MIB / 2)
		return;
	*cost = *cost != 0 ? (*cost * (NEWEST - 1) + this_cost) / NEWEST : this_cost;
	if (*cost > SLOW_NS_PER_MIB && s->cost[other] < *cost)
		go(s, other);
}

int sink_write(struct sink *s, const void *bytes, size_t len, struct err *e)
{
	uint64_t before = clock_ns();

	if (len % SINK_ALIGNMENT != 0)
		go(s, SINK_CACHED);
	if (write_all(s, bytes, len, e) != 0)
		return -1;
	learn(s, len, clock_ns() - before);
	return 0;
}

int sink_take_back(struct sink *s, void *bytes, size_t len, struct err *e)
{
	char *p = bytes;

	if (len % SINK_ALIGNMENT != 0)
		go(s, SINK_CACHED);
	s->len -= len;
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(s->fd, p + done, len - done, (off_t)(s->len + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, n < 0 ? errno : EIO, "read %s back", s->path);
		done += (size_t)n;
	}
	return 0;
}

int sink_close(struct sink *s, struct err *e)
{
	int fd = take_fd(&s->fd);

	/* The last chance of some file systems (NFS, quotas) to say that it did not fit. */
	if (close(fd) != 0)
		return err_set(e, errno, "close %s", s->path);
	return 0;
}

void sink_done(struct sink *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
}
