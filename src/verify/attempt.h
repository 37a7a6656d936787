/* attempt: tries to send a file, as seen. For reassemble.c and reassemble_judge.c. */
#ifndef HARNESS_VERIFY_ATTEMPT_H
#define HARNESS_VERIFY_ATTEMPT_H

#include "verify/assembly.h"
#include "verify/trial.h"

/* One try to send one file to one receiver; the sender may have needed several. */
struct attempt {
	size_t transfer, to, file;
	uint64_t id;
	uint16_t port;		      /* of the sender */
	struct assembly sides[2];     /* by enum side */
	uint64_t opened_ns, ended_ns; /* at the sender: first OPEN, first FIN_ACK or ABORT */
	bool answered;		      /* FIN_ACK was seen */
	uint32_t verdict, received;   /* of FIN_ACK */
	bool announced_other;	      /* FIN's SHA-256 is not the source's */
};

struct reassembly {
	const struct trial *trial;
	struct attempt **attempts;
	size_t n, room;
	size_t *index; /* open addressing: 1 + number, 0: free */
	size_t index_size;
	size_t unreadable; /* datagrams of which too little was captured to see the header */
};

#endif
