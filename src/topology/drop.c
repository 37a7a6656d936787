/* The key `drop`: which datagrams, and perhaps of which flow. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/units.h"

#define FLOW_EXAMPLE "udp 10.0.0.1:20000 > 10.0.0.2:10000"

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

/* "10000", or "*1": a port that the kernel chose. */
static bool is_port(const char *text)
{
	uint64_t port;
	struct err ignored;

	return unit_count(text[0] == '*' ? text + 1 : text, 1, UINT16_MAX, &port, &ignored) == 0;
}

static bool is_address(const char *text)
{
	struct in6_addr a;

	return inet_pton(AF_INET, text, &a) == 1 || inet_pton(AF_INET6, text, &a) == 1;
}

/* ADDRESS:PORT or, of IPv6, [ADDRESS]:PORT. */
static bool is_end(const char *text)
{
	cleanup_free char *copy = text_dup(text);
	char *address = copy, *colon = strrchr(copy, ':');
	size_t len;

	if (colon == NULL || !is_port(colon + 1))
		return false;
	*colon = '\0';
	len = strlen(address);
	if (len > 1 && address[0] == '[' && address[len - 1] == ']') {
		address[len - 1] = '\0';
		address++;
	}
	return is_address(address);
}

static int refuse_flow(struct err *e, const char *why)
{
	return err_usage(e, "names no flow: %s, as in '5 of " FLOW_EXAMPLE "'", why);
}

/* UDP and TCP have ports; the names of all else are not ours to judge. */
static int flow_check(const char *flow, struct err *e)
{
	size_t protocol_len = strcspn(flow, " ");
	const char *ends = flow + protocol_len + 1;
	cleanup_free char *protocol = text_format("%.*s", (int)protocol_len, flow);
	cleanup_free char *from = NULL;
	const char *arrow = strstr(flow, " > ");

	if (protocol_len == 0 || is_address(protocol) || is_end(protocol))
		return refuse_flow(e, "it begins with a protocol");
	if (strcmp(protocol, "udp") != 0 && strcmp(protocol, "tcp") != 0)
		return 0;
	if (arrow == NULL || arrow < ends)
		return refuse_flow(e, "it has no ' > ' between two ends");
	from = text_format("%.*s", (int)(arrow - ends), ends);
	if (!is_end(from) || !is_end(arrow + 3))
		return refuse_flow(e, "both ends are ADDRESS:PORT");
	return 0;
}

static int drop_parse(const char *text, struct drop_range *ret_range, struct err *e)
{
	struct drop_range r = { 0 };
	const char *of = strstr(text, " of ");
	cleanup_free char *numbers = text_format(
		"%.*s", of != NULL ? (int)(of - text) : (int)strlen(text), text);

	if (range_parse(numbers, &r, e) != 0)
		return -1;
	if (of != NULL && flow_check(of + 4, e) != 0)
		return -1;
	r.flow = of != NULL ? text_dup(of + 4) : NULL;
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
