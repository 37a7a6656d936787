/*
 * source: a file that a transfer sends, as it is now: what all layers are
 * compared with. And comparing with it.
 */
#ifndef HARNESS_VERIFY_SOURCE_H
#define HARNESS_VERIFY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fs.h"
#include "base/sha256.h"
#include "topology/topology.h"
#include "verify/verdict.h"

struct source {
	const char *path;
	struct fs_map map;
	struct sha256 digest;
	char *trouble; /* why nothing can be compared with it, or NULL */
};

void source_load(struct source *s, const struct transfer_file *f);
void source_unload(struct source *s);

/* Set outcome and reason of a layer. */
void layer_set(struct layer *l, enum outcome o, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "1 byte", "3 chunks": with an s where English wants one; returns buf. */
char *counted(char buf[64], uint64_t n, const char *noun);

/* The offset of the first byte that differs, or len. */
size_t first_difference(const uint8_t *a, const uint8_t *b, size_t len);

/* Compare these bytes, all that a layer holds, with the source: fills all of *l. */
void compare_bytes(const uint8_t *bytes, size_t len, const struct source *s, struct layer *l);
/* Likewise a file; what is no regular file, or not there, fails. */
void compare_file(const char *path, const struct source *s, struct layer *l);

#endif
