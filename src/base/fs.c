#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

int fs_mkdir_all(const char *dir, struct err *e)
{
	cleanup_free char *path = text_dup(dir);

	for (char *p = path + 1;; p++) {
		if (*p != '/' && *p != '\0')
			continue;

		char end = *p;

		*p = '\0';
		if (mkdir(path, 0755) != 0 && errno != EEXIST)
			return err_set(e, errno, "create folder %s", path);
		*p = end;
		if (end == '\0')
			break;
	}

	struct stat st;

	if (stat(dir, &st) != 0)
		return err_set(e, errno, "create folder %s", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "create folder %s", dir);
	return 0;
}

int fs_write_fd(int fd, const void *bytes, size_t len, struct err *e)
{
	const char *p = bytes;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "write %zu bytes", len);
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int fs_write(const char *path, const void *bytes, size_t len, struct err *e)
{
	cleanup_free char *temporary = text_format("%s.%d.tmp", path, getpid());
	cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_set(e, errno, "create %s", path);
	if (fs_write_fd(fd, bytes, len, e) != 0) {
		unlink(temporary);
		return err_prefix(e, "%s", path);
	}
	if (rename(temporary, path) != 0) {
		err_set(e, errno, "rename %s to %s", temporary, path);
		unlink(temporary);
		return -1;
	}
	return 0;
}

int fs_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct text t = { 0 };
	char buf[16384];

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			text_done(&t);
			return err_set(e, errno, "read %s", path);
		}
		if (n == 0)
			break;
		text_add_bytes(&t, buf, (size_t)n);
		if (t.len > max) {
			text_done(&t);
			return err_set(e, 0, "read %s: larger than %zu bytes", path, max);
		}
	}
	if (ret_len != NULL)
		*ret_len = t.len;
	*ret_bytes = text_take(&t);
	return 0;
}

int fs_symlink(const char *target, const char *path, struct err *e)
{
	cleanup_free char *temporary = text_format("%s.%d.tmp", path, getpid());

	unlink(temporary);
	if (symlink(target, temporary) != 0)
		return err_set(e, errno, "link %s to %s", path, target);
	if (rename(temporary, path) != 0) {
		err_set(e, errno, "link %s to %s", path, target);
		unlink(temporary);
		return -1;
	}
	return 0;
}

/* nftw(3) passes no context along. */
static unsigned chown_uid, chown_gid;

static int chown_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return lchown(path, chown_uid, chown_gid);
}

int fs_chown_tree(const char *path, unsigned uid, unsigned gid, struct err *e)
{
	chown_uid = uid;
	chown_gid = gid;
	if (nftw(path, chown_one, 16, FTW_PHYS) != 0)
		return err_set(e, errno, "give %s to user %u", path, uid);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int fs_remove_tree(const char *path, struct err *e)
{
	if (nftw(path, remove_one, 16, FTW_PHYS | FTW_DEPTH | FTW_MOUNT) != 0)
		return err_set(e, errno, "remove %s", path);
	return 0;
}

const char *fs_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

int fs_nodes_folder(char **ret_path, struct err *e)
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len < 0)
		return err_set(e, errno, "find out where harness is installed");
	exe[len] = '\0';
	*strrchr(exe, '/') = '\0';

	cleanup_free char *built = text_format("%s/nodes", exe);

	*ret_path = access(built, X_OK) == 0 ? take_ptr(built)
					     : text_format("%s/../libexec/harness", exe);
	return 0;
}

int fs_map_open(struct fs_map *m, const char *path, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	*m = (struct fs_map){ .data = (const uint8_t *)"" };
	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	if (fstat(fd, &st) != 0)
		return err_set(e, errno, "stat %s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, 0, "%s is not a regular file", path);
	if (st.st_size == 0)
		return 0;
	m->base = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (m->base == MAP_FAILED) {
		m->base = NULL;
		return err_set(e, errno, "map %s", path);
	}
	m->data = m->base;
	m->len = (size_t)st.st_size;
	return 0;
}

void fs_map_close(struct fs_map *m)
{
	if (m->base != NULL)
		munmap(m->base, m->len);
	*m = (struct fs_map){ .data = (const uint8_t *)"" };
}
