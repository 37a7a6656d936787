/*
 * align: which chunk of which file is this? For datagrams without a header.
 *
 * All chunks of a transfer's files are sorted into classes of equal content. A
 * class may stand for many places (blocks of zeros, files that begin alike), so
 * an alignment gives a datagram the place where it is expected: next in the file that
 * its flow was sending, next in another file of that flow, the beginning of a
 * file, and only then any place that is still open.
 */
#ifndef HARNESS_VERIFY_ALIGN_H
#define HARNESS_VERIFY_ALIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/bitmap.h"
#include "verify/source.h"
#include "verify/verdict.h"

#define RAW_CHUNK  1024 /* bytes of every datagram but the last of a file */
#define ALIGN_NONE SIZE_MAX

struct chunk_index;

/* Of n_files sources, which must outlive it. */
struct chunk_index *chunk_index_new(const struct source *sources, size_t n_files);
void chunk_index_free(struct chunk_index *x);
/* The class of these bytes, or ALIGN_NONE. */
size_t chunk_index_find(const struct chunk_index *x, const uint8_t *bytes, size_t len);
uint64_t chunk_index_count(const struct chunk_index *x, size_t file);
/* Bytes in this chunk. */
size_t chunk_index_len(const struct chunk_index *x, size_t file, uint64_t chunk);

struct aligned_file {
	struct bitmap have;
	uint64_t next; /* the chunk expected next */
	size_t flow;   /* that began it; ALIGN_NONE: not begun */
	bool shared;   /* chunks of it came in another flow, too */
	uint64_t seen; /* datagrams that carried a chunk of it */
	uint64_t duplicated, reordered;
	uint64_t interleaved; /* times its flow changed from or to another file */
	uint64_t first_ns, last_ns;
	uint64_t order; /* a digest of the chunks in the order in which they came */
};

struct aligned_flow {
	size_t last;	     /* file of the last chunk, or ALIGN_NONE */
	uint64_t last_chunk; /* its number in there */
	size_t n_files;	     /* begun by it */
	uint64_t switches;   /* from one file to another */
	uint64_t unmatched;
};

/* What was seen at one place, in order. */
struct alignment {
	const struct chunk_index *index;
	struct aligned_file *files; /* as the index */
	size_t n_files;
	uint32_t *open; /* per class: places not taken yet */
	struct aligned_flow *flows;
	size_t n_flows, flows_room;
};

void alignment_init(struct alignment *a, const struct chunk_index *x);
void alignment_done(struct alignment *a);
/* A new flow; returns its number. */
size_t alignment_add_flow(struct alignment *a);
/* The next bytes of a flow are of this class. Returns the file they were given to. */
size_t alignment_add(struct alignment *a, size_t flow, size_t class, uint64_t time_ns);
/* The next bytes of a flow are no chunk of any file. */
void alignment_add_unmatched(struct alignment *a, size_t flow);
/* The class expected next in the file that this flow was sending, or ALIGN_NONE. */
size_t alignment_expected(const struct alignment *a, size_t flow);
bool alignment_whole(const struct alignment *a, size_t file);
/* Chunk numbers of the file that never came. */
void alignment_missing(const struct alignment *a, size_t file, struct ranges *r);

#endif
