/*
 * tap: one captured interface: a libpcap handle in its network namespace, the
 * file that its packets go to, and its counters, which are kept in the evidence
 * as it goes.
 */
#ifndef HARNESS_CAPTURE_TAP_H
#define HARNESS_CAPTURE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "capture/merge.h"
#include "capture/pcapng.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct tap;

/*
 * A packet waits no longer than this in the kernel before it can be read: the least that a stop
 * takes, and the shorter, the more buffer goes in blocks that are not full.
 */
#define TAP_DELAY_NS (4 * NS_PER_MS)

struct tap_config {
	const struct topology *topology;
	int netns; /* of the node; stays open as long as the tap */
	struct capture_evidence *evidence;
	const char *application, *comment; /* of the file's section */
	const struct pcapng_name *names;
	size_t n_names;
};

/*
 * Returns when the interface is being captured. It leaves the calling thread in
 * the namespace of the interface.
 */
int tap_open(const struct tap_config *config, struct tap **ret_tap, struct err *e);
/* Readable when there are packets. */
int tap_fd(const struct tap *t);
/* Write the packets that are there, up to a number that leaves the other taps their turn. */
int tap_read(struct tap *t, size_t *ret_n, struct err *e);
/* Bring the counters up to date. Drained: every packet that the kernel kept was read. */
int tap_count(struct tap *t, bool *ret_drained, struct err *e);
/*
 * Read the interface's own counters. It leaves the calling thread in the
 * namespace of the interface.
 */
int tap_count_interface(struct tap *t, struct err *e);
/* Write the statistics and close the file, not the handle. */
int tap_finish(struct tap *t, struct err *e);
/* What the merged file says about it; valid until the tap is freed. */
struct merge_input tap_merge_input(const struct tap *t);
/*
 * Close the handle. It takes as long as the kernel needs to be sure that no CPU
 * uses the socket any more: tens of milliseconds.
 */
void tap_close(struct tap *t);
/* Closes the handle if that was not done. */
void tap_freep(struct tap **t);

#endif
