/* counters: reads the text of /proc/net/snmp (proc_pid_net(5)). For lab.c. */
#ifndef HARNESS_LAB_COUNTERS_H
#define HARNESS_LAB_COUNTERS_H

#include "base/err.h"
#include "evidence/evidence.h"

/* -1 when a counter is not there. */
int counters_parse_udp(const char *snmp, struct udp_counters *ret_counters, struct err *e);

/* How many packets lo has received, from /proc/net/dev; 0 where there is none. */
uint64_t counters_parse_loopback(const char *dev);

/*
 * How many TCP sockets listen or are connected, from /proc/net/sockstat or sockstat6; many where it
 * does not say.
 */
uint64_t counters_parse_tcp(const char *sockstat);

/*
 * How many packets wait in the backlogs of all processors, from /proc/net/softnet_stat
 * (softnet_seq_show(), net/core/net-procfs.c; since Linux 5.10). 0 where it does not say.
 */
uint64_t counters_parse_backlog(const char *softnet_stat);

#endif
