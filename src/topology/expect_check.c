/* What only the whole block of an expectation can tell: which keys go together. */
#include <math.h>
#include "topology/build.h"

/* What an expectation is of: the key that says so, and those that go with it. */
struct subject {
	const char *key;
	const char *keys[14];
	const char *hint;
};

static const struct subject subjects[] = {
	{ "program", { "exit", "output", "count", "absent" }, "exit = 0 or output = 'EXPRESSION'" },
	{ "file", { "node", "exists", "same-as", "sha256", "png", "size" }, NULL },
	{ "capture",
	  { "filter", "direction", "from", "until", "packets", "bytes", "connections", "spread",
	    "http", "responses", "lost", "lost-in", "sample" },
	  NULL },
	{ "metric", { "of", "above", "below", "between" }, "above = 9 or between = { 9, 11 }" },
	{ "order", { NULL }, NULL },
};

static bool has(const struct section *s, const char *key)
{
	return section_entry(s, key) != NULL;
}

static const struct subject *find_subject(const struct section *s)
{
	for (size_t i = 0; i < N_ELEMENTS(subjects); i++)
		if (has(s, subjects[i].key))
			return &subjects[i];
	return NULL;
}

static void refuse_stray(struct builder *b, const struct section *s, const struct subject *mine)
{
	for (size_t i = 0; i < N_ELEMENTS(subjects); i++) {
		const struct subject *other = &subjects[i];

		if (other == mine)
			continue;
		if (has(s, other->key))
			build_complain(b, s, other->key,
				       "%s and %s in one expectation: write one for each",
				       mine->key, other->key);
		for (size_t k = 0; k < N_ELEMENTS(other->keys) && other->keys[k] != NULL; k++)
			if (has(s, other->keys[k]))
				build_complain(b, s, other->keys[k], "%s goes with '%s'",
					       other->keys[k], other->key);
	}
}

static void end_program(struct builder *b, const struct section *s)
{
	if (!has(s, "exit") && !has(s, "output") && !has(s, "absent"))
		problem_add(b->problems, s->at,
			    "expect '%s' expects nothing: give it a condition, as in %s", s->title,
			    subjects[0].hint);
	if (has(s, "count") && !has(s, "output"))
		build_complain(b, s, "count", "count goes with 'output'");
}

static void end_file(struct builder *b, struct expectation *e, const struct section *s)
{
	if (!has(s, "node"))
		build_complain(b, s, "file", "file without 'node': whose file it is stands there");
	if (e->n_conditions == 0 && !has(s, "exists"))
		expect_add(e, EXPECT_EXISTS)->wanted = true;
	for (size_t i = 0; i < e->n_conditions; i++)
		if (e->conditions[i].kind == EXPECT_EXISTS && !e->conditions[i].wanted &&
		    e->n_conditions > 1)
			build_complain(b, s, "exists",
				       "exists = no, so nothing else can be said of the file");
}

static bool samples(const struct builder *b, size_t expectation)
{
	return expectation != NOT_RESOLVED && b->t->expectations[expectation].sample < 1;
}

/* Answers come the other way, and an answer is all of it. */
static void end_http(struct builder *b, struct expectation *e, const struct section *s)
{
	static const char *const parts[] = { "direction", "from", "until" };

	for (size_t i = 0; i < N_ELEMENTS(parts); i++)
		if (has(s, parts[i]))
			build_complain(b, s, parts[i],
				       "%s with 'http': whole conversations are looked at, both "
				       "ways",
				       parts[i]);
	if (!has(s, "responses"))
		expect_add(e, EXPECT_RESPONSES);
	if (!has(s, "lost") && !has(s, "lost-in"))
		expect_add(e, EXPECT_LOST)->amount = (struct amount){ 0, 0 };
	if (has(s, "lost-in") && (e->sample < 1 || samples(b, e->lost_in)))
		build_complain(b, s, "lost-in",
			       "lost-in with 'sample', here or there: of two samples nothing "
			       "follows");
}

static void end_capture(struct builder *b, struct expectation *e, const struct section *s)
{
	static const char *const https[] = { "responses", "lost", "lost-in", "sample" };

	for (size_t i = 0; i < N_ELEMENTS(https) && !has(s, "http"); i++)
		if (has(s, https[i]))
			build_complain(b, s, https[i], "%s goes with 'http'", https[i]);
	if (has(s, "http"))
		end_http(b, e, s);
	else if (!has(s, "packets") && !has(s, "bytes") && !has(s, "connections") &&
		 !has(s, "spread"))
		expect_add(e, EXPECT_PACKETS);
}

static void end_metric(struct builder *b, const struct section *s)
{
	if (!has(s, "above") && !has(s, "below") && !has(s, "between"))
		problem_add(b->problems, s->at,
			    "expect '%s' expects nothing: give it a limit, as in %s", s->title,
			    subjects[3].hint);
	if (has(s, "between") && (has(s, "above") || has(s, "below")))
		build_complain(b, s, "between", "between stands for above and below: leave those");
}

void expect_end(struct builder *b, void *object, const struct section *s)
{
	struct expectation *e = object;
	const struct subject *mine = find_subject(s);

	if (mine == NULL) {
		problem_add(b->problems, s->at,
			    "expect '%s' is of nothing: give it a program, file, capture, metric "
			    "or order",
			    s->title);
		return;
	}
	refuse_stray(b, s, mine);
	if (mine == &subjects[0])
		end_program(b, s);
	else if (mine == &subjects[1])
		end_file(b, e, s);
	else if (mine == &subjects[2])
		end_capture(b, e, s);
	else if (mine == &subjects[3])
		end_metric(b, s);
}
