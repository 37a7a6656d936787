/* inventory: what the captures and links of a run are called, and which is which, in its evidence. */
#ifndef HARNESS_RUN_INVENTORY_H
#define HARNESS_RUN_INVENTORY_H

#include "evidence/evidence.h"
#include "topology/topology.h"

/*
 * Fill in captures and links of evidence that has room for those of the topology: one capture in
 * each node's interface, then one behind each link that `engine` impairs. No captures when there is
 * room for none.
 */
void inventory_fill(const struct topology *t, enum link_engine engine, struct evidence *ev);

#endif
