/* plan_text: plans of texts, for tests of src/topology. After cmocka.h and what that needs. */
#ifndef TESTS_UNIT_PLAN_TEXT_H
#define TESTS_UNIT_PLAN_TEXT_H

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "topology/plan.h"

/* All of it as one text; "" when there was nothing to say. */
static char *messages_of(struct problems *p)
{
	struct text t = { 0 };

	for (size_t i = 0; i < p->n; i++)
		text_add(&t, "%s\n", p->messages[i]);
	problems_done(p);
	return text_take(&t);
}

/* The plan of a good file. */
static struct plan *parse(const char *text)
{
	struct problems p = { 0 };
	struct plan *plan = NULL;
	int r = plan_parse("x.conf", text, strlen(text), &plan, &p);
	cleanup_free char *messages = messages_of(&p);

	assert_string_equal(messages, "");
	assert_int_equal(r, 0);
	return plan;
}

#endif
