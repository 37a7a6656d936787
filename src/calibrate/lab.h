/* lab: the topology of two nodes in which one direction of a link is measured. For stream.c. */
#ifndef HARNESS_CALIBRATE_LAB_H
#define HARNESS_CALIBRATE_LAB_H

#include "calibrate/stream.h"

/* Node 0 is that of the link, node 1 its peer (topology_free). */
int calibration_lab(const struct stream_request *request, struct topology **ret_topology,
		    struct err *e);

#endif
