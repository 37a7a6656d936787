#include "topology/write_expect.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "topology/amount.h"
#include "topology/describe.h"
#include "topology/units.h"
#include "topology/write.h"
#include "topology/write_values.h"

/* Backslashes stand for themselves in single quotes, so expressions stay as they are read. */
static void write_string(struct text *t, const char *s)
{
	if (strpbrk(s, "\\'") != NULL && strchr(s, '\'') == NULL && strstr(s, "\\\\") == NULL &&
	    strstr(s, "%{") == NULL && s[strlen(s) - 1] != '\\') {
		text_add(t, "'%s'", s);
		return;
	}
	write_quoted(t, s);
}

static void key_string(struct text *out, const char *key, const char *value)
{
	text_add(out, "\t%s = ", key);
	write_string(out, value);
	text_add(out, "\n");
}

static void key_number(struct text *out, const char *key, double value)
{
	text_add(out, "\t%s = \"%.17g\"\n", key, value);
}

void write_metric(struct text *out, const struct topology *t, const struct metric *m)
{
	text_add(out, "\nmetric %s {\n\tprogram = %s\n", m->name, t->commands[m->program].name);
	key_string(out, "output", m->output);
	if (m->unit != NULL)
		key_string(out, "unit", m->unit);
	if (m->take != TAKE_LAST)
		text_add(out, "\ttake = %s\n", metric_take_names[m->take]);
	if (m->scale < 1 || m->scale > 1)
		key_number(out, "scale", m->scale);
	text_add(out, "}\n");
}

/* ---- expect ---- */

/* All expressions of one kind, as one list. */
static void write_patterns(struct text *out, const struct expectation *e, enum condition_kind kind,
			   const char *key)
{
	const char *before = "{ ";

	for (size_t i = 0; i < e->n_conditions; i++) {
		if (e->conditions[i].kind != kind)
			continue;
		if (before[0] == '{')
			text_add(out, "\t%s = ", key);
		text_add(out, "%s", before);
		write_string(out, e->conditions[i].text);
		before = ", ";
	}
	if (before[0] != '{')
		text_add(out, " }\n");
}

static void write_count(struct text *out, const struct expectation *e)
{
	char buf[AMOUNT_TEXT_LEN];

	for (size_t i = 0; i < e->n_conditions; i++) {
		const struct condition *c = &e->conditions[i];

		if (c->kind != EXPECT_OUTPUT)
			continue;
		if (c->amount.low != 1 || c->amount.high != UINT64_MAX)
			key_string(out, "count", amount_format(buf, &c->amount));
		return;
	}
}

static void write_amount(struct text *out, const char *key, const struct amount *a)
{
	char buf[AMOUNT_TEXT_LEN];

	key_string(out, key, amount_format(buf, a));
}

static void write_limits(struct text *out, const struct condition *c)
{
	if (c->included) {
		text_add(out, "\tbetween = { \"%.17g\", \"%.17g\" }\n", c->low, c->high);
		return;
	}
	if (!isinf(c->low))
		key_number(out, "above", c->low);
	if (!isinf(c->high))
		key_number(out, "below", c->high);
}

static void write_exit(struct text *out, const struct condition *c)
{
	cleanup_free char *list = exit_set_format(&c->statuses, true);

	text_add(out, "\texit = { %s }\n", list);
}

static void write_same_as(struct text *out, const struct condition *c)
{
	cleanup_free char *path = write_absolute(c->text);

	key_string(out, "same-as", path);
}

static void write_condition(struct text *out, const struct condition *c)
{
	char hex[2 * SHA256_LEN + 1];

	switch (c->kind) {
	case EXPECT_EXIT:
		write_exit(out, c);
		break;
	case EXPECT_EXISTS:
		text_add(out, "\texists = %s\n", c->wanted ? "yes" : "no");
		break;
	case EXPECT_PNG:
		text_add(out, "\tpng = %s\n", c->wanted ? "yes" : "no");
		break;
	case EXPECT_SAME_AS:
		write_same_as(out, c);
		break;
	case EXPECT_SHA256:
		key_string(out, "sha256", sha256_hex(hex, &c->digest));
		break;
	case EXPECT_SIZE:
		write_amount(out, "size", &c->amount);
		break;
	case EXPECT_PACKETS:
		write_amount(out, "packets", &c->amount);
		break;
	case EXPECT_BYTES:
		write_amount(out, "bytes", &c->amount);
		break;
	case EXPECT_CONNECTIONS:
		write_amount(out, "connections", &c->amount);
		break;
	case EXPECT_SPREAD:
		write_amount(out, "spread", &c->amount);
		break;
	case EXPECT_RESPONSES:
		write_amount(out, "responses", &c->amount);
		break;
	case EXPECT_LOST:
		write_amount(out, "lost", &c->amount);
		break;
	case EXPECT_METRIC:
		write_limits(out, c);
		break;
	default: /* written with all of their kind */
		break;
	}
}

static void write_captures(struct text *out, const struct topology *t, const struct expectation *e)
{
	for (size_t i = 0; i < e->n_captures; i++) {
		const struct node *n = &t->nodes[e->captures[i].node];

		text_add(out, "%s\"%s/%s\"", i == 0 ? "\tcapture = { " : ", ", n->name,
			 n->interfaces[e->captures[i].interface].name);
	}
	text_add(out, " }\n");
}

static void write_http(struct text *out, const struct expectation *e)
{
	cleanup_free char *path = write_absolute(e->http);
	char buf[UNIT_TEXT_LEN];

	key_string(out, "http", path);
	if (e->sample < 1)
		text_add(out, "\tsample = %s\n", unit_format_percent(buf, e->sample));
}

static void write_window(struct text *out, const struct expectation *e)
{
	char buf[UNIT_TEXT_LEN];

	if (e->filter != NULL)
		key_string(out, "filter", e->filter);
	if (e->directed)
		text_add(out, "\tdirection = %s\n", e->direction == LINK_OUT ? "out" : "in");
	if (e->from_ns != 0)
		text_add(out, "\tfrom = %s\n", unit_format_duration(buf, e->from_ns));
	if (e->until_ns != UINT64_MAX)
		text_add(out, "\tuntil = %s\n", unit_format_duration(buf, e->until_ns));
}

static void write_subject(struct text *out, const struct topology *t, const struct expectation *e)
{
	if (e->program != SIZE_MAX)
		text_add(out, "\tprogram = %s\n", t->commands[e->program].name);
	if (e->metric != SIZE_MAX)
		text_add(out, "\tmetric = %s\n", t->metrics[e->metric].name);
	if (e->file != NULL) {
		text_add(out, "\tnode = %s\n", t->nodes[e->node].name);
		key_string(out, "file", e->file);
	} else if (e->n_captures != 0) {
		write_captures(out, t, e);
		write_window(out, e);
	}
	if (e->http != NULL)
		write_http(out, e);
	if (e->lost_in != SIZE_MAX)
		text_add(out, "\tlost-in = %s\n", t->expectations[e->lost_in].name);
}

static void write_order(struct text *out, const struct topology *t, const struct expectation *e)
{
	for (size_t i = 0; i < e->n_events; i++) {
		cleanup_free char *event = event_format(t, &e->events[i]);

		text_add(out, "%s", i == 0 ? "\torder = { " : ", ");
		write_string(out, event);
	}
	if (e->n_events != 0)
		text_add(out, " }\n");
}

void write_expectation(struct text *out, const struct topology *t, const struct expectation *e)
{
	/* Of one run: what others are compared with is not in this file. */
	if (e->n_of != 0)
		return;
	text_add(out, "\nexpect %s {\n", e->name);
	write_subject(out, t, e);
	write_patterns(out, e, EXPECT_OUTPUT, "output");
	write_count(out, e);
	write_patterns(out, e, EXPECT_ABSENT, "absent");
	for (size_t i = 0; i < e->n_conditions; i++)
		write_condition(out, &e->conditions[i]);
	write_order(out, t, e);
	text_add(out, "}\n");
}
