/*
 * recorder: captures every interface it is given, in one process of its own.
 *
 * recorder_start() forks; the child opens one libpcap handle per interface
 * inside that interface's network namespace, and recorder_start() returns once
 * all of them record. recorder_stop() returns when every packet that had
 * arrived by then is in the files, the files are closed and merged.pcapng is
 * written. What each capture counted goes to config.results (shared memory),
 * also when the recorder is killed half-way. To be called by a single-threaded
 * process.
 */
#ifndef HARNESS_CAPTURE_RECORDER_H
#define HARNESS_CAPTURE_RECORDER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct recorder_config {
	const struct topology *topology; /* names, addresses, capture settings */
	const int *netns;		 /* a descriptor per node of the topology */
	int network_netns;		 /* of the far sides of links */
	size_t n_captures;
	struct capture_evidence
		*captures;  /* node, interface, far, name, device, file, buffer are there already */
	const char *folder; /* of the run; files go below it */
	const struct evidence *evidence; /* its links and their log; NULL: none is impaired */
	const char *merged;		 /* file name of the merged capture, below folder */
	const char *comment;		 /* of the section: topology, run, seed, command */
	uint64_t stop_deadline_ns;	 /* how long draining and merging may take */
};

struct recorder;

int recorder_start(const struct recorder_config *config, struct recorder **ret_recorder,
		   struct err *e);
/* Of its process, for whoever reaps children. */
pid_t recorder_pid(const struct recorder *r);
/* To be called by whoever got this status of the recorder from waitpid(2), for example of -1. */
void recorder_ended(struct recorder *r, int wait_status);
/*
 * -1 when a capture is incomplete; drops are no error here, they are counted in the evidence.
 * After success the process is still closing its sockets, which takes the kernel some tens of
 * milliseconds; nothing depends on that.
 */
int recorder_stop(struct recorder *r, struct err *e);
/* Kills it when it still runs, and waits for its end unless recorder_ended() was called. */
void recorder_free(struct recorder *r);
void recorder_freep(struct recorder **r);

/*
 * Bytes of buffer for each interface of this topology: what it says, or else enough for all that
 * its transfers send, within limits.
 */
size_t recorder_buffer_size(const struct topology *t);
/*
 * How fast all transfers together may send, bits per second on the wire, so that the recorder
 * keeps up; 0: as fast as they can. It is only whole packets, more of them than buffers hold,
 * that two processors and a disk are slower with than the network is.
 */
uint64_t recorder_rate(const struct topology *t);

#endif
