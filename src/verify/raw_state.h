/* raw_state: what was seen of raw transfers. For raw.c and raw_judge.c. */
#ifndef HARNESS_VERIFY_RAW_STATE_H
#define HARNESS_VERIFY_RAW_STATE_H

#include "verify/align.h"
#include "verify/raw_written.h"
#include "verify/trial.h"

struct flow_key {
	struct ip_address from;
	uint16_t port;
};

/* What was seen on one side of one receiver's share of a transfer. */
struct point {
	struct alignment alignment;
	struct flow_key *keys; /* as alignment.flows */
	size_t n_keys, keys_room;
	uint64_t *corrupted; /* per file; by what the flow was sending */
	uint64_t cut;	     /* datagrams that were not captured whole */
	uint64_t **frames;   /* per file, per chunk: log_hash(); NULL when nobody asks for it */
};

struct raw_transfer {
	struct chunk_index *index; /* NULL: this transfer is not raw */
	size_t n_to;
	struct point *points;	 /* per receiver: AT_SENDER, AT_RECEIVER */
	struct written *written; /* per receiver */
};

struct raw {
	struct raw_transfer *transfers;
	size_t n;
	struct fates *fates; /* when they were needed, and could be read */
	bool asked_for_fates;
};

/* Of one delivery: what was seen of its receiver's share. */
const struct point *raw_point(const struct raw *r, const struct delivery *d, enum side side);

#endif
