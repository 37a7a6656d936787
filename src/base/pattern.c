#include "base/pattern.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/text.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* Steps from one place of the subject on. */
#define MATCH_LIMIT 1000000
/* KiB of heap that the interpreter may take for one match. */
#define HEAP_LIMIT_KIB (64 * 1024)
#define JIT_STACK_MIN  (32 * 1024)
#define JIT_STACK_MAX  (8 * 1024 * 1024)

/* What a match needs, made by the first one: most patterns are compiled only to be checked. */
struct matcher {
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack; /* NULL: it is interpreted */
};

struct pattern {
	pcre2_code *code;
	struct matcher *matcher;
	unsigned n_groups;
};

static int match_error(struct err *e, int code)
{
	PCRE2_UCHAR message[256];

	if (code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_HEAPLIMIT ||
	    code == PCRE2_ERROR_JIT_STACKLIMIT || code == PCRE2_ERROR_DEPTHLIMIT)
		return err_set(e, 0, "it backtracks too much: the bounds of a match were met");
	if (pcre2_get_error_message(code, message, sizeof(message)) < 0)
		return err_set(e, 0, "PCRE2 error %d", code);
	return err_set(e, 0, "%s", (const char *)message);
}

/* Where there is no JIT for this machine, or it may not make code executable, it is interpreted. */
static void prepare(const struct pattern *p)
{
	struct matcher *m = p->matcher;

	m->data = pcre2_match_data_create_from_pattern(p->code, NULL);
	m->context = pcre2_match_context_create(NULL);
	if (m->data == NULL || m->context == NULL)
		abort();
	pcre2_set_match_limit(m->context, MATCH_LIMIT);
	pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
	if (pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE) == 0)
		m->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
	if (m->stack != NULL)
		pcre2_jit_stack_assign(m->context, NULL, m->stack);
}

/* Lines may end in CR, LF or both: a program that redraws a line writes CR between its forms. */
static pcre2_code *compile(const char *text, int *ret_error, size_t *ret_offset)
{
	const uint32_t options = PCRE2_MULTILINE | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF |
				 PCRE2_NEVER_BACKSLASH_C;
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);

	if (context == NULL)
		abort();
	pcre2_set_newline(context, PCRE2_NEWLINE_ANYCRLF);

	pcre2_code *code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, options,
					 ret_error, ret_offset, context);

	pcre2_compile_context_free(context);
	return code;
}

int pattern_new(const char *text, struct pattern **ret_pattern, size_t *ret_offset, struct err *e)
{
	int error;
	size_t offset;
	pcre2_code *code = compile(text, &error, &offset);

	if (code == NULL) {
		if (ret_offset != NULL)
			*ret_offset = offset;
		return match_error(e, error);
	}

	struct pattern *p = array_new(1, sizeof(*p));
	uint32_t n_groups;

	p->code = code;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n_groups);
	p->n_groups = n_groups;
	p->matcher = array_new(1, sizeof(*p->matcher));
	*ret_pattern = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	pcre2_jit_stack_free(p->matcher->stack);
	pcre2_match_context_free(p->matcher->context);
	pcre2_match_data_free(p->matcher->data);
	free(p->matcher);
	pcre2_code_free(p->code);
	free(p);
}

void pattern_freep(struct pattern **p)
{
	pattern_free(*p);
}

unsigned pattern_groups(const struct pattern *p)
{
	return p->n_groups;
}

unsigned pattern_named(const struct pattern *p, const char *name)
{
	int number = pcre2_substring_number_from_name(p->code, (PCRE2_SPTR)name);

	return number > 0 ? (unsigned)number : 0;
}

int pattern_match(const struct pattern *p, const char *subject, size_t len, size_t start,
		  struct pattern_span *spans, size_t n_spans, struct err *e)
{
	assert(start <= len);

	const struct matcher *m = p->matcher;

	if (m->data == NULL)
		prepare(p);

	int n = pcre2_match(p->code, (PCRE2_SPTR)subject, len, start, 0, m->data, m->context);

	if (n == PCRE2_ERROR_NOMATCH)
		return 0;
	if (n < 0)
		return match_error(e, n);

	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(m->data);

	for (size_t i = 0; i < n_spans; i++) {
		bool took_part = i < (size_t)n && found[2 * i] != PCRE2_UNSET;

		spans[i] = (struct pattern_span){ took_part ? found[2 * i] : NO_GROUP,
						  took_part ? found[2 * i + 1] : NO_GROUP };
	}
	return 1;
}
