/*
 * httpd_server: one process that serves HTTP with libmicrohttpd, in one of
 * its ways to use threads.
 *
 * The calling thread accepts connections and hands them to the library. So
 * what happens to those that wait when the limit is reached or when the server
 * stops is decided here, and several processes can share a listening socket:
 * it is watched with EPOLLEXCLUSIVE, which wakes one of them per connection.
 * SO_REUSEPORT would give every process a queue of its own instead; then what
 * has been queued for one that died or hangs waits for it, while others idle.
 *
 * In mode async the calling thread also runs the library's event loop.
 */
#ifndef NODES_HTTPD_SERVER_H
#define NODES_HTTPD_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fail.h"

#define HTTPD_STATUS_MAX 600

enum httpd_mode {
	HTTPD_ASYNC,
	HTTPD_THREAD,
	HTTPD_THREAD_POOL,
	HTTPD_PROCESS_POOL, /* each process serves as async does */
	HTTPD_N_MODES,
};

extern const char *const httpd_mode_names[HTTPD_N_MODES];

/* In memory that processes share. */
struct httpd_counts {
	_Atomic uint64_t connections; /* accepted */
	_Atomic uint64_t requests;    /* all, answered or not */
	_Atomic uint64_t bytes;	      /* of contents that were sent whole */
	_Atomic uint64_t aborted;     /* ended before the answer was sent whole */
	_Atomic uint64_t status[HTTPD_STATUS_MAX];
};

struct httpd_config {
	enum httpd_mode mode;
	unsigned workers;
	unsigned limit; /* connections of this process */
	unsigned timeout_s;
	uint64_t grace_ns; /* to finish what is under way */
	const char *name;  /* X-Served-By */
	bool quiet;
	int folder;
	int listen_fd;
	struct httpd_counts *counts;
};

/* Serve until SIGTERM or SIGINT, which the caller has blocked, then finish what is under way. */
int httpd_server_run(const struct httpd_config *config, struct fail *f);

/*
 * A listening socket; address NULL: all. ret_port: the one it got, for port 0. SIGTERM and SIGINT
 * are blocked before: who sees that it listens may tell it to stop at once.
 */
int httpd_server_listen(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
			struct fail *f);
/* A descriptor that says when SIGTERM, SIGINT or, if wanted, SIGCHLD came, and blocks them. */
int httpd_server_signals(bool with_children);

#endif
