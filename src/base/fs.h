/* fs: files and folders, with errors that name the path. */
#ifndef HARNESS_BASE_FS_H
#define HARNESS_BASE_FS_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Create dir and what is missing above it, mode 0755. A folder that exists is fine. */
int fs_mkdir_all(const char *dir, struct err *e);
/* Replace path by these bytes, through a temporary file beside it and rename(2). */
int fs_write(const char *path, const void *bytes, size_t len, struct err *e);
/* Write all of it, over short writes and EINTR. The caller names the file in the error. */
int fs_write_fd(int fd, const void *bytes, size_t len, struct err *e);
/* The whole file with a NUL behind it (free). Files over max bytes are refused. ret_len may be NULL. */
int fs_read(const char *path, size_t max, char **ret_bytes, size_t *ret_len, struct err *e);
/* Point the symbolic link at target, replacing an old link in one step. */
int fs_symlink(const char *target, const char *path, struct err *e);
/* Give path and all below it to this user, without following links. */
int fs_chown_tree(const char *path, unsigned uid, unsigned gid, struct err *e);
/* Remove path and all below it, without following links or leaving the file system. */
int fs_remove_tree(const char *path, struct err *e);
/* The part behind the last slash, inside path. */
const char *fs_basename(const char *path);

/*
 * The folder of our own programs of nodes/ (free): beside the program that runs, where that was built;
 * ../libexec/harness from there where it is installed.
 */
int fs_nodes_folder(char **ret_path, struct err *e);

/* A file mapped for reading; empty files have data = "" and len 0. */
struct fs_map {
	const uint8_t *data;
	size_t len;
	void *base; /* NULL when nothing is mapped */
};

/* Of a regular file, all of it as it is now. fs_map_close() in any case. */
int fs_map_open(struct fs_map *m, const char *path, struct err *e);
void fs_map_close(struct fs_map *m);

#endif
