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

#define GATHER IOV_MAX
#define MIB    ((uint64_t)1 << 20)
/* What has been read back is written out in strides and, some strides later, leaves the cache. */
#define STRIDE (4 * MIB)
#define LAG    (6 * STRIDE)
/* 2 GB/s: a page cache slower than that is short of memory that is ready for use. */
#define SLOW_NS_PER_MIB (NS_PER_MS / 2)
/* A disk that makes us wait longer than that for a stride costs more than is gained. */
#define PATIENCE_NS (10 * NS_PER_MS)

struct store_file {
	struct folder *folder;
	int fd;
	bool named; /* it has its final name */
	struct fail failed;
	bool has_failed;
	uint64_t written, took_ns; /* by all writes so far */
	bool no_recycling;
	uint64_t strided; /* up to here it is being written out */
	char name[PROTOCOL_NAME_MAX + 1];
	char temporary[40];
};

struct folder {
	int fd;
	bool no_openat2;
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
	file->fd = fd;
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

static int folder_create(void *ctx, const char *name, uint64_t transfer,
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
	return 0;
}

static void remember(struct store_file *file, int num)
{
	if (!file->has_failed)
		fail_set(&file->failed, num, "write '%s'", file->name);
	file->has_failed = true;
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

	uint64_t began_ns = time_now();

	if (n == 0)
		return;
	folder->n = 0;
	folder->writing = NULL;
	file->written += folder->len;
	while (n > 0) {
		ssize_t done = pwritev(file->fd, iov, n, (off_t)offset);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			remember(file, done < 0 ? errno : ENOSPC);
			return;
		}
		offset += (uint64_t)done;
		skip(&iov, &n, (size_t)done);
	}
	file->took_ns += time_now() - began_ns;
}

/* Out of the cache, which it can leave when it is on the disk. */
static void drop(struct store_file *file, off_t stride)
{
	uint64_t began_ns = time_now();

	sync_file_range(file->fd, stride, STRIDE,
			SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
				SYNC_FILE_RANGE_WAIT_AFTER);
	posix_fadvise(file->fd, stride, STRIDE, POSIX_FADV_DONTNEED);
	file->no_recycling = time_now() - began_ns > PATIENCE_NS;
}

/*
 * Where fresh memory is slow (a virtual machine that gives free memory back to
 * its host, a machine that has none left), reuse the file's own: once a stretch
 * was read back and hashed, nobody here needs it in the cache. Best effort:
 * sync_file_range(2) and posix_fadvise(2) change no content.
 */
static void recycle(struct store_file *file, uint64_t upto)
{
	if (file->no_recycling || file->took_ns / (file->written / MIB + 1) < SLOW_NS_PER_MIB)
		return;
	while (upto >= file->strided + STRIDE) {
		sync_file_range(file->fd, (off_t)file->strided, STRIDE, SYNC_FILE_RANGE_WRITE);
		file->strided += STRIDE;
		if (file->strided >= LAG)
			drop(file, (off_t)(file->strided - LAG));
	}
}

static void folder_write(struct store_file *file, uint64_t offset, const void *bytes, size_t len)
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

static int folder_sync(struct store_file *file, struct fail *f)
{
	if (file->folder->writing == file)
		flush(file->folder);
	if (!file->has_failed)
		return 0;
	*f = file->failed;
	return -1;
}

static int folder_read(struct store_file *file, uint64_t offset, void *buf, size_t len,
		       struct fail *f)
{
	char *at = buf;

	while (len > 0) {
		ssize_t n = pread(file->fd, at, len, (off_t)offset);

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

static int folder_descriptor(struct store_file *file, uint64_t offset)
{
	recycle(file, offset);
	return file->fd;
}

static int folder_commit(struct store_file *file, struct fail *f)
{
	int dir = file->folder->fd;
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

static void folder_release(struct store_file *file)
{
	if (file->folder->writing == file)
		flush(file->folder);
	if (!file->named)
		unlinkat(file->folder->fd, file->temporary, 0);
	close(file->fd);
	free(file);
}

struct store folder_store(struct folder *folder)
{
	return (struct store){
		.create = folder_create,
		.write = folder_write,
		.sync = folder_sync,
		.read = folder_read,
		.descriptor = folder_descriptor,
		.commit = folder_commit,
		.release = folder_release,
		.ctx = folder,
	};
}
