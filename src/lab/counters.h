/* counters: reads the text of /proc/net/snmp (proc_pid_net(5)). For lab.c. */
#ifndef HARNESS_LAB_COUNTERS_H
#define HARNESS_LAB_COUNTERS_H

#include "base/err.h"
#include "evidence/evidence.h"

/* -1 when a counter is not there. */
int counters_parse_udp(const char *snmp, struct udp_counters *ret_counters, struct err *e);

#endif
