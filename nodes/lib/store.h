/*
 * store: where received bytes go, as the receiving state machine sees it.
 *
 * folder.h is the real one; tests have one in memory. Writes may be queued: the
 * bytes stay valid until the next sync() of that file, which reports what went
 * wrong with them. fail.num tells ENOSPC and EEXIST from the rest.
 */
#ifndef NODES_STORE_H
#define NODES_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "fail.h"

struct store_file;

struct store {
	/* A new file that gets this name when it is complete. Fails with EEXIST if there is one. */
	int (*create)(void *ctx, const char *name, uint64_t transfer, struct store_file **ret_file,
		      struct fail *f);
	void (*write)(struct store_file *file, uint64_t offset, const void *bytes, size_t len);
	int (*sync)(struct store_file *file, struct fail *f);
	/* What was written and synced. */
	int (*read)(struct store_file *file, uint64_t offset, void *buf, size_t len,
		    struct fail *f);
	/*
	 * For reading what was written and synced elsewhere; -1 where there is no descriptor.
	 * Nothing below this offset will be read back again.
	 */
	int (*descriptor)(struct store_file *file, uint64_t offset);
	/* Give it its name, never replacing a file; then release() it all the same. */
	int (*commit)(struct store_file *file, struct fail *f);
	/* Forget it; what was not committed is removed. */
	void (*release)(struct store_file *file);
	void *ctx;
};

#endif
