#include "topology/describe.h"

#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "topology/amount.h"
#include "topology/units.h"

/* ---- of what ---- */

static void add_window(struct text *s, const struct expectation *e)
{
	char buf[UNIT_TEXT_LEN];

	if (e->filter != NULL)
		text_add(s, ", '%s'", e->filter);
	if (e->directed)
		text_add(s, ", %s", e->direction == LINK_OUT ? "out" : "in");
	if (e->from_ns != 0)
		text_add(s, ", from %s", unit_format_duration(buf, e->from_ns));
	if (e->until_ns != UINT64_MAX)
		text_add(s, ", until %s", unit_format_duration(buf, e->until_ns));
	if (e->sample < 1)
		text_add(s, ", %s of the connections", unit_format_percent(buf, e->sample));
}

char *describe_subject(const struct topology *t, const struct expectation *e)
{
	struct text s = { 0 };

	if (e->program != SIZE_MAX)
		return text_format("program %s", t->commands[e->program].name);
	if (e->metric != SIZE_MAX)
		return text_format("metric %s", t->metrics[e->metric].name);
	if (e->file != NULL)
		return text_format("%s at %s", e->file, t->nodes[e->node].name);
	if (e->n_captures == 0)
		return text_dup("order");
	for (size_t i = 0; i < e->n_captures; i++) {
		const struct node *n = &t->nodes[e->captures[i].node];

		text_add(&s, "%s%s/%s",
			 i != 0		     ? ", "
			 : e->n_captures > 1 ? "captures "
					     : "capture ",
			 n->name, n->interfaces[e->captures[i].interface].name);
	}
	add_window(&s, e);
	return text_take(&s);
}

/* ---- what ---- */

/* "1 line", "at least 1 line", "2 to 5 lines" */
static char *describe_amount(const struct amount *a, const char *noun)
{
	bool one = a->low == 1 && (a->high == 1 || a->high == UINT64_MAX);
	char buf[AMOUNT_TEXT_LEN];

	return text_format("%s %s%s", amount_describe(buf, a), noun,
			   one || (a->low == 0 && a->high == 1) ? "" : "s");
}

static char *describe_output(const struct condition *c)
{
	cleanup_free char *lines = describe_amount(&c->amount, "line");

	return text_format("'%s' on %s", c->text, lines);
}

static char *describe_exit(const struct condition *c)
{
	cleanup_free char *list = exit_set_format(&c->statuses, false);

	return text_format("exit %s", list);
}

static void add_limit(struct text *s, const char *word, double limit, bool share)
{
	text_add(s, "%s%s %.15g%s", s->len != 0 ? " and " : "", word, share ? limit * 100 : limit,
		 share ? "%" : "");
}

static char *describe_responses(const struct expectation *e, const struct condition *c)
{
	cleanup_free char *answers = describe_amount(&c->amount, "answer");

	return text_format("%s, and none that differs from %s", answers, e->http);
}

static char *describe_spread(const struct expectation *e, const struct condition *c)
{
	cleanup_free char *many = describe_amount(&c->amount,
						  e->http != NULL ? "answer" : "connection");

	return text_format("%s between the most and the fewest", many);
}

static char *describe_lost(const struct condition *c)
{
	cleanup_free char *requests = describe_amount(&c->amount, "request");

	return text_format("%s that a server did not answer to the end", requests);
}

static char *describe_limits(const struct topology *t, const struct expectation *e,
			     const struct condition *c)
{
	const char *unit = e->n_of == 0 ? t->metrics[e->metric].unit : NULL;
	struct text s = { 0 };

	if (!isinf(c->low))
		add_limit(&s, c->included ? "at least" : "above", c->low, e->n_of != 0);
	if (!isinf(c->high))
		add_limit(&s, c->included ? "at most" : "below", c->high, e->n_of != 0);
	if (unit != NULL)
		text_add(&s, " %s", unit);
	for (size_t i = 0; i < e->n_of; i++)
		text_add(&s, "%s%s=%s", i == 0 ? " of that of " : ",", e->of[i].name,
			 e->of[i].value);
	return text_take(&s);
}

static char *describe_order(const struct topology *t, const struct expectation *e)
{
	struct text s = { 0 };

	for (size_t i = 0; i < e->n_events; i++) {
		cleanup_free char *event = event_format(t, &e->events[i]);

		text_add(&s, "%s%s", i != 0 ? ", then " : "", event);
	}
	return text_take(&s);
}

char *describe_condition(const struct topology *t, const struct expectation *e,
			 const struct condition *c)
{
	char hex[2 * SHA256_LEN + 1];

	switch (c->kind) {
	case EXPECT_EXIT:
		return describe_exit(c);
	case EXPECT_OUTPUT:
		return describe_output(c);
	case EXPECT_ABSENT:
		return text_format("'%s' on no line", c->text);
	case EXPECT_EXISTS:
		return text_dup(c->wanted ? "a file" : "no file");
	case EXPECT_SAME_AS:
		return text_format("the same bytes as %s", c->text);
	case EXPECT_SHA256:
		return text_format("sha256 %s", sha256_hex(hex, &c->digest));
	case EXPECT_PNG:
		return text_dup(c->wanted ? "a good PNG picture" : "no good PNG picture");
	case EXPECT_SIZE:
	case EXPECT_BYTES:
		return describe_amount(&c->amount, "byte");
	case EXPECT_PACKETS:
		return describe_amount(&c->amount, "packet");
	case EXPECT_CONNECTIONS:
		return describe_amount(&c->amount, "connection");
	case EXPECT_SPREAD:
		return describe_spread(e, c);
	case EXPECT_RESPONSES:
		return describe_responses(e, c);
	case EXPECT_LOST:
		return describe_lost(c);
	case EXPECT_LOST_IN:
		return text_format("no more of those than in %s", t->expectations[e->lost_in].name);
	case EXPECT_METRIC:
		return describe_limits(t, e, c);
	case EXPECT_ORDER:
	case N_CONDITION_KINDS:
		break;
	}
	return describe_order(t, e);
}

char *describe_metric(const struct topology *t, const struct metric *m)
{
	struct text s = { 0 };

	text_add(&s, "%s '%s'", t->commands[m->program].name, m->output);
	if (m->take != TAKE_LAST)
		text_add(&s, ", %s", metric_take_names[m->take]);
	if (m->scale < 1 || m->scale > 1)
		text_add(&s, ", times %.15g", m->scale);
	if (m->unit != NULL)
		text_add(&s, ", in %s", m->unit);
	return text_take(&s);
}
