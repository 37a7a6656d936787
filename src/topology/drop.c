/* The key `drop`: which datagrams, and perhaps of which flow. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/units.h"

#define FLOW_EXAMPLE "udp 10.0.0.1:*1 > 10.0.0.2:10000"

static int number_parse(const char *text, uint64_t *ret, struct err *e)
{
	if (unit_count(text, 0, UINT64_MAX, ret, e) != 0)
		return err_usage(e, "is not a datagram's number, a range as 20-25, or either with "
				    "' of FLOW'");
	if (*ret == 0)
		return err_usage(e, "counts from 0: the first datagram of a flow is 1");
	return 0;
}

static int range_parse(const char *text, struct drop_range *ret, struct err *e)
{
	cleanup_free char *first = text_dup(text);
	char *hyphen = strchr(first, '-');

	if (hyphen != NULL)
		*hyphen = '\0';
	if (number_parse(first, &ret->first, e) != 0)
		return -1;
	ret->last = ret->first;
	if (hyphen != NULL && number_parse(hyphen + 1, &ret->last, e) != 0)
		return -1;
	if (ret->last < ret->first)
		return err_usage(e, "ends before it begins: write %s-%s", hyphen + 1, first);
	return 0;
}

/* ---- flows ---- */

/* 32768 to 60999: ip_local_port_range of ip-sysctl.rst, which nothing in a lab changes. */
#define FIRST_LOCAL_PORT 32768
#define LAST_LOCAL_PORT	 60999

struct end {
	int family;
	char address[INET6_ADDRSTRLEN]; /* as inet_ntop(3) has it: names are compared as text */
	char port[8];			/* "" when the protocol has none */
};

static int refuse_flow(struct err *e, const char *why)
{
	return err_usage(e, "names no flow: %s, as in '5 of " FLOW_EXAMPLE "'", why);
}

/* "10000", or "*1": the first of flows that differ by a port which the kernel chose. */
static int port_parse(const char *text, struct end *ret, struct err *e)
{
	bool chosen = text[0] == '*';
	uint64_t port;

	if (unit_count(text + chosen, 1, UINT16_MAX, &port, e) != 0)
		return refuse_flow(e, "both ends are ADDRESS:PORT");
	if (!chosen && port >= FIRST_LOCAL_PORT && port <= LAST_LOCAL_PORT)
		return err_usage(
			e,
			"names port %u, and %d to %d are chosen by kernels, others in each "
			"run: write *1 for the first such flow, *2 for the next",
			(unsigned)port, FIRST_LOCAL_PORT, LAST_LOCAL_PORT);
	snprintf(ret->port, sizeof(ret->port), "%s%u", chosen ? "*" : "", (unsigned)port);
	return 0;
}

/* Without the brackets that IPv6 has in front of a port (RFC 3986, 3.2.2). */
static int address_of_end(char *text, struct end *ret, struct err *e)
{
	size_t len = strlen(text);
	struct in6_addr a;

	if (len > 1 && text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		text++;
	}
	ret->family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(ret->family, text, &a) != 1)
		return refuse_flow(e, ret->port[0] != '\0' ? "both ends are ADDRESS:PORT"
							   : "both ends are addresses");
	inet_ntop(ret->family, &a, ret->address, sizeof(ret->address));
	return 0;
}

static int end_parse(const char *text, bool has_port, struct end *ret, struct err *e)
{
	cleanup_free char *copy = text_dup(text);
	char *colon = strrchr(copy, ':');

	ret->port[0] = '\0';
	if (has_port) {
		if (colon == NULL)
			return refuse_flow(e, "both ends are ADDRESS:PORT");
		*colon = '\0';
		if (port_parse(colon + 1, ret, e) != 0)
			return -1;
	}
	return address_of_end(copy, ret, e);
}

static void add_end(struct text *t, const struct end *end)
{
	bool brackets = end->family == AF_INET6 && end->port[0] != '\0';

	text_add(t, brackets ? "[%s]" : "%s", end->address);
	if (end->port[0] != '\0')
		text_add(t, ":%s", end->port);
}

/* What the logs of links call what IP carries; "ip-89" for all else. */
static bool is_protocol(const char *name)
{
	static const char *const known[] = { "udp",  "tcp",  "icmp",   "icmp6",
					     "igmp", "sctp", "udplite" };
	uint64_t number;
	struct err ignored;

	for (size_t i = 0; i < N_ELEMENTS(known); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return strncmp(name, "ip-", 3) == 0 && unit_count(name + 3, 0, 255, &number, &ignored) == 0;
}

/* The name as the logs of links have it (free). */
static int flow_parse(const char *flow, char **ret_name, struct err *e)
{
	size_t protocol_len = strcspn(flow, " ");
	const char *ends = flow + protocol_len + 1, *arrow = strstr(flow, " > ");
	cleanup_free char *protocol = text_format("%.*s", (int)protocol_len, flow);
	bool has_ports = strcmp(protocol, "udp") == 0 || strcmp(protocol, "tcp") == 0;
	struct end from, to;
	struct text name = { 0 };

	if (!is_protocol(protocol))
		return refuse_flow(e, "it begins with a protocol of IP");
	if (arrow == NULL || arrow < ends)
		return refuse_flow(e, "it has no ' > ' between two ends");

	cleanup_free char *first = text_format("%.*s", (int)(arrow - ends), ends);

	if (end_parse(first, has_ports, &from, e) != 0 ||
	    end_parse(arrow + 3, has_ports, &to, e) != 0)
		return -1;
	if (from.family != to.family)
		return refuse_flow(e, "its ends are IPv4 and IPv6");
	text_add(&name, "%s ", protocol);
	add_end(&name, &from);
	text_add(&name, " > ");
	add_end(&name, &to);
	*ret_name = text_take(&name);
	return 0;
}

/* ---- values ---- */

static int drop_parse(const char *text, struct drop_range *ret_range, struct err *e)
{
	struct drop_range r = { 0 };
	const char *of = strstr(text, " of ");
	cleanup_free char *numbers = text_format(
		"%.*s", of != NULL ? (int)(of - text) : (int)strlen(text), text);

	if (range_parse(numbers, &r, e) != 0)
		return -1;
	if (of != NULL && flow_parse(of + 4, &r.flow, e) != 0)
		return -1;
	*ret_range = r;
	return 0;
}

void drop_fill(struct builder *b, struct impairment *to, const struct value *values, size_t n)
{
	for (size_t i = 0; i < to->n_drops; i++)
		free(to->drops[i].flow);
	free(to->drops);
	to->drops = array_new(n, sizeof(*to->drops));
	to->n_drops = 0;
	for (size_t i = 0; i < n; i++) {
		struct err why;

		if (drop_parse(values[i].text, &to->drops[to->n_drops], &why) == 0)
			to->n_drops++;
		else
			build_refuse(b, &values[i], "%s", why.msg);
	}
}
