/* assembly: one attempt to send one file, as one side's captures show it. For reassemble.c. */
#ifndef HARNESS_VERIFY_ASSEMBLY_H
#define HARNESS_VERIFY_ASSEMBLY_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/bitmap.h"
#include "verify/message.h"
#include "verify/source.h"
#include "verify/verdict.h"

struct assembly {
	const struct source *source;
	uint64_t size;		   /* as OPEN announced */
	uint32_t chunk;		   /* bytes */
	uint64_t n_chunks;	   /* that there is room for */
	bool opened;		   /* OPEN was seen on this side */
	struct bitmap have, again; /* chunks that came, and came again */
	struct bitmap packets;
	uint32_t highest_packet;
	uint8_t *patched; /* the source, privately mapped and changed; NULL: nothing differed yet */
	bool differs;
	uint64_t first_difference, n_different; /* offset; chunks */
	/* DATA datagrams */
	uint64_t data;	     /* all of them */
	uint64_t undamaged;  /* checksum and CRC good */
	uint64_t corrupted;  /* not so */
	uint64_t unproven;   /* cut by the capture, and not what the source says */
	uint64_t repeats;    /* of a chunk that had come */
	uint64_t duplicated; /* of a packet number that had come */
	uint64_t reordered;  /* behind a later packet number */
	uint64_t misplaced;  /* no chunk of the file as OPEN announced it */
	uint64_t conflicts;  /* repeats with other bytes than the first time */
};

/* Of an attempt whose OPEN announced this size and chunk, bytes. The source outlives it. */
void assembly_begin(struct assembly *a, const struct source *s, uint64_t size, uint32_t chunk);
/* A DATA datagram, damaged or not. */
void assembly_add(struct assembly *a, const struct message *m);
/* Whether all that was announced has come, whatever it is. */
bool assembly_whole(const struct assembly *a);
/* Size, digest, first difference, missing and repeated ranges. */
void assembly_describe(const struct assembly *a, struct layer *l);
void assembly_done(struct assembly *a);

#endif
