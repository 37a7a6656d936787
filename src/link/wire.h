/*
 * wire: the `user` link engine, a process that carries frames between the two
 * ends of every impaired link of a lab.
 *
 *	node: eth0 <-veth-> near | wire | far <-veth-> port of the bridge
 *
 * It decides each frame's fate by a generator keyed on seed, link, direction,
 * flow and the frame's number in its flow (fate.h), holds it for its delay and
 * logs the decision (log.h). Faults on links happen here, so that one that
 * counts datagrams hits the same one in every run. Counters go to the evidence
 * as they change.
 *
 * To be called by a single-threaded process whose network namespace has all
 * near and far ends: the supervisor.
 */
#ifndef HARNESS_LINK_WIRE_H
#define HARNESS_LINK_WIRE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

/* One impaired link: names of interfaces in the caller's network namespace. */
struct wire_link {
	size_t node, interface; /* indices into topology.nodes and its interfaces */
	char near[16], far[16];
};

struct wire_config {
	const struct topology *topology; /* seed, impairments, faults, snaplen for hashes */
	const struct wire_link *links;	 /* as evidence.links */
	struct evidence *evidence;	 /* links, faults, wire */
	const char *folder;		 /* of the run; evidence.wire.log goes below it */
	enum ring_kind best;		 /* rings to try first; those after it are tried next */
};

struct wire;

/* Forks. Returns when every link carries frames. */
int wire_start(const struct wire_config *config, struct wire **ret_wire, struct err *e);
pid_t wire_pid(const struct wire *w);
/* To be called by whoever got this status of it from waitpid(2). */
void wire_ended(struct wire *w, int wait_status);
/* All programs are ready: faults that have a time count from now on (CLOCK_MONOTONIC, ns). */
void wire_begin(const struct wire *w, uint64_t ready_ns);
/*
 * For the caller's poll loop: readable when a fault on a program is due by its count of datagrams
 * (those with a time are the caller's own business), or when the wire has ended.
 */
int wire_fd(const struct wire *w);
/* 1 and the number of that fault, 0 when there is none. */
int wire_read(const struct wire *w, size_t *ret_fault);
/* Frames that are held now, of all links. */
uint64_t wire_held(const struct evidence *ev);
/*
 * Frames still held are let go or given up (CAUSE_STOPPED) within deadline_ns from now, the log is
 * closed and links carry nothing any more. -1 when the log or a counter is incomplete; then
 * evidence.wire.error says why, too.
 */
int wire_stop(struct wire *w, uint64_t deadline_ns, struct err *e);
/* Kills it when it still runs. Accepts NULL. */
void wire_free(struct wire *w);
void wire_freep(struct wire **w);

#endif
