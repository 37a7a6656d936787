/*
 * stream: one stream of numbered datagrams sent across one direction of a link, in a lab of two
 * nodes made for it: the node whose link it is, and one at the other side of its network.
 */
#ifndef HARNESS_CALIBRATE_STREAM_H
#define HARNESS_CALIBRATE_STREAM_H

#include "base/err.h"
#include "calibrate/compare.h"
#include "evidence/evidence.h"
#include "topology/topology.h"

struct stream_request {
	const struct topology *topology; /* that has the link */
	size_t node, interface;
	enum direction direction; /* that is measured; the other one is clean */
	enum link_engine engine;
	struct stream_plan plan;
	double early_ns;
	const char *folder; /* for the run, absolute; it goes when it was read */
};

/* ret_engine (free): in which way the engine worked; NULL when nothing says so. */
int stream_run(const struct stream_request *request, struct measured *ret_measured,
	       char **ret_engine, struct err *e);

#endif
