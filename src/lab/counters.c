#include "lab/counters.h"

#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

/* The values line of a protocol follows its names line: proc_pid_net(5), /proc/net/snmp. */
static bool snmp_value(const char *snmp, const char *protocol, const char *name, uint64_t *ret)
{
	const char *names = strstr(snmp, protocol);
	const char *values = names != NULL ? strstr(names + 1, protocol) : NULL;

	if (values == NULL)
		return false;
	names += strlen(protocol);
	values += strlen(protocol);
	for (;;) {
		size_t len;

		names += strspn(names, " ");
		values += strspn(values, " ");
		len = strcspn(names, " \n");
		if (len == 0)
			return false;
		if (len == strlen(name) && strncmp(names, name, len) == 0) {
			*ret = strtoull(values, NULL, 10);
			return true;
		}
		names += len;
		values += strcspn(values, " \n");
	}
}

int counters_parse_udp(const char *snmp, struct udp_counters *ret_counters, struct err *e)
{
	const struct {
		const char *protocol, *name;
		uint64_t *value;
	} wanted[] = {
		{ "\nUdp:", "InDatagrams", &ret_counters->in_datagrams },
		{ "\nUdp:", "NoPorts", &ret_counters->no_ports },
		{ "\nUdp:", "InErrors", &ret_counters->in_errors },
		{ "\nUdp:", "RcvbufErrors", &ret_counters->rcvbuf_errors },
		{ "\nUdp:", "InCsumErrors", &ret_counters->csum_errors },
		{ "\nUdp:", "OutDatagrams", &ret_counters->out_datagrams },
		{ "\nUdp:", "SndbufErrors", &ret_counters->sndbuf_errors },
		{ "Ip:", "ReasmFails", &ret_counters->reasm_fails },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!snmp_value(snmp, wanted[i].protocol, wanted[i].name, wanted[i].value))
			return err_set(e, 0, "/proc/net/snmp lacks %s", wanted[i].name);
	return 0;
}

uint64_t counters_parse_loopback(const char *dev)
{
	const char *lo = strstr(dev, " lo:");
	unsigned long long packets;

	return lo != NULL && sscanf(lo, " lo: %*u %llu", &packets) == 1 ? packets : 0;
}

uint64_t counters_parse_tcp(const char *sockstat)
{
	const char *tcp = strstr(sockstat, "TCP");
	unsigned long long n;

	return tcp != NULL && sscanf(tcp, "TCP%*[6:] inuse %llu", &n) == 1 ? n : UINT32_MAX;
}

uint64_t counters_parse_backlog(const char *softnet_stat)
{
	uint64_t sum = 0;

	for (const char *line = softnet_stat; *line != '\0';) {
		unsigned waiting;

		if (sscanf(line, "%*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %*x %x", &waiting) == 1)
			sum += waiting;
		line = strchr(line, '\n');
		if (line == NULL)
			break;
		line++;
	}
	return sum;
}
