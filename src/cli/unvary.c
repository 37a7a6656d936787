#include "cli/unvary.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

/* Texts that are full of values can be read in many ways; after so many tries they stay apart. */
#define MAX_TRIES 10000

struct unvarying {
	const struct planned_run *runs;
	size_t n;
	struct text out;
	size_t tries;
};

static bool all_equal(const struct unvarying *u, const char *const *at)
{
	for (size_t i = 1; i < u->n; i++)
		if (strcmp(at[i], at[0]) != 0)
			return false;
	return true;
}

/* Whether each goes on with its run's value of the variable: then ret_at is behind it. */
static bool skip_value(const struct unvarying *u, size_t variable, const char *const *at,
		       const char **ret_at)
{
	for (size_t i = 0; i < u->n; i++) {
		const char *value = u->runs[i].variables[variable].value;
		size_t len = strlen(value);

		if (strncmp(at[i], value, len) != 0)
			return false;
		ret_at[i] = at[i] + len;
	}
	return true;
}

static bool skip_byte(const struct unvarying *u, const char *const *at, const char **ret_at)
{
	for (size_t i = 0; i < u->n; i++) {
		if (*at[i] == '\0' || *at[i] != *at[0])
			return false;
		ret_at[i] = at[i] + 1;
	}
	return true;
}

/*
 * Append what the rests of the texts have in common. A value is tried first, then a byte: of "-c 1"
 * and "-c 10" the 1 is in both, and yet the value differs.
 */
static bool unvary(struct unvarying *u, const char *const *texts)
{
	cleanup_free const char **at = array_new(u->n, sizeof(*at));
	cleanup_free const char **next = array_new(u->n, sizeof(*next));

	memcpy(at, texts, u->n * sizeof(*at));
	while (!all_equal(u, at)) {
		size_t len = u->out.len;

		if (u->tries++ > MAX_TRIES)
			return false;
		for (size_t v = 0; v < u->runs[0].n_variables; v++) {
			if (!skip_value(u, v, at, next))
				continue;
			text_add(&u->out, "%%{%s}", u->runs[0].variables[v].name);
			if (unvary(u, next))
				return true;
			u->out.len = len;
		}
		if (!skip_byte(u, at, next))
			return false;
		text_add(&u->out, "%c", *at[0]);
		memcpy(at, next, u->n * sizeof(*at));
	}
	text_add(&u->out, "%s", at[0]);
	return true;
}

char *unvary_text(const struct planned_run *runs, size_t n, const char *const *texts)
{
	struct unvarying u = { .runs = runs, .n = n };

	if (unvary(&u, texts))
		return text_take(&u.out);
	text_done(&u.out);
	return NULL;
}

/* ---- labels ---- */

/* Bytes of the label in front of the last variable's value; 0: it was cut, or nothing varies. */
static size_t label_stem(const struct planned_run *r)
{
	if (r->n_variables == 0)
		return 0;

	const struct variable *last = &r->variables[r->n_variables - 1];
	size_t name = strlen(last->name), value = strlen(last->value), len = strlen(r->label);

	if (len < name + 1 + value || r->label[len - value - 1] != '=' ||
	    memcmp(r->label + len - value - 1 - name, last->name, name) != 0)
		return 0;
	return len - value;
}

char *unvary_label(const struct planned_run *runs, size_t n, size_t *ret_n)
{
	size_t stem = label_stem(&runs[0]);
	struct text values = { 0 };

	for (*ret_n = 1; *ret_n < n; (*ret_n)++) {
		const struct planned_run *next = &runs[*ret_n];

		if (stem == 0 || label_stem(next) != stem ||
		    memcmp(runs[0].label, next->label, stem) != 0)
			break;
		text_add(&values, ",%s", next->label + stem);
	}

	char *label = *ret_n == 1 ? text_dup(runs[0].label)
				  : text_format("%.*s{%s%s}", (int)stem, runs[0].label,
						runs[0].label + stem, text_str(&values));

	text_done(&values);
	return label;
}
