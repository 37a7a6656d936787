/*
 * sink: a file that grows by large writes, through the page cache or around it
 * (O_DIRECT, open(2)), whichever is faster at the moment.
 *
 * Small captures never leave the page cache. One of gigabytes may find it slow:
 * when it throttles because too much is dirty, or when every fresh page costs a
 * virtual machine a fault in its host (0.4 GB/s was measured so, where the disk
 * took 2 GB/s).
 */
#ifndef HARNESS_CAPTURE_SINK_H
#define HARNESS_CAPTURE_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* What offsets, lengths and addresses are multiples of, except the last length. */
#define SINK_ALIGNMENT 4096

enum sink_way {
	SINK_CACHED,
	SINK_DIRECT,
	N_SINK_WAYS,
};

struct sink {
	int fd;
	char *path;
	uint64_t len; /* bytes written */
	enum sink_way way;
	bool no_direct;		    /* the file system cannot */
	uint64_t cost[N_SINK_WAYS]; /* ns per mebibyte lately; 0: not tried */
};

/* Creates (truncates) the file. */
int sink_open(struct sink *s, const char *path, struct err *e);
int sink_write(struct sink *s, const void *bytes, size_t len, struct err *e);
/* Take the last len bytes off the end again, into bytes. */
int sink_take_back(struct sink *s, void *bytes, size_t len, struct err *e);
int sink_close(struct sink *s, struct err *e);
/* Closes the file if that was not done. */
void sink_done(struct sink *s);

#endif
