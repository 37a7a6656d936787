/*
 * merge: several captures of the same stretch of time as one file, in the order
 * of time, with every interface and its statistics, and one packet id for the
 * copies of a packet.
 */
#ifndef HARNESS_CAPTURE_MERGE_H
#define HARNESS_CAPTURE_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "capture/pcapng.h"
#include "capture/remarks.h"

/* A capture file of one interface, its packets in the order of time. */
struct merge_input {
	const char *file;
	struct pcapng_interface interface;
	uint64_t end_ns; /* since 1970: capturing ended */
	uint64_t received, dropped, if_dropped;
};

struct merge {
	const struct merge_input *inputs;
	size_t n_inputs;
	const char *application, *comment; /* of the section */
	const struct pcapng_name *names;
	size_t n_names;
	struct remarks *remarks; /* on impaired links; NULL: there are none */
};

/* Writes path; nothing is left of it on failure. */
int merge_captures(const struct merge *m, const char *path, struct err *e);

#endif
