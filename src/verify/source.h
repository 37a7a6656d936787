/* source: a file that a transfer sends, as it is now: what all layers are compared with. */
#ifndef HARNESS_VERIFY_SOURCE_H
#define HARNESS_VERIFY_SOURCE_H

#include "base/fs.h"
#include "base/sha256.h"
#include "topology/topology.h"

struct source {
	const char *path;
	struct fs_map map;
	struct sha256 digest;
	char *trouble; /* why nothing can be compared with it, or NULL */
};

/* Maps and digests the file; what goes wrong is its trouble. */
void source_load(struct source *s, const struct transfer_file *f);
void source_unload(struct source *s);

#endif
