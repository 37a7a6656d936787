/*
 * httpd_log: lines to stdout, gathered. Written in one piece of whole lines that fits into a
 * pipe's atomic write, so that lines of several processes never mix; at the latest
 * HTTPD_LOG_DELAY_NS after the first of them, if the owner calls httpd_log_work().
 */
#ifndef NODES_HTTPD_LOG_H
#define NODES_HTTPD_LOG_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTPD_LOG_ROOM	   4096 /* bytes: PIPE_BUF */
#define HTTPD_LOG_DELAY_NS UINT64_C(20000000)

struct httpd_log {
	pthread_mutex_t lock;
	size_t used;
	uint64_t due; /* ns; UINT64_MAX: nothing is waiting */
	bool broken;  /* nobody reads it any more */
	char buf[HTTPD_LOG_ROOM];
};

void httpd_log_init(struct httpd_log *log);
/* Add a line of at most HTTPD_LOG_ROOM bytes. True when it is the first one to wait. */
bool httpd_log_add(struct httpd_log *log, const char *line, size_t len);
/* Write what is due. Returns when to call again: UINT64_MAX when nothing waits. */
uint64_t httpd_log_work(struct httpd_log *log, uint64_t now);
void httpd_log_flush(struct httpd_log *log);

#endif
