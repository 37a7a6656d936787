/*
 * lb_log: a line for each connection, on standard output.
 *
 *	2026-11-21T13:58:18.123Z 10.0.0.1:40000 10.0.0.2:8001 up 78 down 5120 ms 1.204 done
 *
 * when it ended, the client, the backend (- when none took it), bytes to and
 * from the backend, how long it took, how it ended. Lines are collected and
 * written together; several processes may write to the same file or pipe, and
 * their lines stay whole.
 */
#ifndef NODES_LB_LOG_H
#define NODES_LB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lb_address.h"

#define LB_LOG_ROOM 65536 /* bytes */

struct lb_log {
	int fd; /* -1: nothing is logged */
	char buf[LB_LOG_ROOM];
	size_t len, room;
	uint64_t oldest; /* time_now() of the first line in it */
	uint64_t second; /* since 1970, that day holds as text */
	char day[sizeof("2026-11-21T13:58:18")];
	bool failed; /* to write */
};

struct lb_log_line {
	const union lb_address *client;
	const char *backend;
	const char *how;
	uint64_t up, down; /* bytes */
	uint64_t ns;	   /* that it took */
};

void lb_log_init(struct lb_log *log, int fd);
/* A connection that ended now: time_now() and time since 1970, ns. */
void lb_log_add(struct lb_log *log, const struct lb_log_line *line, uint64_t now, uint64_t real);
/* Write what is there; -1 when that failed, now or before. */
int lb_log_flush(struct lb_log *log);
/* When what is there should be written at the latest; UINT64_MAX: there is nothing. */
uint64_t lb_log_due(const struct lb_log *log);

#endif
