#include "lb_flow.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "scope.h"

#define CHUNK (1u << 20) /* asked of one splice(2); the pipe gives less */

/* What a step of a pump came to; the others are those of enum lb_pump. */
#define GO_ON -1

bool lb_flow_is_blocked(const struct lb_flow *f)
{
	return f->kept != NULL || (f->pipe != NULL && f->pipe->len != 0);
}

void lb_flow_done(struct lb_flow *f, struct lb_io *io)
{
	free(f->kept);
	f->kept = NULL;
	lb_pipes_give(&io->pipes, f->pipe);
	f->pipe = NULL;
}

static bool is_full(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK;
}

static ssize_t send_some(struct lb_flow *f, int to, const uint8_t *data, size_t len, int flags)
{
	int one = 1;

	/* The first segment never waits for an acknowledgement: many need no more than that. */
	if (f->nagle && f->bytes > 0) {
		setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		f->nagle = false;
	}

	ssize_t n = send(to, data, len, MSG_NOSIGNAL | flags);

	if (n > 0)
		f->bytes += (uint64_t)n;
	return n;
}

static int drain_kept(struct lb_flow *f, int to)
{
	ssize_t n = send_some(f, to, f->kept + f->start, f->end - f->start, 0);

	if (n < 0)
		return is_full() ? LB_PUMP_WAIT : LB_PUMP_WRITE_FAILED;
	f->start += (uint32_t)n;
	if (f->start < f->end)
		return LB_PUMP_WAIT;
	free(f->kept);
	f->kept = NULL;
	return GO_ON;
}

static int drain_pipe(struct lb_flow *f, int to)
{
	while (f->pipe->len != 0) {
		ssize_t n = splice(f->pipe->out, NULL, to, NULL, f->pipe->len,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n <= 0)
			return n < 0 && is_full() ? LB_PUMP_WAIT : LB_PUMP_WRITE_FAILED;
		f->pipe->len -= (size_t)n;
		f->bytes += (uint64_t)n;
	}
	return GO_ON;
}

static int fill_pipe(struct lb_flow *f, int from)
{
	ssize_t n = splice(from, NULL, f->pipe->in, NULL, CHUNK, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

	if (n < 0)
		return is_full() ? LB_PUMP_WAIT : LB_PUMP_READ_FAILED;
	f->pipe->len = (size_t)n;
	f->ended_in = n == 0;
	f->bulk = n >= LB_SMALL;
	return GO_ON;
}

/* Read behind what is there already when an end must follow; how many bytes there are then. */
static size_t read_end(struct lb_flow *f, int from, uint8_t *buf, size_t len)
{
	ssize_t n = recv(from, buf + len, LB_SMALL - len, 0);

	f->ended_in = n == 0;
	/* An error is told once: remember it. */
	f->failed_in = n < 0 && !is_full();
	return n > 0 ? len + (size_t)n : len;
}

static int copy(struct lb_flow *f, int from, int to, uint8_t *buf)
{
	ssize_t n = recv(from, buf, LB_SMALL, 0);

	if (n < 0)
		return is_full() ? LB_PUMP_WAIT : LB_PUMP_READ_FAILED;
	f->ended_in = n == 0;
	if (n == 0)
		return GO_ON;

	size_t len = (size_t)n;
	bool drained = len < LB_SMALL;

	f->bulk = !drained;
	if (drained && f->hung_up)
		len = read_end(f, from, buf, len);

	/* Data and FIN go in one segment: the end is told in the next step. */
	bool last = f->ended_in && f->open;
	ssize_t sent = send_some(f, to, buf, len, last ? MSG_MORE : 0);
	bool failed = sent < 0 && !is_full();

	if (sent < 0)
		sent = 0;
	if ((size_t)sent < len) {
		f->start = 0;
		f->end = (uint32_t)(len - (size_t)sent);
		f->kept = scope_alloc(f->end, 1);
		memcpy(f->kept, buf + sent, f->end);
		return failed ? LB_PUMP_WRITE_FAILED : LB_PUMP_WAIT;
	}
	/* A short read has emptied the socket (epoll(7)): what comes next is a new event. */
	return drained && !f->hung_up ? LB_PUMP_WAIT : GO_ON;
}

/* Everything is passed on: the end, too, when there is one. */
static int pass_end(struct lb_flow *f, int to)
{
	if (f->failed_in)
		return LB_PUMP_READ_FAILED;
	if (!f->ended_in)
		return GO_ON;
	if (!f->ended && f->open) {
		f->ended = true;
		shutdown(to, SHUT_WR);
	}
	return LB_PUMP_WAIT;
}

static int step(struct lb_flow *f, int from, int to, struct lb_io *io)
{
	int r = GO_ON;

	if (f->kept != NULL)
		r = drain_kept(f, to);
	else if (f->pipe != NULL)
		r = drain_pipe(f, to);
	if (r == GO_ON)
		r = pass_end(f, to);
	if (r != GO_ON)
		return r;
	if (f->bulk && f->open && f->pipe == NULL)
		f->pipe = lb_pipes_take(&io->pipes);
	return f->bulk && f->pipe != NULL ? fill_pipe(f, from) : copy(f, from, to, io->scratch);
}

enum lb_pump lb_flow_pump(struct lb_flow *f, int from, int to, struct lb_io *io)
{
	uint64_t turn = f->bytes + LB_TURN;
	int r = GO_ON;

	if (f->ended)
		return LB_PUMP_WAIT;
	while (r == GO_ON)
		r = f->bytes < turn ? step(f, from, to, io) : LB_PUMP_MORE;
	if (f->pipe != NULL && f->pipe->len == 0) {
		lb_pipes_give(&io->pipes, f->pipe);
		f->pipe = NULL;
	}
	return (enum lb_pump)r;
}
