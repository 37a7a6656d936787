/*
 * writer: memory for what was received and is not on the disk yet, in blocks,
 * and a thread that writes full blocks to their files past the page cache
 * (O_DIRECT of open(2)).
 *
 * Blocks are few and used again and again: their memory stays warm, whereas
 * the page cache takes fresh pages for every byte. All functions but
 * writer_drop() are for one thread; the file they are used for stays there
 * until writer_wait().
 */
#ifndef NODES_WRITER_H
#define NODES_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WRITER_BLOCK ((size_t)1 << 20)

struct writer;
struct block;

struct writer_file {
	int fd;
	int direct_fd;	   /* the same file, opened with O_DIRECT */
	unsigned pending;  /* blocks given to the thread and not written yet; the writer's */
	_Atomic int error; /* errno of the first write that failed */
};

/* NULL when there is no thread to be had. */
struct writer *writer_new(void);
void writer_free(struct writer *w);

/* A free block for *home, which has one user now. False when none is, or the disk is slow. */
bool writer_take(struct writer *w, struct block **home);
uint8_t *writer_bytes(const struct block *b);
/* Write its first len bytes at offset; the thread is a second user until that is done. */
void writer_write(struct block *b, struct writer_file *file, uint64_t offset, size_t len);
/* One user less. When it was the last, the block is free and *home is NULL. For any thread. */
void writer_drop(void *block);
/* Copy len bytes from a block that may be dropped meanwhile. False when it was. */
bool writer_copy(struct writer *w, struct block *const *home, size_t from, void *to, size_t len);
/* Until everything that was given for this file is written, or has failed. */
void writer_wait(struct writer *w, const struct writer_file *file);

#endif
