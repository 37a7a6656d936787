/* source: a file that is sent. Reading on in order comes from a block read ahead. */
#ifndef NODES_SOURCE_H
#define NODES_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "fail.h"

struct source {
	int fd;
	const char *path; /* borrowed, for errors */
	uint64_t size;	  /* bytes, when it was opened */
	uint8_t *block;
	uint64_t block_at; /* offset of the block */
	size_t block_len;
};

/* Regular files only. */
int source_open(struct source *s, const char *path, struct fail *f);
void source_close(struct source *s);
/* Exactly len bytes at offset; a file that has become shorter is an error. */
int source_read(struct source *s, uint64_t offset, void *buf, size_t len, struct fail *f);

#endif
