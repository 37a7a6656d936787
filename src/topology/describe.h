/*
 * describe: links, faults and expectations in words, for people: `harness check` and reports.
 * Each returns a string of its own (free).
 */
#ifndef HARNESS_TOPOLOGY_DESCRIBE_H
#define HARNESS_TOPOLOGY_DESCRIBE_H

#include "topology/topology.h"

/* "delay 10ms, loss 1%, rate 10mbit queue 64KiB", or "clean". */
char *describe_impairment(const struct impairment *i);
/* "out: delay 10ms; in: clean". */
char *describe_link(const struct interface *iface);
/* "at 2s for 1s", "after 500 datagrams from a to b, port 10000". */
char *describe_fault_time(const struct topology *t, const struct fault *f);
/* "a/eth0", "receiver of pictures at b". */
char *describe_fault_place(const struct topology *t, const struct fault *f);
/* "down", "blackhole in", "out becomes: loss 10%", "kill". */
char *describe_fault_action(const struct fault *f);
/* "program server", "page.html at client", "capture a/eth0, 'tcp port 80', in, until 2s". */
char *describe_subject(const struct topology *t, const struct expectation *e);
/* "exit 0", "'ready' on at least 1 line", "file there": what this condition of it is. */
char *describe_condition(const struct topology *t, const struct expectation *e,
			 const struct condition *c);
/* "server: 'rate ([0-9.]+)', Mbit/s, last of all". */
char *describe_metric(const struct topology *t, const struct metric *m);
/* "server ready", "client output DONE", "fault cut": as the topology file has it. */
char *event_format(const struct topology *t, const struct event *ev);

/* describe_routing.c: as `route` and `port-forward` take it: "10.2.0.0/16 via 10.1.0.1 dev eth0". */
char *describe_route(const struct node *n, const struct route *r);
char *describe_port_forward(const struct port_forward *f);
/* "r2, which does not forward"; "" where the route goes by no gateway. */
char *describe_gateway(const struct topology *t, const struct route *r);

#endif
