/* The balancer's pure parts: addresses, turns and retries, pipes, flows over socket pairs, the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "lb_address.h"
#include "lb_flow.h"
#include "lb_log.h"
#include "lb_pipes.h"
#include "lb_ring.h"
#include "scope.h"

#define RETRY NS_PER_SEC

static struct fail f;

static void test_split(void **state)
{
	char host[LB_HOST_LEN];
	uint16_t port;

	(void)state;
	assert_int_equal(lb_address_split("web-1:8001", host, &port, &f), 0);
	assert_string_equal(host, "web-1");
	assert_int_equal(port, 8001);
	assert_int_equal(lb_address_split("[fe80::1]:80", host, &port, &f), 0);
	assert_string_equal(host, "fe80::1");
	assert_int_equal(lb_address_split(":443", host, &port, &f), 0);
	assert_string_equal(host, "");
	assert_int_equal(lb_address_split("443", host, &port, &f), 0);
	assert_string_equal(host, "");
	assert_int_equal(port, 443);
}

static void test_split_refuses(void **state)
{
	static const char *const bad[] = { "",		"web",	   "web:",	 "web:0",
					   "web:65536", "::1",	   "fe80::1:80", "[::1]",
					   "[::1",	"[::1]80", "web:80x",	 "[:80" };
	char host[LB_HOST_LEN], longer[LB_HOST_LEN + 8];
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(lb_address_split(bad[i], host, &port, &f), -1);
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + LB_HOST_LEN, ":80", 4);
	assert_int_equal(lb_address_split(longer, host, &port, &f), -1);
	assert_string_equal(f.msg, "a host of 256 characters is too long");
	lb_address_split("::1:80", host, &port, &f);
	assert_string_equal(f.msg, "'::1:80': write an IPv6 address as [ADDRESS]:PORT");
}

static void test_resolve_and_text(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1", "::ffff:10.0.0.1" };
	static const char *const texts[] = { "127.0.0.1:80", "[::1]:80", "10.0.0.1:80" };
	union lb_address a[LB_ADDRESSES];
	char text[LB_TEXT_LEN];
	unsigned n;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(lb_address_resolve(hosts[i], 80, a, &n, &f), 0);
		assert_int_equal(n, 1);
		assert_string_equal(lb_address_text(text, &a[0]), texts[i]);
	}
	assert_int_equal(lb_address_resolve("no such host", 80, a, &n, &f), -1);
}

static struct lb_ring *new_ring(unsigned n)
{
	struct lb_ring *ring;

	assert_int_equal(lb_ring_new(n, &ring, &f), 0);
	return ring;
}

static void test_turns(void **state)
{
	struct lb_ring *ring = new_ring(3);

	(void)state;
	for (int i = 0; i < 300; i++)
		assert_int_equal(lb_ring_pick(ring, 0, 1, RETRY), i % 3);
	lb_ring_free(ring);
}

/* The share of one that is down goes to all others alike. */
static void test_down(void **state)
{
	struct lb_ring *ring = new_ring(3);
	unsigned turns[3] = { 0 };

	(void)state;
	lb_ring_failed(ring, 1, 1000, RETRY);
	for (int i = 0; i < 300; i++)
		turns[lb_ring_pick(ring, 0, 1000, RETRY)]++;
	assert_int_equal(turns[0], 150);
	assert_int_equal(turns[1], 0);
	assert_int_equal(turns[2], 150);
	assert_int_equal(ring->backends[1].failures, 1);
	lb_ring_free(ring);
}

/* One connection tries it when its time has come; the others wait for what that finds out. */
static void test_retry(void **state)
{
	struct lb_ring *ring = new_ring(2);
	uint64_t later = 1000 + RETRY;
	unsigned tries = 0;

	(void)state;
	lb_ring_failed(ring, 0, 1000, RETRY);
	for (int i = 0; i < 10; i++)
		tries += lb_ring_pick(ring, 0, later - 1, RETRY) == 0;
	assert_int_equal(tries, 0);
	for (int i = 0; i < 10; i++)
		tries += lb_ring_pick(ring, 0, later, RETRY) == 0;
	assert_int_equal(tries, 1);
	lb_ring_worked(ring, 0);
	for (int i = 0; i < 10; i++)
		tries += lb_ring_pick(ring, 0, later, RETRY) == 0;
	assert_int_equal(tries, 1 + 5);
	lb_ring_free(ring);
}

static void test_tried(void **state)
{
	struct lb_ring *ring = new_ring(3);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(lb_ring_pick(ring, 1 | 4, 1, RETRY), 1);
	assert_int_equal(lb_ring_pick(ring, 1 | 2 | 4, 1, RETRY), -1);
	/* All are down: better than none. */
	for (unsigned i = 0; i < 3; i++)
		lb_ring_failed(ring, i, 1, RETRY);
	assert_int_equal(lb_ring_pick(ring, 1 | 2, 1, RETRY), 2);
	assert_true(lb_ring_pick(ring, 0, 1, RETRY) >= 0);
	lb_ring_free(ring);
}

/* Four processes that draw 3000 turns each: exact, whoever was first. */
static void test_turns_of_processes(void **state)
{
	struct lb_ring *ring = new_ring(3);
	int status;

	(void)state;
	for (int p = 0; p < 4; p++) {
		if (fork() != 0)
			continue;
		for (int i = 0; i < 3000; i++)
			lb_ring_worked(ring, (unsigned)lb_ring_pick(ring, 0, 1, RETRY));
		_exit(0);
	}
	for (int p = 0; p < 4; p++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(ring->backends[i].connections, 4000);
	lb_ring_free(ring);
}

static void test_pipes(void **state)
{
	struct lb_pipes p;

	(void)state;
	lb_pipes_init(&p, 2);

	struct lb_pipe *a = lb_pipes_take(&p), *b = lb_pipes_take(&p);

	assert_non_null(a);
	assert_non_null(b);
	assert_null(lb_pipes_take(&p));
	lb_pipes_give(&p, a);
	assert_ptr_equal(lb_pipes_take(&p), a);
	/* Nobody gets another one's bytes. */
	assert_int_equal(write(a->in, "x", 1), 1);
	a->len = 1;
	lb_pipes_give(&p, a);
	assert_int_equal(p.n, 1);
	assert_int_equal(p.n_idle, 0);
	lb_pipes_give(&p, b);
	assert_true(lb_pipes_trim(&p));
	assert_false(lb_pipes_trim(&p));
	assert_int_equal(p.n, 0);
	lb_pipes_done(&p);
}

struct wire {
	int client[2], backend[2]; /* the far end, the flow's end */
	struct lb_io *io;
	struct lb_flow flow;
};

static void wire_init(struct wire *w, unsigned pipes)
{
	*w = (struct wire){ .flow.open = true, .io = scope_alloc(1, sizeof(*w->io)) };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, w->backend), 0);
	lb_pipes_init(&w->io->pipes, pipes);
}

static void wire_done(struct wire *w)
{
	for (int i = 0; i < 2; i++) {
		close(w->client[i]);
		close(w->backend[i]);
	}
	lb_flow_done(&w->flow, w->io);
	lb_pipes_done(&w->io->pipes);
	free(w->io);
}

static enum lb_pump pump(struct wire *w)
{
	return lb_flow_pump(&w->flow, w->client[1], w->backend[1], w->io);
}

static void test_flow_end(void **state)
{
	struct wire w;
	char buf[16];

	(void)state;
	wire_init(&w, 4);
	assert_int_equal(write(w.client[0], "hello", 5), 5);
	shutdown(w.client[0], SHUT_WR);
	w.flow.hung_up = true;
	assert_int_equal(pump(&w), LB_PUMP_WAIT);
	assert_int_equal(read(w.backend[0], buf, sizeof(buf)), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(read(w.backend[0], buf, sizeof(buf)), 0);
	assert_true(w.flow.ended);
	assert_int_equal(w.flow.bytes, 5);
	wire_done(&w);
}

/* An end waits until the other side is connected, where shutdown(2) would undo connect(2). */
static void test_flow_not_open(void **state)
{
	struct wire w;
	char buf[16];

	(void)state;
	wire_init(&w, 4);
	w.flow.open = false;
	shutdown(w.client[0], SHUT_WR);
	assert_int_equal(pump(&w), LB_PUMP_WAIT);
	assert_true(w.flow.ended_in);
	assert_int_equal(read(w.backend[0], buf, sizeof(buf)), -1);
	w.flow.open = true;
	assert_int_equal(pump(&w), LB_PUMP_WAIT);
	assert_int_equal(read(w.backend[0], buf, sizeof(buf)), 0);
	wire_done(&w);
}

/* 4 MiB to a reader who takes some now and then; with and without pipes. */
static void pass_much(unsigned pipes)
{
	enum { TOTAL = 4 << 20 };
	uint8_t *sent = scope_alloc(TOTAL, 1), *got = scope_alloc(TOTAL, 1);
	size_t n_sent = 0, n_got = 0;
	bool was_blocked = false;
	struct wire w;

	wire_init(&w, pipes);
	for (size_t i = 0; i < TOTAL; i++)
		sent[i] = (uint8_t)(i * 2654435761u >> 24);
	while (n_got < TOTAL) {
		ssize_t n = n_sent < TOTAL ? write(w.client[0], sent + n_sent, TOTAL - n_sent) : 0;

		n_sent += n > 0 ? (size_t)n : 0;

		enum lb_pump r = pump(&w);

		assert_true(r == LB_PUMP_WAIT || r == LB_PUMP_MORE);
		was_blocked = was_blocked || lb_flow_is_blocked(&w.flow);
		n = read(w.backend[0], got + n_got, 50000);
		n_got += n > 0 ? (size_t)n : 0;
	}
	assert_true(was_blocked);
	assert_memory_equal(sent, got, TOTAL);
	assert_int_equal(w.flow.bytes, TOTAL);
	assert_int_equal(w.io->pipes.n > 0, pipes > 0);
	wire_done(&w);
	free(sent);
	free(got);
}

static void test_flow_much(void **state)
{
	(void)state;
	pass_much(4);
	pass_much(0);
}

static void test_flow_write_failed(void **state)
{
	struct wire w;

	(void)state;
	wire_init(&w, 4);
	assert_int_equal(write(w.client[0], "hello", 5), 5);
	close(w.backend[0]);
	assert_int_equal(pump(&w), LB_PUMP_WRITE_FAILED);
	/* For the next backend. */
	assert_true(lb_flow_is_blocked(&w.flow));
	assert_int_equal(w.flow.bytes, 0);
	w.backend[0] = dup(w.backend[1]);
	wire_done(&w);
}

static void test_log(void **state)
{
	struct lb_log *log = scope_alloc(1, sizeof(*log));
	struct lb_log_line line = {
		.backend = "web:80", .how = "done", .up = 1, .down = 20, .ns = 1234567
	};
	char buf[256] = "";
	unsigned n;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	union lb_address a[LB_ADDRESSES];

	assert_int_equal(lb_address_resolve("10.0.0.1", 4000, a, &n, &f), 0);
	line.client = &a[0];
	lb_log_init(log, fd[1]);
	assert_true(lb_log_due(log) == UINT64_MAX);
	lb_log_add(log, &line, 5, 1700000000 * NS_PER_SEC + 7 * NS_PER_MS);
	assert_true(lb_log_due(log) > 5 && lb_log_due(log) < NS_PER_SEC);
	assert_int_equal(lb_log_flush(log), 0);
	assert_true(read(fd[0], buf, sizeof(buf) - 1) > 0);
	assert_string_equal(buf, "2023-11-14T22:13:20.007Z 10.0.0.1:4000 web:80 up 1 down 20 "
				 "ms 1.234 done\n");
	close(fd[0]);
	close(fd[1]);
	free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_split_refuses),
		cmocka_unit_test(test_resolve_and_text),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_tried),
		cmocka_unit_test(test_turns_of_processes),
		cmocka_unit_test(test_pipes),
		cmocka_unit_test(test_flow_end),
		cmocka_unit_test(test_flow_not_open),
		cmocka_unit_test(test_flow_much),
		cmocka_unit_test(test_flow_write_failed),
		cmocka_unit_test(test_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
