/* The keys of expectations about captures: packets, connections, HTTP answers. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/text.h"
#include "topology/amount.h"
#include "topology/build.h"
#include "topology/expect_keys.h"
#include "topology/units.h"

static bool has_capture(const struct expectation *e, size_t node, size_t interface)
{
	for (size_t i = 0; i < e->n_captures; i++)
		if (e->captures[i].node == node && e->captures[i].interface == interface)
			return true;
	return false;
}

void expect_set_capture(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;

	e->captures = array_new(n, sizeof(*e->captures));
	for (size_t i = 0; i < n; i++) {
		size_t node = NOT_RESOLVED, interface = NOT_RESOLVED;

		build_find_link(b, &values[i], &node, &interface);
		if (interface == NOT_RESOLVED)
			continue;
		if (has_capture(e, node, interface))
			build_refuse(b, &values[i], "is given twice");
		else
			e->captures[e->n_captures++] = (struct captured){ node, interface };
	}
	if (e->n_captures > 0)
		e->node = e->captures[0].node;
}

/* Whether libpcap understands it is found out where libpcap is: capture/filter.h. */
void expect_set_filter(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;

	(void)n;
	e->filter = text_dup(values[0].text);
	e->filter_line = build_line(b, values[0].at);
}

void expect_set_direction(struct builder *b, void *object, const struct value *values, size_t n)
{
	static const char *const words[N_DIRECTIONS] = { [LINK_OUT] = "out", [LINK_IN] = "in" };
	struct expectation *e = object;
	int d = build_choose(b, &values[0], words, N_DIRECTIONS);

	(void)n;
	if (d < 0)
		return;
	e->directed = true;
	e->direction = (enum direction)d;
}

static void set_time(struct builder *b, uint64_t *to, const struct value *v)
{
	struct err why;

	if (unit_duration(v->text, to, &why) != 0)
		build_refuse(b, v, "%s", why.msg);
}

void expect_set_from(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	set_time(b, &((struct expectation *)object)->from_ns, &values[0]);
}

void expect_set_until(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;

	(void)n;
	set_time(b, &e->until_ns, &values[0]);
	if (!b->refused && e->until_ns <= e->from_ns)
		build_refuse(b, &values[0], "is not after 'from'");
}

void expect_set_packets(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], false, &expect_add(object, EXPECT_PACKETS)->amount);
}

void expect_set_bytes(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], true, &expect_add(object, EXPECT_BYTES)->amount);
}

void expect_set_connections(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], false, &expect_add(object, EXPECT_CONNECTIONS)->amount);
}

void expect_set_spread(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], false, &expect_add(object, EXPECT_SPREAD)->amount);
	if (!b->refused && ((struct expectation *)object)->n_captures < 2)
		build_refuse(b, &values[0], "is between captures: give 'capture' two or more");
}

void expect_set_http(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;
	struct stat st;

	(void)n;
	e->http = build_path(b, values[0].text);
	if (stat(e->http, &st) == 0 && !S_ISDIR(st.st_mode))
		build_refuse(b, &values[0], "is no folder");
	else if (access(e->http, R_OK | X_OK) != 0)
		build_refuse(b, &values[0], "cannot be read: %s", strerror(errno));
}

void expect_set_responses(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], false, &expect_add(object, EXPECT_RESPONSES)->amount);
}

void expect_set_lost(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], false, &expect_add(object, EXPECT_LOST)->amount);
}

/* The block that is being built is the last one, and what it means stands before it. */
void expect_set_lost_in(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct nearest near = { .word = values[0].text };
	size_t found = nearest_find(&near, b->t->expectations, b->t->n_expectations - 1);
	struct expectation *e = object;

	(void)n;
	if (found == NOT_RESOLVED) {
		build_refuse(b, &values[0], "is no expectation before this one%s",
			     nearest_hint(&near));
	} else if (b->t->expectations[found].http == NULL) {
		build_refuse(b, &values[0], "counts no requests: it has no 'http'");
	} else {
		expect_add(e, EXPECT_LOST_IN);
		e->lost_in = found;
	}
}

void expect_set_sample(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;
	struct err why;

	(void)n;
	if (unit_percent(values[0].text, &e->sample, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (!(e->sample > 0))
		build_refuse(b, &values[0], "looks at nothing");
}
