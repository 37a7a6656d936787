#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "scope.h"

#define BLOCK 131072U /* stays in the processor's second cache between reading and sending */

int source_open(struct source *s, const char *path, struct fail *f)
{
	struct stat st;

	/* O_NONBLOCK: opening a FIFO must not wait for someone to write to it. */
	*s = (struct source){ .path = path, .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	if (s->fd < 0)
		return fail_set(f, errno, "open '%s'", path);
	if (fstat(s->fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(s->fd);
		s->fd = -1;
		return fail_set(f, 0, "'%s' is not a regular file", path);
	}
	s->size = (uint64_t)st.st_size;
	s->block = scope_alloc(s->size < BLOCK ? (size_t)s->size : BLOCK, 1);
	return 0;
}

void source_close(struct source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->block);
	*s = (struct source){ .fd = -1 };
}

static int read_at(struct source *s, uint64_t offset, uint8_t *buf, size_t len, struct fail *f)
{
	while (len > 0) {
		ssize_t n = pread(s->fd, buf, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_set(f, errno, "read '%s'", s->path);
		if (n == 0)
			return fail_set(f, 0, "'%s' became shorter while it was sent", s->path);
		buf += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_block(struct source *s, uint64_t offset, struct fail *f)
{
	uint64_t left = s->size - offset;

	s->block_at = offset;
	s->block_len = 0;
	if (read_at(s, offset, s->block, left < BLOCK ? (size_t)left : BLOCK, f) != 0)
		return -1;
	s->block_len = left < BLOCK ? (size_t)left : BLOCK;
	return 0;
}

int source_read(struct source *s, uint64_t offset, void *buf, size_t len, struct fail *f)
{
	uint8_t *to = buf;
	uint64_t end = s->block_at + s->block_len;

	/* Anything but reading on (a repair, most often) leaves the block alone. */
	if (offset < s->block_at || offset > end)
		return read_at(s, offset, to, len, f);
	while (len > 0) {
		if (offset == end && read_block(s, offset, f) != 0)
			return -1;
		end = s->block_at + s->block_len;

		size_t n = end - offset < len ? (size_t)(end - offset) : len;

		memcpy(to, s->block + (offset - s->block_at), n);
		to += n;
		offset += n;
		len -= n;
	}
	return 0;
}
