#include "verify/expect.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "topology/describe.h"

/* ---- what the parts ask ---- */

void expect_set(struct condition_verdict *v, enum outcome o, const char *format, ...)
{
	va_list ap;
	char *found;

	va_start(ap, format);
	found = text_vformat(format, ap);
	va_end(ap);
	free(v->found);
	v->outcome = o;
	v->found = found;
}

enum outcome expect_amount(const struct amount *a, uint64_t n, bool open)
{
	if (n > a->high)
		return OUTCOME_FAIL;
	if (open && (n < a->low || a->high != UINT64_MAX))
		return OUTCOME_INCONCLUSIVE;
	return n >= a->low ? OUTCOME_PASS : OUTCOME_FAIL;
}

const struct program_evidence *expect_program(const struct trial *t, size_t command)
{
	const struct command *c = &t->topology->commands[command];
	const struct evidence *ev = t->evidence;
	cleanup_free char *name = text_format("%s/%s.%s", t->topology->nodes[c->node].name,
					      fs_basename(c->argv[0]), c->name);

	for (size_t i = 0; i < ev->n_programs; i++) {
		const struct program_evidence *p = &ev->programs[i];

		if (p->transfer == NO_TRANSFER && p->node == c->node &&
		    strncmp(p->name, name, sizeof(p->name) - 1) == 0)
			return p;
	}
	return NULL;
}

bool expect_names_exit(const struct trial *t, const struct program_evidence *p)
{
	for (size_t i = 0; i < t->topology->n_commands; i++)
		if (topology_expects_exit(t->topology, i) && expect_program(t, i) == p)
			return true;
	return false;
}

uint64_t expect_real_ns(const struct trial *t, uint64_t monotonic_ns)
{
	return t->evidence->started_real_ns + monotonic_ns - t->evidence->started_ns;
}

/* ---- one block ---- */

static void judge_condition(const struct expecting *x, const struct condition *c,
			    struct condition_verdict *v)
{
	switch (c->kind) {
	case EXPECT_EXIT:
		expect_judge_exit(x, c, v);
		break;
	case EXPECT_OUTPUT:
	case EXPECT_ABSENT:
		expect_judge_output(x, c, v);
		break;
	case EXPECT_ORDER:
		expect_judge_order(x, v);
		break;
	case EXPECT_METRIC:
		expect_judge_metric(x, c, v);
		break;
	case EXPECT_PACKETS:
	case EXPECT_BYTES:
	case EXPECT_CONNECTIONS:
	case EXPECT_SPREAD:
	case EXPECT_RESPONSES:
	case EXPECT_LOST:
	case EXPECT_LOST_IN:
	case N_CONDITION_KINDS:
		break;
	case EXPECT_EXISTS:
	case EXPECT_SAME_AS:
	case EXPECT_SHA256:
	case EXPECT_PNG:
	case EXPECT_SIZE:
		expect_judge_file(x, c, v);
		break;
	}
}

static const char *node_of(const struct topology *t, const struct expectation *e)
{
	size_t node = e->node;

	if (e->program != SIZE_MAX)
		node = t->commands[e->program].node;
	else if (e->metric != SIZE_MAX)
		node = t->commands[t->metrics[e->metric].program].node;
	return node != SIZE_MAX ? t->nodes[node].name : NULL;
}

static void describe(const struct topology *t, const struct expectation *e,
		     struct expectation_verdict *v)
{
	const char *node = node_of(t, e);

	v->name = text_dup(e->name);
	v->lost_open = true; /* until they are counted */
	v->subject = describe_subject(t, e);
	v->node = node != NULL ? text_dup(node) : NULL;
	v->n_conditions = e->n_conditions;
	v->conditions = array_new(e->n_conditions, sizeof(*v->conditions));
	for (size_t i = 0; i < e->n_conditions; i++)
		v->conditions[i].expected = describe_condition(t, e, &e->conditions[i]);
}

/* The worst of all conditions is what the block says, and the first of those is the reason. */
static void sum_up(struct expectation_verdict *v)
{
	const struct condition_verdict *worst = NULL;

	for (size_t i = 0; i < v->n_conditions; i++) {
		const struct condition_verdict *c = &v->conditions[i];

		if (worst == NULL || outcome_worse(worst->outcome, c->outcome) != worst->outcome)
			worst = c;
	}
	if (worst == NULL)
		return;
	v->outcome = worst->outcome;
	if (worst->outcome != OUTCOME_PASS)
		v->reason = text_format("%s: expected %s; found: %s", v->subject, worst->expected,
					worst->found);
}

static void judge_block(const struct trial *t, const struct expectation *e,
			struct expectation_verdict *v)
{
	const struct expecting x = { t, e, v };

	describe(t->topology, e, v);
	if (e->n_captures != 0)
		expect_judge_captures(&x);
	for (size_t i = 0; i < e->n_conditions; i++)
		judge_condition(&x, &e->conditions[i], &v->conditions[i]);
	sum_up(v);
}

void expectations_judge(struct trial *t)
{
	struct run_verdict *v = t->verdict;

	v->n_expectations = t->topology->n_expectations;
	v->expectations = array_new(v->n_expectations, sizeof(*v->expectations));
	for (size_t i = 0; i < v->n_expectations; i++)
		judge_block(t, &t->topology->expectations[i], &v->expectations[i]);
}
