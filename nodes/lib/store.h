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

#include "digest.h"
#include "fail.h"

struct store_file;

struct store {
	/*
	 * A new file of this size that gets this name when it is complete. Fails with EEXIST if
	 * there is one.
	 */
	int (*create)(void *ctx, const char *name, uint64_t transfer, uint64_t size,
		      struct store_file **ret_file, struct fail *f);
	/* No byte is written twice. */
	void (*write)(struct store_file *file, uint64_t offset, const void *bytes, size_t len);
	int (*sync)(struct store_file *file, struct fail *f);
	/* What was written and synced. */
	int (*read)(struct store_file *file, uint64_t offset, void *buf, size_t len,
		    struct fail *f);
	/*
	 * Add what was written and synced from this offset on to the digest, up to another one at
	 * most. Returns how many bytes: 0 when more has to come first. Every call goes on where
	 * the last one stopped. The digest must end, or be freed, before release().
	 */
	size_t (*hash)(struct store_file *file, uint64_t from, uint64_t upto,
		       struct digest *digest);
	/* Give it its name, never replacing a file; then release() it all the same. */
	int (*commit)(struct store_file *file, struct fail *f);
	/* Forget it; what was not committed is removed. */
	void (*release)(struct store_file *file);
	void *ctx;
};

#endif
