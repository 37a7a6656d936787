/*
 * fates: what became of the frames that did not simply pass an impaired link:
 * lost, duplicated or corrupted, from the link engine's log, by the hash of the frame as it came.
 *
 * Memory is taken for those frames only. When the same bytes came more than once, the n-th of
 * them at one way is told from the others by its number.
 */
#ifndef HARNESS_CAPTURE_FATES_H
#define HARNESS_CAPTURE_FATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "link/log.h"
#include "topology/topology.h"

/* One direction of one link. */
struct fate_way {
	uint16_t link; /* index into evidence.links */
	uint8_t direction;
};

struct fate {
	struct fate_way way;
	uint8_t cause; /* enum link_cause; CAUSE_NONE: it passed, duplicated or corrupted */
	bool duplicated;
	uint32_t flipped;	    /* the bit that was, counted from the frame's first; 0: none */
	uint32_t number;	    /* among those with the same hash on the same way, from 1 */
	uint32_t next;		    /* of the same hash and way: 1 + index, 0: none */
	double draw;		    /* -1: nothing was drawn */
	uint64_t hash_in, hash_out; /* as it came, as it left */
};

struct fates;

/* As log_read() (link/log.h). -1, too, when the record makes no sense in a run with n_links. */
int fates_next(struct log_reader *r, size_t n_links, struct link_frame *ret_frame,
	       struct fate_way *ret_way, struct err *e);

/* Reads a log twice. */
int fates_read(const char *path, size_t n_links, struct fates **ret_fates, struct err *e);
void fates_freep(struct fates **f);

/* Of the first frame with this hash that was lost on this way; NULL: none was. */
const struct fate *fates_loss(const struct fates *f, struct fate_way way, uint64_t hash);
/* As the frame left this way. */
uint64_t fates_hash_behind(const struct fates *f, struct fate_way way, uint64_t hash);
/* As the frame was before anything corrupted it. */
uint64_t fates_origin(const struct fates *f, uint64_t hash);

/* The longest time that the engine held a frame, duplicates included. */
uint64_t fates_longest_hold(const struct fates *f);

/* For two readers that each see all frames come, in order. */
enum fates_reader {
	FATES_AHEAD,   /* at the first sight of a frame, before it has come to that way */
	FATES_PASSING, /* at that way */
	N_FATES_READERS,
};

/* The next frame with this hash comes to this way. NULL: it passes. */
const struct fate *fates_take(struct fates *f, enum fates_reader reader, struct fate_way way,
			      uint64_t hash);
/*
 * The same for every link on which a frame with this hash had a fate on its way in. Writes max of
 * them at most and returns how many there are.
 */
size_t fates_take_in(struct fates *f, uint64_t hash, const struct fate **ret_fates, size_t max);

/* "loss 30%", "queue full": why frames were lost, as the topology has it (free). */
char *fate_rule(const struct topology *t, const struct link_evidence *l, enum direction d,
		enum link_cause cause);
/* "lost on alpine-1/eth0 out: loss 30%, drawn 0.123" (free). */
char *fate_describe(const struct topology *t, const struct evidence *ev, const struct fate *fate);

#endif
