/* raw_written: what a receiver of a raw transfer wrote, taken apart by content. For raw.c. */
#ifndef HARNESS_VERIFY_RAW_WRITTEN_H
#define HARNESS_VERIFY_RAW_WRITTEN_H

#include "verify/align.h"

/* One file of the receive folder. */
struct written_file {
	char *path;
	char *name;
	uint64_t size;
};

/* What happened to a file of the transfer in there. */
struct written_damage {
	bool any;
	uint64_t offset; /* in the source, of the first byte that differs */
	uint8_t is, was; /* that byte, and the source's */
	uint64_t chunks; /* that are damaged */
};

struct written {
	struct alignment alignment; /* its flows are the files, in order of their names */
	struct written_file *files;
	size_t n_files, files_room;
	struct written_damage *damage; /* per file of the transfer */
	bool matched;		       /* a chunk of some file was found */
};

/* Read the folder. What cannot be read is not there. */
void written_read(struct written *w, const struct chunk_index *x, const struct source *sources,
		  const char *folder);
/* The one file that holds nothing but this file of the transfer, or NULL. */
const struct written_file *written_alone(const struct written *w, size_t file);
void written_done(struct written *w);

#endif
