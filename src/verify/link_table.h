/*
 * link_table: links.tsv, every frame that the link engine decided about, one row each, for people
 * with grep, sort and join. Columns are separated by tabs and named in the first line:
 *
 *	time       s.ns since 1970, when the frame came to the engine
 *	link       "alpine-1/eth0"
 *	direction  "out" of its node or "in"
 *	flow       "udp 10.0.0.1:20000 > 10.0.0.2:10000"
 *	number     of the frame in its flow, from 1
 *	length     bytes, Ethernet header included
 *	fate       "lost", or "passed" and what happened to it: "passed,duplicated,corrupted,reordered"
 *	cause      why it was lost: "loss", "queue", ...; "-"
 *	draw       what was drawn to decide about its loss, 0 to 1; "-"
 *	held_ns    how long the engine holds it; "-" when it was lost
 *
 * Rows are in the order of decisions. Two runs are compared by link, direction, flow and number.
 */
#ifndef HARNESS_VERIFY_LINK_TABLE_H
#define HARNESS_VERIFY_LINK_TABLE_H

#include "base/err.h"
#include "evidence/evidence.h"
#include "link/log.h"

struct link_table;

/* Makes FOLDER/links.tsv. */
int link_table_open(const char *folder, struct link_table **ret_table, struct err *e);
/* The frame of this flow. Errors are kept for link_table_close(). */
void link_table_add(struct link_table *t, const struct evidence *ev, const struct link_flow *flow,
		    const struct link_frame *frame);
int link_table_close(struct link_table *t, struct err *e);
void link_table_freep(struct link_table **t);

#endif
