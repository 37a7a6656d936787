/* ledger: from what the book counted and the kernels' counters to the run's ledger. For book.c. */
#ifndef HARNESS_VERIFY_LEDGER_H
#define HARNESS_VERIFY_LEDGER_H

#include "verify/trial.h"

/* From one node to another one. */
struct book_way {
	size_t from, to;
	uint64_t sent, arrived;
	uint64_t matched; /* of both: the same datagram left and arrived */
};

/* At one node. */
struct book_node {
	uint64_t arrived;
	uint64_t perhaps;   /* beside those: its kernel may have taken them or not */
	uint64_t malformed; /* of those: shorter than they say */
	uint64_t late;	    /* of those: their flow had ended, the program may have been gone */
};

/* ways: n_ways of them; nodes: one per node of the topology. */
void ledger_judge(struct trial *t, const struct book_way *ways, size_t n_ways,
		  const struct book_node *nodes);

#endif
