#include "writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scope.h"

#define N_BLOCKS  32U
#define HUGE_PAGE ((size_t)2 << 20)
/* A disk slower than 200 MB/s, over as many blocks, is not worth waiting for: the cache is faster. */
#define PATIENCE_NS (5 * NS_PER_MS)
#define ENOUGH	    8U

struct block {
	uint8_t *bytes;
	struct writer *writer;
	struct block **home;
	unsigned users;
	struct block *next; /* free, or to be written */
	struct writer_file *file;
	uint64_t offset;
	size_t len;
};

struct writer {
	pthread_t thread;
	pthread_mutex_t lock; /* of everything but the blocks' bytes */
	pthread_cond_t given, written;
	uint8_t *memory;
	struct block blocks[N_BLOCKS];
	struct block *free; /* the one used last is used next: it is in the processor's cache */
	struct block *first, **last; /* to be written */
	uint64_t took_ns;	     /* by as many writes */
	uint64_t n_written;
	bool end;
};

static void drop(struct block *b)
{
	if (--b->users > 0)
		return;
	*b->home = NULL;
	b->next = b->writer->free;
	b->writer->free = b;
}

/* The rest goes through the page cache: where O_DIRECT does not work, and an end that is odd. */
static int write_block(const struct block *b)
{
	int fd = b->len == WRITER_BLOCK ? b->file->direct_fd : b->file->fd;

	for (size_t done = 0; done < b->len;) {
		ssize_t n = pwrite(fd, b->bytes + done, b->len - done, (off_t)(b->offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (fd == b->file->fd || errno != EINVAL))
			return errno;
		if (n == 0)
			return ENOSPC;
		done += n > 0 ? (size_t)n : 0;
		fd = b->file->fd;
	}
	return 0;
}

static struct block *next_block(struct writer *w)
{
	struct block *b;

	while (w->first == NULL && !w->end)
		pthread_cond_wait(&w->given, &w->lock);
	b = w->first;
	if (b == NULL)
		return NULL;
	w->first = b->next;
	if (w->first == NULL)
		w->last = &w->first;
	return b;
}

static void *write_blocks(void *arg)
{
	struct writer *w = arg;
	struct block *b;

	pthread_mutex_lock(&w->lock);
	while ((b = next_block(w)) != NULL) {
		pthread_mutex_unlock(&w->lock);

		uint64_t began_ns = time_now();
		int num = write_block(b), none = 0;

		pthread_mutex_lock(&w->lock);
		w->took_ns += time_now() - began_ns;
		w->n_written++;
		if (num != 0)
			atomic_compare_exchange_strong(&b->file->error, &none, num);
		b->file->pending--;
		drop(b);
		pthread_cond_signal(&w->written);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void forget(struct writer *w)
{
	pthread_cond_destroy(&w->written);
	pthread_cond_destroy(&w->given);
	pthread_mutex_destroy(&w->lock);
	free(w->memory);
	free(w);
}

struct writer *writer_new(void)
{
	struct writer *w = scope_alloc(1, sizeof(*w));

	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->given, NULL);
	pthread_cond_init(&w->written, NULL);
	/* Pages of blocks that are never used are never touched. */
	w->memory = aligned_alloc(HUGE_PAGE, N_BLOCKS * WRITER_BLOCK);
	for (unsigned i = 0; i < N_BLOCKS; i++) {
		struct block *b = &w->blocks[i];

		*b = (struct block){ .bytes = w->memory + i * WRITER_BLOCK, .writer = w };
		b->next = i + 1 < N_BLOCKS ? b + 1 : NULL;
	}
	w->free = w->blocks;
	if (w->memory == NULL || pthread_create(&w->thread, NULL, write_blocks, w) != 0) {
		forget(w);
		return NULL;
	}
	/* Large pages cost less to hand to the disk; it works without. */
	(void)madvise(w->memory, N_BLOCKS * WRITER_BLOCK, MADV_HUGEPAGE);
	return w;
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	pthread_mutex_lock(&w->lock);
	w->end = true;
	pthread_cond_signal(&w->given);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	forget(w);
}

static bool is_slow(const struct writer *w)
{
	return w->n_written >= ENOUGH && w->took_ns / w->n_written > PATIENCE_NS;
}

bool writer_take(struct writer *w, struct block **home)
{
	pthread_mutex_lock(&w->lock);

	struct block *b = is_slow(w) ? NULL : w->free;

	if (b != NULL) {
		w->free = b->next;
		b->home = home;
		b->users = 1;
		*home = b;
	}
	pthread_mutex_unlock(&w->lock);
	return b != NULL;
}

uint8_t *writer_bytes(const struct block *b)
{
	return b->bytes;
}

void writer_write(struct block *b, struct writer_file *file, uint64_t offset, size_t len)
{
	struct writer *w = b->writer;

	pthread_mutex_lock(&w->lock);
	b->file = file;
	b->offset = offset;
	b->len = len;
	b->next = NULL;
	b->users++;
	file->pending++;
	*w->last = b;
	w->last = &b->next;
	pthread_cond_signal(&w->given);
	pthread_mutex_unlock(&w->lock);
}

void writer_drop(void *block)
{
	struct block *b = block;
	struct writer *w = b->writer;

	pthread_mutex_lock(&w->lock);
	drop(b);
	pthread_mutex_unlock(&w->lock);
}

bool writer_copy(struct writer *w, struct block *const *home, size_t from, void *to, size_t len)
{
	pthread_mutex_lock(&w->lock);

	bool here = *home != NULL;

	if (here)
		memcpy(to, (*home)->bytes + from, len);
	pthread_mutex_unlock(&w->lock);
	return here;
}

void writer_wait(struct writer *w, const struct writer_file *file)
{
	pthread_mutex_lock(&w->lock);
	while (file->pending > 0)
		pthread_cond_wait(&w->written, &w->lock);
	pthread_mutex_unlock(&w->lock);
}
