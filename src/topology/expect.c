/* The expectations of a topology file: what must come of a run, beside what is always judged. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/amount.h"
#include "topology/build.h"
#include "topology/expect_keys.h"
#include "topology/names.h"
#include "topology/units.h"

void expectation_done(struct expectation *e)
{
	for (size_t i = 0; i < e->n_conditions; i++)
		free(e->conditions[i].text);
	for (size_t i = 0; i < e->n_events; i++)
		free(e->events[i].text);
	for (size_t i = 0; i < e->n_of; i++) {
		free(e->of[i].name);
		free(e->of[i].value);
	}
	free(e->conditions);
	free(e->events);
	free(e->of);
	free(e->captures);
	free(e->http);
	free(e->file);
	free(e->filter);
	free(e->name);
}

struct condition *expect_add(struct expectation *e, enum condition_kind kind)
{
	e->conditions = reallocarray(e->conditions, e->n_conditions + 1, sizeof(*e->conditions));
	if (e->conditions == NULL)
		abort();

	struct condition *c = &e->conditions[e->n_conditions++];

	*c = (struct condition){
		.kind = kind, .amount = { 1, UINT64_MAX }, .low = -INFINITY, .high = INFINITY
	};
	return c;
}

/* ---- of a program ---- */

static void set_program(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	((struct expectation *)object)->program = build_find_command(b, &values[0]);
}

static void set_exit(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct condition *c = expect_add(object, EXPECT_EXIT);
	struct err why;

	for (size_t i = 0; i < n; i++)
		if (exit_set_add(&c->statuses, values[i].text, &why) != 0)
			build_refuse(b, &values[i], "%s", why.msg);
}

static void add_patterns(struct builder *b, struct expectation *e, enum condition_kind kind,
			 const struct value *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (build_check_pattern(b, &values[i]))
			expect_add(e, kind)->text = text_dup(values[i].text);
}

static void set_output(struct builder *b, void *object, const struct value *values, size_t n)
{
	add_patterns(b, object, EXPECT_OUTPUT, values, n);
}

static void set_absent(struct builder *b, void *object, const struct value *values, size_t n)
{
	add_patterns(b, object, EXPECT_ABSENT, values, n);
}

bool expect_read_amount(struct builder *b, const struct value *v, bool sizes, struct amount *to)
{
	struct err why;

	if (amount_parse(v->text, sizes, to, &why) == 0)
		return true;
	build_refuse(b, v, "%s", why.msg);
	return false;
}

static void set_count(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;
	struct amount a;

	(void)n;
	if (!expect_read_amount(b, &values[0], false, &a))
		return;
	for (size_t i = 0; i < e->n_conditions; i++)
		if (e->conditions[i].kind == EXPECT_OUTPUT)
			e->conditions[i].amount = a;
}

/* ---- of a file ---- */

static void set_node(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	((struct expectation *)object)->node = build_find_node(b, &values[0]);
}

static void set_file(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)b;
	(void)n;
	((struct expectation *)object)->file = text_dup(values[0].text);
}

static void set_exists(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &expect_add(object, EXPECT_EXISTS)->wanted, &values[0]);
}

static void set_same_as(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct condition *c = expect_add(object, EXPECT_SAME_AS);
	struct stat st;

	(void)n;
	c->text = build_path(b, values[0].text);
	if (stat(c->text, &st) != 0 || access(c->text, R_OK) != 0)
		build_refuse(b, &values[0], "cannot be read: %s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		build_refuse(b, &values[0], "is no regular file");
}

static void set_sha256(struct builder *b, void *object, const struct value *values, size_t n)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	struct condition *c = expect_add(object, EXPECT_SHA256);
	const char *s = values[0].text;

	(void)n;
	if (strlen(s) != 2 * SHA256_LEN || s[strspn(s, digits)] != '\0') {
		build_refuse(b, &values[0],
			     "is no SHA-256: 64 hexadecimal digits, as sha256sum "
			     "prints them");
		return;
	}
	for (size_t i = 0; i < SHA256_LEN; i++)
		c->digest.bytes[i] = (uint8_t)(text_hex_digit(s[2 * i]) << 4 |
					       text_hex_digit(s[2 * i + 1]));
}

static void set_png(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &expect_add(object, EXPECT_PNG)->wanted, &values[0]);
}

static void set_size(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	expect_read_amount(b, &values[0], true, &expect_add(object, EXPECT_SIZE)->amount);
}

/* ---- of a metric ---- */

static void set_metric(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;
	struct nearest near = { .word = values[0].text };

	(void)n;
	size_t found = nearest_find(&near, b->t->metrics, b->t->n_metrics);

	if (found == NOT_RESOLVED)
		build_refuse(b, &values[0], "is no metric of this file%s", nearest_hint(&near));
	else
		e->metric = found;
}

/* "9", or with a percent sign a share, as `of` needs it. */
static bool read_limit(struct builder *b, const struct value *v, double *ret)
{
	size_t len = strlen(v->text);
	bool percent = len > 1 && v->text[len - 1] == '%';
	cleanup_free char *number = text_format("%.*s", (int)(len - percent), v->text);

	if (!build_number(number, ret)) {
		build_refuse(b, v, "is no number: write 9, 0.5 or 1e6, or 90%% with 'of'");
		return false;
	}
	if (percent && section_entry(b->section, "of") == NULL) {
		build_refuse(b, v, "is a share of nothing: 'of' says of which run's value");
		return false;
	}
	*ret /= percent ? 100 : 1;
	return true;
}

/* The condition that above and below share. */
static struct condition *limits(struct expectation *e)
{
	for (size_t i = 0; i < e->n_conditions; i++)
		if (e->conditions[i].kind == EXPECT_METRIC)
			return &e->conditions[i];
	return expect_add(e, EXPECT_METRIC);
}

static void set_above(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	read_limit(b, &values[0], &limits(object)->low);
}

static void set_below(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct condition *c = limits(object);

	(void)n;
	if (read_limit(b, &values[0], &c->high) && c->high <= c->low)
		build_refuse(b, &values[0], "is not more than 'above': nothing is between");
}

static void set_between(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct condition *c = limits(object);

	c->included = true;
	if (b->n_given != 2)
		build_refuse(b, &values[0], "is not the first of two: write between = { 9, 11 }");
	else if (n == 2 && read_limit(b, &values[0], &c->low) &&
		 read_limit(b, &values[1], &c->high) && c->high < c->low)
		build_refuse(b, &values[1], "is less than the first");
}

static const struct dimension *find_dimension(struct builder *b, const char *name,
					      const struct value *v)
{
	struct nearest near = { .word = name };
	size_t found = nearest_find(&near, b->matrix->dimensions, b->matrix->n);

	if (found != NOT_RESOLVED)
		return &b->matrix->dimensions[found];
	build_refuse(b, v, "names no 'vary' block of this file%s", nearest_hint(&near));
	return NULL;
}

static bool has_value(const struct dimension *d, const char *value)
{
	for (size_t i = 0; i < d->n_values; i++)
		if (strcmp(d->values[i], value) == 0)
			return true;
	return false;
}

static void add_pinned(struct builder *b, struct expectation *e, const struct value *v)
{
	const char *equals = strchr(v->text, '=');

	if (equals == NULL) {
		build_refuse(b, v, "is no run: write VARIABLE=VALUE");
		return;
	}

	cleanup_free char *name = text_format("%.*s", (int)(equals - v->text), v->text);
	const struct dimension *d = find_dimension(b, name, v);

	if (d == NULL || d->broken)
		return;
	if (!has_value(d, equals + 1)) {
		build_refuse(b, v, "is no run: '%s' never is '%s'", name, equals + 1);
		return;
	}
	e->of[e->n_of].name = take_ptr(name);
	e->of[e->n_of++].value = text_dup(equals + 1);
}

static void set_of(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct expectation *e = object;

	e->of = array_new(n, sizeof(*e->of));
	for (size_t i = 0; i < n; i++)
		add_pinned(b, e, &values[i]);
}

/* ---- of all ---- */

static void set_order(struct builder *b, void *object, const struct value *values, size_t n)
{
	expect_add(object, EXPECT_ORDER);
	events_fill(b, object, values, n);
}

static void *begin_expect(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct expectation *e = &t->expectations[t->n_expectations];
	struct err why;

	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "expect '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < t->n_expectations; i++)
		if (strcmp(t->expectations[i].name, s->title) == 0)
			problem_add(b->problems, s->at,
				    "expect '%s' is there twice (first in line %d)", s->title,
				    t->expectations[i].line);
	*e = (struct expectation){ .name = text_dup(s->title),
				   .program = NOT_RESOLVED,
				   .node = NOT_RESOLVED,
				   .sample = 1,
				   .lost_in = NOT_RESOLVED,
				   .until_ns = UINT64_MAX,
				   .metric = NOT_RESOLVED,
				   .line = build_line(b, s->at) };
	t->n_expectations++;
	return e;
}

/* output before count, capture before spread, http before lost-in, from before until, of before its limits. */
static const struct key expect_keys[] = {
	{ "program", false, false, set_program },
	{ "exit", true, false, set_exit },
	{ "output", true, false, set_output },
	{ "count", false, false, set_count },
	{ "absent", true, false, set_absent },
	{ "node", false, false, set_node },
	{ "file", false, false, set_file },
	{ "exists", false, false, set_exists },
	{ "same-as", false, false, set_same_as },
	{ "sha256", false, false, set_sha256 },
	{ "png", false, false, set_png },
	{ "size", false, false, set_size },
	{ "capture", true, false, expect_set_capture },
	{ "filter", false, false, expect_set_filter },
	{ "direction", false, false, expect_set_direction },
	{ "from", false, false, expect_set_from },
	{ "until", false, false, expect_set_until },
	{ "packets", false, false, expect_set_packets },
	{ "bytes", false, false, expect_set_bytes },
	{ "connections", false, false, expect_set_connections },
	{ "spread", false, false, expect_set_spread },
	{ "http", false, false, expect_set_http },
	{ "responses", false, false, expect_set_responses },
	{ "lost", false, false, expect_set_lost },
	{ "lost-in", false, false, expect_set_lost_in },
	{ "sample", false, false, expect_set_sample },
	{ "metric", false, false, set_metric },
	{ "of", true, false, set_of },
	{ "above", false, false, set_above },
	{ "below", false, false, set_below },
	{ "between", true, false, set_between },
	{ "order", true, false, set_order },
};

const struct section_kind grammar_expect = {
	.name = "expect",
	.named = true,
	.phase = PHASE_EXPECTATIONS,
	.keys = expect_keys,
	.n_keys = N_ELEMENTS(expect_keys),
	.begin = begin_expect,
	.end = expect_end,
};
