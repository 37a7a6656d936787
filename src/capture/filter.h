/* filter: expressions of pcap-filter(7) over packets of a file. Ethernet, as all captures are. */
#ifndef HARNESS_CAPTURE_FILTER_H
#define HARNESS_CAPTURE_FILTER_H

#include <stdbool.h>

#include "base/err.h"
#include "capture/pcapng.h"
#include "topology/plan.h"

struct packet_filter;

/* Compile it for packets of at most snaplen bytes. On -1 *e is what libpcap says of it. */
int packet_filter_new(const char *text, unsigned snaplen, struct packet_filter **ret_filter,
		      struct err *e);
/* Whether it lets the packet through; what was not captured of it counts as not there. */
bool packet_filter_match(const struct packet_filter *f, const struct packet *p);
void packet_filter_freep(struct packet_filter **f);

/*
 * Whether libpcap understands the filters of all expectations; those it does not are added to *p as
 * plan_load() would have (-1). The capture's own filter is compiled when it is begun.
 */
int packet_filter_check_plan(const struct plan *plan, struct problems *p);

#endif
