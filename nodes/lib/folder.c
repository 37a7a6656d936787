#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "protocol.h"
#include "scope.h"
#include "writer.h"

#define GATHER IOV_MAX
#define LARGE  ((uint64_t)4 << 20) /* bytes: files from here on are gathered in blocks */
#define SLICE  ((size_t)64 << 10)  /* read back and hashed at a time; divides WRITER_BLOCK */

/* WRITER_BLOCK bytes of a large file. */
struct piece {
	struct block *block; /* they are in memory, until written and hashed */
	bool spilled;	     /* they are in the page cache instead */
};

struct store_file {
	struct folder *folder;
	struct writer_file file;
	uint64_t size;
	struct piece *pieces; /* of a large file */
	bool named;	      /* it has its final name */
	char name[PROTOCOL_NAME_MAX + 1];
	char temporary[40];
};

struct folder {
	int fd;
	bool no_openat2;
	struct writer *writer; /* once there is a large file */
	/* Writes gathered so far: of one file, without a gap. */
	struct store_file *writing;
	uint64_t offset, len;
	int n;
	struct iovec iov[GATHER];
};

int folder_open(const char *dir, struct folder **ret_folder, struct fail *f)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_set(f, errno, "open folder '%s'", dir);
	*ret_folder = scope_alloc(1, sizeof(**ret_folder));
	(*ret_folder)->fd = fd;
	return 0;
}

void folder_free(struct folder *folder)
{
	if (folder == NULL)
		return;
	writer_free(folder->writer);
	close(folder->fd);
	free(folder);
}

/*
 * openat2(2) is there since Linux 5.6, but sandboxes may forbid it (EPERM, as
 * container engines older than it do). Without it, O_NOFOLLOW does: names have
 * no separator, so there is only the last component to look at.
 */
static int open_beneath(struct folder *folder, const char *name)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
	struct open_how how = {
		.flags = (uint64_t)flags,
		.mode = 0644,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	if (!folder->no_openat2) {
		long fd = syscall(SYS_openat2, folder->fd, name, &how, sizeof(how));

		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return (int)fd;
		folder->no_openat2 = true;
	}
	return openat(folder->fd, name, flags | O_NOFOLLOW, 0644);
}

static int create(struct folder *folder, const char *path, const char *name,
		  struct store_file **ret_file, struct fail *f)
{
	int fd = open_beneath(folder, path);

	if (fd < 0)
		return fail_set(f, errno, "create '%s'", name);

	struct store_file *file = scope_alloc(1, sizeof(*file));

	file->folder = folder;
	file->file = (struct writer_file){ .fd = fd, .direct_fd = -1 };
	snprintf(file->name, sizeof(file->name), "%s", name);
	*ret_file = file;
	return 0;
}

int folder_create_named(struct folder *folder, const char *name, struct store_file **ret_file,
			struct fail *f)
{
	if (create(folder, name, name, ret_file, f) != 0)
		return -1;
	(*ret_file)->named = true;
	return 0;
}

/* Best effort: without a thread, or where the file system knows no O_DIRECT, all is as ever. */
static void use_blocks(struct store_file *file)
{
	struct folder *folder = file->folder;
	int flags = O_WRONLY | O_DIRECT | O_NOFOLLOW | O_CLOEXEC;

	if (folder->writer == NULL)
		folder->writer = writer_new();
	if (folder->writer == NULL)
		return;
	file->file.direct_fd = openat(folder->fd, file->temporary, flags);
	if (file->file.direct_fd < 0)
		return;
	file->pieces = scope_alloc(file->size / WRITER_BLOCK + 1, sizeof(*file->pieces));
	/* Read-ahead would take pages that are not written yet into the cache. */
	posix_fadvise(file->file.fd, 0, 0, POSIX_FADV_RANDOM);
}

static int folder_create(void *ctx, const char *name, uint64_t transfer, uint64_t size,
			 struct store_file **ret_file, struct fail *f)
{
	struct folder *folder = ctx;
	char temporary[sizeof((*ret_file)->temporary)];

	/* Only a courtesy, so that a sender hears of it before it sends: commit makes sure. */
	if (faccessat(folder->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fail_set(f, EEXIST, "create '%s'", name);
	snprintf(temporary, sizeof(temporary), ".%016llx.part", (unsigned long long)transfer);
	if (create(folder, temporary, name, ret_file, f) != 0)
		return -1;
	memcpy((*ret_file)->temporary, temporary, sizeof(temporary));
	(*ret_file)->size = size;
	if (size >= LARGE)
		use_blocks(*ret_file);
	return 0;
}

/* The first failure stays. */
static void remember(struct store_file *file, int num)
{
	int none = 0;

	atomic_compare_exchange_strong(&file->file.error, &none, num);
}

/* Leave out the first done bytes of the vector. */
static void skip(struct iovec **iov, int *n, size_t done)
{
	while (*n > 0 && done >= (*iov)->iov_len) {
		done -= (*iov)->iov_len;
		(*iov)++;
		(*n)--;
	}
	if (*n > 0) {
		(*iov)->iov_base = (char *)(*iov)->iov_base + done;
		(*iov)->iov_len -= done;
	}
}

static void flush(struct folder *folder)
{
	struct store_file *file = folder->writing;
	struct iovec *iov = folder->iov;
	uint64_t offset = folder->offset;
	int n = folder->n;

	if (n == 0)
		return;
	folder->n = 0;
	folder->writing = NULL;
	while (n > 0) {
		ssize_t done = pwritev(file->file.fd, iov, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			remember(file, done < 0 ? errno : ENOSPC);
			return;
		}
		offset += (uint64_t)done;
		skip(&iov, &n, (size_t)done);
	}
}

/* Written out at the next sync(). */
static void gather(struct store_file *file, uint64_t offset, const void *bytes, size_t len)
{
	struct folder *folder = file->folder;

	if (folder->n == GATHER || folder->writing != file ||
	    folder->offset + folder->len != offset)
		flush(folder);
	if (folder->n == 0) {
		folder->writing = file;
		folder->offset = offset;
		folder->len = 0;
	}

	struct iovec *iov = &folder->iov[folder->n++];

	memcpy(&iov->iov_base, &bytes, sizeof(bytes)); /* pwritev() does not write through it */
	iov->iov_len = len;
	folder->len += len;
}

/* How many of these bytes are in the piece that the first one is in. */
static size_t in_piece(uint64_t offset, uint64_t len)
{
	uint64_t left = WRITER_BLOCK - offset % WRITER_BLOCK;

	return (size_t)(len < left ? len : left);
}

static void folder_write(struct store_file *file, uint64_t offset, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;

	if (file->pieces == NULL) {
		gather(file, offset, bytes, len);
		return;
	}
	while (len > 0) {
		struct piece *p = &file->pieces[offset / WRITER_BLOCK];
		size_t n = in_piece(offset, len);

		if (p->block == NULL && !p->spilled)
			p->spilled = !writer_take(file->folder->writer, &p->block);
		if (p->spilled)
			gather(file, offset, from, n);
		else
			memcpy(writer_bytes(p->block) + offset % WRITER_BLOCK, from, n);
		offset += n;
		from += n;
		len -= n;
	}
}

static int folder_sync(struct store_file *file, struct fail *f)
{
	int num;

	if (file->folder->writing == file)
		flush(file->folder);
	num = atomic_load(&file->file.error);
	return num == 0 ? 0 : fail_set(f, num, "write '%s'", file->name);
}

static int read_back(struct store_file *file, uint64_t offset, char *at, size_t len, struct fail *f)
{
	while (len > 0) {
		ssize_t n = pread(file->file.fd, at, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail_set(f, n < 0 ? errno : EIO, "read back '%s'", file->name);
		at += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int folder_read(struct store_file *file, uint64_t offset, void *buf, size_t len,
		       struct fail *f)
{
	char *at = buf;

	if (file->pieces == NULL)
		return read_back(file, offset, at, len, f);
	while (len > 0) {
		struct piece *p = &file->pieces[offset / WRITER_BLOCK];
		size_t n = in_piece(offset, len);

		if (!writer_copy(file->folder->writer, &p->block, offset % WRITER_BLOCK, at, n) &&
		    read_back(file, offset, at, n, f) != 0)
			return -1;
		at += n;
		offset += n;
		len -= n;
	}
	return 0;
}

/* The whole block, or the file's end: to the disk and to the digest, which drops it. */
static void hand_over(struct store_file *file, struct block *b, uint64_t offset, size_t len,
		      struct digest *digest)
{
	writer_write(b, &file->file, offset, len);
	digest_add_block(digest, writer_bytes(b), len, writer_drop, b);
}

static size_t folder_hash(struct store_file *file, uint64_t from, uint64_t upto,
			  struct digest *digest)
{
	size_t len = in_piece(from, upto - from);
	struct piece *p = file->pieces != NULL ? &file->pieces[from / WRITER_BLOCK] : NULL;
	bool in_memory = p != NULL && !p->spilled;

	if (!in_memory && len > SLICE)
		len = SLICE;
	if (upto != file->size && len < (in_memory ? WRITER_BLOCK : SLICE))
		return 0;
	if (len == 0)
		return 0;
	if (in_memory)
		hand_over(file, p->block, from, len, digest);
	else
		digest_add_file(digest, file->file.fd, from, len);
	return len;
}

static int folder_commit(struct store_file *file, struct fail *f)
{
	int dir = file->folder->fd;

	if (file->pieces != NULL)
		writer_wait(file->folder->writer, &file->file);
	if (folder_sync(file, f) != 0)
		return -1;

	int r = renameat2(dir, file->temporary, dir, file->name, RENAME_NOREPLACE);

	/* Not every file system has RENAME_NOREPLACE: link(2) does not replace either. */
	if (r != 0 && errno == EINVAL) {
		r = linkat(dir, file->temporary, dir, file->name, 0);
		if (r == 0)
			unlinkat(dir, file->temporary, 0);
	}
	if (r != 0)
		return fail_set(f, errno, "name the file '%s'", file->name);
	file->named = true;
	return 0;
}

/* Blocks that were not handed over, because something was missing before their ends. */
static void release_pieces(struct store_file *file)
{
	writer_wait(file->folder->writer, &file->file);
	for (uint64_t i = 0; i <= file->size / WRITER_BLOCK; i++)
		if (file->pieces[i].block != NULL)
			writer_drop(file->pieces[i].block);
	free(file->pieces);
	close(file->file.direct_fd);
}

static void folder_release(struct store_file *file)
{
	if (file->folder->writing == file)
		flush(file->folder);
	if (file->pieces != NULL)
		release_pieces(file);
	if (!file->named)
		unlinkat(file->folder->fd, file->temporary, 0);
	close(file->file.fd);
	free(file);
}

struct store folder_store(struct folder *folder)
{
	return (struct store){
		.create = folder_create,
		.write = folder_write,
		.sync = folder_sync,
		.read = folder_read,
		.hash = folder_hash,
		.commit = folder_commit,
		.release = folder_release,
		.ctx = folder,
	};
}
