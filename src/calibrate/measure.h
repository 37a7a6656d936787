/*
 * measure: what a link did to a stream of numbered datagrams, from what was seen at its entrance
 * and at its exit. Pure: two lists in, figures out.
 */
#ifndef HARNESS_CALIBRATE_MEASURE_H
#define HARNESS_CALIBRATE_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* A frame that carries one datagram of the stream. */
struct seen {
	uint64_t time_ns; /* since 1970 */
	uint64_t number;  /* from 1; what has 0 is for warming up, and is not counted */
	uint64_t hash;	  /* of all that was captured of it behind the Ethernet header */
	uint32_t len;	  /* bytes, Ethernet header included */
};

/* In the order of time. */
struct seen_list {
	struct seen *s;
	size_t n, room;
};

/* Append a copy; frames come in the order of time. */
void seen_add(struct seen_list *l, const struct seen *s);
void seen_done(struct seen_list *l);

struct measured {
	uint64_t sent;	     /* different numbers at the entrance */
	uint64_t arrived;    /* of those, at the exit, once or more */
	uint64_t duplicated; /* of those, more than once */
	uint64_t corrupted;  /* of those, any copy with other bytes than it was sent with */
	uint64_t early;	     /* of those, held for less than early_ns */
	uint64_t overtook;   /* of those, arrived before one that was sent before it */
	uint64_t strange;    /* frames at the exit that no number at the entrance explains */
	/* How long it took, of the first copies of those that were not early: ns, sorted. */
	double *delays;
	size_t n_delays;
	double late_median_ns; /* of those that were sent in the second half of the stream */
	double rate_bps; /* of the frames that came out behind a queue: the median of many looks */
};

/* early_ns 0: none is. measured_done() in any case. */
void measure(const struct seen_list *entrance, const struct seen_list *exit, double early_ns,
	     struct measured *ret_measured);
void measured_done(struct measured *m);

#endif
