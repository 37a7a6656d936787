/*
 * calibrate: every impaired direction of every link of a plan, asked against measured.
 *
 * Each is measured in a lab of its own, stream by stream (compare.h says which), so that nothing
 * else disturbs it. Drop lists, mtu and faults are not measured: they are exact, or happen once.
 */
#ifndef HARNESS_CALIBRATE_CALIBRATE_H
#define HARNESS_CALIBRATE_CALIBRATE_H

#include "base/err.h"
#include "calibrate/compare.h"
#include "calibrate/stream.h"
#include "topology/plan.h"

/* All intervals of a calibration together hold the truth so often. */
#define CALIBRATION_CONFIDENCE 0.99

/* One direction of one link, as one or more runs of the plan have it. */
struct calibrated {
	size_t run; /* the first of them: index into plan.runs */
	size_t node, interface;
	enum direction direction;
	char *link;   /* "alpine-1/eth0" */
	char *asked;  /* "delay 10ms, loss 1%" */
	char *engine; /* in which way it worked; NULL: not known */
	struct stream_plan plans[N_STREAMS];
	struct rows rows;
};

struct calibration {
	struct calibrated *c;
	size_t n, room;
	double confidence; /* of each interval */
	bool off;	   /* something is not what was asked for */
};

/* What there is to measure; what several runs have alike is there once (calibration_done). */
void calibration_begin(struct calibration *all, const struct plan *plan,
		       const struct limits *limits);
/* Measure number i; folder: absolute, for its runs. */
int calibration_measure(struct calibration *all, size_t i, const struct plan *plan,
			enum link_engine engine, const char *folder, struct err *e);
void calibration_done(struct calibration *all);

#endif
