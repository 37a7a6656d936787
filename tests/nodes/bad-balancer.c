/*
 * bad-balancer: a load balancer with one fault, for testing that a lab sees it.
 *
 *	bad-balancer FAULT PORT HOST:PORT...
 *
 *	silent		accepts, answers nothing, closes after a while
 *	partial		gives every connection to the first backend
 *	truncate	ends answers a few bytes into the body; headers are whole
 *	pretend		connects to all backends each time, and asks the first
 *	forget		reads some of the first requests, and closes
 *
 * One process per connection, IPv4 addresses only: it has to be wrong, not fast.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SILENCE_MS   300
#define BODY_BYTES   10 /* of a body that is cut short */
#define BACKENDS_MAX 64
#define FORGOTTEN    4 /* one of ten, until they are so many */

enum fault {
	SILENT,
	PARTIAL,
	TRUNCATE,
	PRETEND,
	FORGET,
	N_FAULTS,
};

static const char *const words[N_FAULTS] = { "silent", "partial", "truncate", "pretend", "forget" };

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(99);
}

static _Noreturn void die_of_usage(void)
{
	fprintf(stderr, "usage: bad-balancer FAULT PORT ADDRESS:PORT...\n");
	exit(2);
}

static enum fault parse_fault(const char *word)
{
	for (int i = 0; i < N_FAULTS; i++)
		if (strcmp(word, words[i]) == 0)
			return (enum fault)i;
	die_of_usage();
}

static struct sockaddr_in parse_backend(const char *text)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	char address[INET_ADDRSTRLEN] = "";
	const char *colon = strrchr(text, ':');

	if (colon == NULL || (size_t)(colon - text) >= sizeof(address))
		die_of_usage();
	memcpy(address, text, (size_t)(colon - text));
	sa.sin_port = htons((uint16_t)atoi(colon + 1));
	if (inet_pton(AF_INET, address, &sa.sin_addr) != 1)
		die_of_usage();
	return sa;
}

static int listen_on(const char *port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) != 0 || listen(fd, 4096) != 0)
		die("listen");
	return fd;
}

static void send_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			exit(0);
		data += n;
		len -= (size_t)n;
	}
}

/* Of len bytes of an answer those that may still pass; fewer than len: the rest is cut off. */
static size_t cut_body(char *answer, size_t len)
{
	static size_t left; /* of the body, once its headers are through */
	static bool in_body;
	char *body = in_body ? answer : memmem(answer, len, "\r\n\r\n", 4);

	if (body == NULL)
		return len;
	if (!in_body) {
		in_body = true;
		left = BODY_BYTES;
		body += 4;
	}

	size_t ahead = (size_t)(body - answer), pass = ahead + left;

	if (pass >= len) {
		left -= len - ahead;
		return len;
	}
	return pass;
}

/* What came from one side goes to the other; false at its end. */
static bool pass(int from, int to, bool cut)
{
	char buf[65536];
	ssize_t n = recv(from, buf, sizeof(buf), 0);

	if (n <= 0) {
		shutdown(to, SHUT_WR);
		return false;
	}

	size_t may = cut ? cut_body(buf, (size_t)n) : (size_t)n;

	send_all(to, buf, may);
	if (may < (size_t)n)
		exit(0);
	return true;
}

static void relay(int client, int backend, bool cut)
{
	struct pollfd p[] = { { .fd = client, .events = POLLIN },
			      { .fd = backend, .events = POLLIN } };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (poll(p, 2, -1) < 0)
			die("poll");
		if (p[0].revents != 0 && !pass(client, backend, false))
			p[0].fd = -1;
		if (p[1].revents != 0 && !pass(backend, client, cut))
			p[1].fd = -1;
	}
}

/* What was asked is read, so that the end looks like a proper one. */
static void be_silent(int client)
{
	char buf[65536];

	poll(NULL, 0, SILENCE_MS);
	while (recv(client, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

static int connect_to(const struct sockaddr_in *backend)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (const struct sockaddr *)backend, sizeof(*backend)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* To the backend whose turn it is, or the next one that is there. */
static int connect_in_turn(const struct sockaddr_in *backends, unsigned n, unsigned turn)
{
	int fd = -1;

	for (unsigned i = 0; i < n && fd < 0; i++)
		fd = connect_to(&backends[(turn + i) % n]);
	return fd;
}

static bool forgets(enum fault fault, unsigned turn)
{
	return fault == FORGET && turn % 10 == 0 && turn < 10 * FORGOTTEN;
}

static _Noreturn void serve(enum fault fault, int client, const struct sockaddr_in *backends,
			    unsigned n, unsigned turn)
{
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (fault == SILENT || forgets(fault, turn)) {
		be_silent(client);
		exit(0);
	}
	if (fault == PARTIAL || fault == PRETEND)
		turn = 0;
	fd = connect_in_turn(backends, n, turn);
	for (unsigned i = 1; fault == PRETEND && i < n; i++)
		connect_to(&backends[i]);
	if (fd >= 0)
		relay(client, fd, fault == TRUNCATE);
	exit(0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in backends[BACKENDS_MAX];
	unsigned n = argc > 3 ? (unsigned)argc - 3 : 0;

	if (n == 0 || n > BACKENDS_MAX)
		die_of_usage();

	enum fault fault = parse_fault(argv[1]);

	for (unsigned i = 0; i < n; i++)
		backends[i] = parse_backend(argv[3 + i]);
	signal(SIGCHLD, SIG_IGN); /* children leave no zombies */

	int listener = listen_on(argv[2]);

	for (unsigned turn = 0;; turn++) {
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		pid_t pid = client >= 0 ? fork() : -1;

		if (pid == 0)
			serve(fault, client, backends, n, turn);
		if (client >= 0)
			close(client);
	}
}
