/*
 * Raw transfers: a file cut in datagrams of 1024 bytes, the last one short, and
 * nothing else; nobody answers. Several in one thread take turns, a datagram
 * each, and from a shared socket they interleave.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "digest.h"
#include "job.h"
#include "scope.h"
#include "source.h"
#include "udp.h"

#define RAW_DATAGRAM  1024
#define HEADERS	      28 /* bytes of IPv4 and UDP, for the rate */
#define LOOK_EVERY    64 /* datagrams between two looks at the stop signal and the deadline */
#define NO_BUFFERS_NS NS_PER_MS

struct stream {
	struct job *job;
	size_t index;
	struct source source;
	int fd;
	bool own_fd;
	uint64_t offset; /* bytes sent */
	struct digest *digest;
	struct sockaddr_storage to;
	socklen_t to_len;
};

struct round {
	const struct plan *plan;
	int stop_fd;
	struct stream *streams;
	size_t n;
	uint64_t pace_at; /* the rate allows the next datagram, ns */
	unsigned until_look;
	job_listener *notify;
	void *ctx;
};

static void sleep_until(uint64_t at)
{
	struct timespec ts = { .tv_sec = (time_t)(at / NS_PER_SEC),
			       .tv_nsec = (long)(at % NS_PER_SEC) };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}

static int open_stream(const struct plan *plan, struct stream *s, struct fail *f)
{
	struct job_result *r = s->job->result;

	if (source_open(&s->source, s->job->path, f) != 0)
		return -1;
	r->size = s->source.size;
	r->source_port = plan->shared_port;
	if (s->own_fd && udp_open(&s->job->to, s->job->source_port, plan->broadcast, &s->fd,
				  &r->source_port, f) != 0)
		return -1;
	s->to_len = peer_to_sockaddr(&s->job->to, peer_is_ipv4(&s->job->to) ? AF_INET : AF_INET6,
				     &s->to);
	s->digest = digest_new();
	return 0;
}

static void end_stream(struct round *r, struct stream *s, const char *error)
{
	struct job_result *result = s->job->result;

	result->has_hash = error == NULL;
	if (result->has_hash)
		(void)digest_end(s->digest, result->hash); /* fails only for files */
	digest_free(s->digest);
	source_close(&s->source);
	if (s->own_fd && s->fd >= 0)
		close(s->fd);
	job_end(s->job, error);
	r->notify(r->ctx, s->index);
}

/* Waits as long as the kernel has no room, as the blocking socket does anyway. */
static int send_all(struct stream *s, const uint8_t *buf, size_t len, struct fail *f)
{
	while (sendto(s->fd, buf, len, 0, (struct sockaddr *)&s->to, s->to_len) < 0) {
		if (errno == ENOBUFS)
			sleep_until(time_now() + NO_BUFFERS_NS);
		else if (errno != EINTR)
			return fail_set(f, errno, "send");
	}
	return 0;
}

static void pace(struct round *r, size_t len)
{
	uint64_t now = time_now();

	if (r->plan->rate_bps == 0)
		return;
	if (r->pace_at > now)
		sleep_until(r->pace_at);
	else if (r->pace_at + NS_PER_MS < now)
		r->pace_at = now;
	r->pace_at += (uint64_t)((double)(len + HEADERS) * 8e9 / (double)r->plan->rate_bps);
}

/* One datagram. 1: more follow, 0: that was all, -1: failed. */
static int send_next(struct round *r, struct stream *s, struct fail *f)
{
	uint8_t buf[RAW_DATAGRAM];
	uint64_t left = s->source.size - s->offset;
	size_t len = left < RAW_DATAGRAM ? (size_t)left : RAW_DATAGRAM;

	if (len == 0)
		return 0;
	pace(r, len);
	if (source_read(&s->source, s->offset, buf, len, f) != 0 || send_all(s, buf, len, f) != 0)
		return -1;
	digest_add(s->digest, buf, len);
	s->offset += len;
	s->job->result->datagrams++;
	return s->offset < s->source.size;
}

/* Why everything has to stop now, or NULL. */
static const char *look(struct round *r)
{
	struct pollfd p = { .fd = r->stop_fd, .events = POLLIN };

	if (r->until_look-- > 0)
		return NULL;
	r->until_look = LOOK_EVERY;
	if (time_now() >= r->plan->deadline_ns)
		return "the deadline has passed";
	return r->stop_fd >= 0 && poll(&p, 1, 0) > 0 ? "stopped by a signal" : NULL;
}

static void start(struct round *r, size_t index)
{
	struct stream *s = &r->streams[r->n];
	struct fail f;

	*s = (struct stream){
		.job = &r->plan->jobs[index],
		.index = index,
		.source.fd = -1,
		.fd = r->plan->shared_fd,
		.own_fd = r->plan->shared_fd < 0,
	};
	job_begin(s->job);
	if (open_stream(r->plan, s, &f) != 0)
		end_stream(r, s, f.msg);
	else
		r->n++;
}

/* A datagram of every stream; streams that end leave, the others keep their order. */
static void turn(struct round *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->n; i++) {
		struct stream *s = &r->streams[i];
		struct fail f;
		const char *stop = look(r);
		int more = stop == NULL ? send_next(r, s, &f) : -1;

		if (more > 0)
			r->streams[kept++] = *s;
		else
			end_stream(r, s, more == 0 ? NULL : stop != NULL ? stop : f.msg);
	}
	r->n = kept;
}

void raw_run(const struct plan *plan, const size_t *jobs, size_t n, int stop_fd,
	     job_listener *notify, void *ctx)
{
	size_t most = job_most_at_once();
	struct round r = {
		.plan = plan,
		.stop_fd = stop_fd,
		.streams = scope_alloc(n < most ? n : most, sizeof(*r.streams)),
		.notify = notify,
		.ctx = ctx,
	};

	for (size_t next = 0; next < n || r.n > 0;) {
		for (; next < n && r.n < most; next++)
			start(&r, jobs[next]);
		turn(&r);
	}
	free(r.streams);
}
