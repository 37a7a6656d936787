/*
 * compare: what was asked of one direction of a link against what was measured, property by
 * property. Pure.
 *
 * Probabilities are judged by an interval (stats.h): what was asked must lie in it. Times, rate and
 * queue are judged by a tolerance, which is in the row: measuring disturbs, and a timer is late.
 */
#ifndef HARNESS_CALIBRATE_COMPARE_H
#define HARNESS_CALIBRATE_COMPARE_H

#include <stdbool.h>

#include "calibrate/measure.h"
#include "topology/impairment.h"

enum property {
	PROPERTY_DELAY,	    /* median, ns */
	PROPERTY_DELAY_P99, /* 99th percentile, ns */
	PROPERTY_JITTER,    /* standard deviation, ns */
	PROPERTY_LOSS,	    /* shares of frames, 0 to 1 */
	PROPERTY_DUPLICATE,
	PROPERTY_REORDER,
	PROPERTY_CORRUPT,
	PROPERTY_RATE,	/* bits per second */
	PROPERTY_QUEUE, /* bytes */
	N_PROPERTIES,
};

extern const char *const property_names[N_PROPERTIES];

enum match {
	MATCH_OK,
	MATCH_OFF,
	MATCH_NOT_ASKED, /* ... and nothing was found that would have to be */
	MATCH_UNKNOWN,	 /* it cannot be told apart from another property, or nothing arrived */
};

extern const char *const match_names[MATCH_UNKNOWN + 1];

struct row {
	enum property property;
	enum match match;
	double asked;	  /* with MATCH_NOT_ASKED: 0 */
	double measured;  /* with MATCH_UNKNOWN: nothing */
	double low, high; /* asked must lie within (of times, rate, queue: measured must) */
	uint64_t packets; /* what it was measured with */
};

struct rows {
	struct row r[N_PROPERTIES];
};

/* The streams that one direction is measured with, and what they have in common. */
enum stream {
	STREAM_COUNTS, /* as fast as the link lets datagrams through without a queue */
	STREAM_TIMES,  /* so slow that no datagram has to wait for one before it */
	STREAM_RATE,   /* faster than the link's rate */
	N_STREAMS,
};

struct stream_plan {
	bool wanted; /* not: of STREAM_TIMES, the first one does; of STREAM_RATE, there is no rate */
	uint64_t count, pps;
	unsigned frame_len; /* bytes, Ethernet header included */
	bool spaced;	    /* never closer together than that, rather than so many on average */
};

struct limits {
	uint64_t packets;     /* of STREAM_COUNTS, at most */
	uint64_t pps;	      /* likewise */
	uint64_t duration_ns; /* of each stream, at most */
	unsigned mtu;	      /* of the interface */
};

/* Headers around a datagram's payload: Ethernet, IPv4, UDP. */
#define STREAM_HEADERS 42

/* What to send to measure a direction with these impairments, by enum stream. */
void plan_streams(const struct impairment *asked, const struct limits *limits,
		  struct stream_plan plans[N_STREAMS]);
/* A datagram that takes less than this was not held: it was reordered. 0: that cannot be told. */
double early_limit(const struct impairment *asked, unsigned frame_len);

/*
 * m[s] of a stream that was not wanted is NULL. confidence: of each interval, so that all of a
 * calibration hold together as often as its user expects.
 */
void compare(const struct impairment *asked, const struct stream_plan plans[N_STREAMS],
	     const struct measured *const m[N_STREAMS], double confidence, struct rows *ret_rows);
/* How many intervals compare() will judge by. */
size_t count_intervals(const struct impairment *asked);

#endif
