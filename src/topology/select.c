#include "topology/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "topology/problems.h"

/* Values that are wanted of one variable; none: any. */
struct choice {
	char **values;
	size_t n, room;
};

static bool is_chosen(const struct choice *c, const char *value)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->values[i], value) == 0)
			return true;
	return false;
}

static void choose(struct choice *c, const char *value)
{
	if (!is_chosen(c, value))
		*(char **)array_add(&c->values, &c->n, &c->room, sizeof(char *)) = text_dup(value);
}

static void choice_done(struct choice *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->values[i]);
	free(c->values);
}

static bool has_value(const struct plan *plan, size_t variable, const char *value)
{
	for (size_t i = 0; i < plan->n_runs; i++)
		if (strcmp(plan->runs[i].variables[variable].value, value) == 0)
			return true;
	return false;
}

static int refuse_value(const struct plan *plan, size_t variable, const char *value, struct err *e)
{
	cleanup_by(choice_done) struct choice all = { 0 };
	cleanup_by(text_done) struct text list = { 0 };
	struct nearest near = { .word = value };

	for (size_t i = 0; i < plan->n_runs; i++)
		choose(&all, plan->runs[i].variables[variable].value);
	for (size_t i = 0; i < all.n; i++) {
		text_add(&list, "%s%s", i != 0 ? ", " : "", all.values[i]);
		nearest_consider(&near, all.values[i]);
	}
	return err_usage(e, "--only: '%s' is no value of '%s', which has %s%s", value,
			 plan->runs[0].variables[variable].name, text_str(&list),
			 nearest_hint(&near));
}

/* The same in all runs of a plan. */
static int find_variable(const struct plan *plan, const char *name, size_t *ret_variable,
			 struct err *e)
{
	const struct planned_run *r = &plan->runs[0];
	cleanup_by(text_done) struct text list = { 0 };
	struct nearest near = { .word = name };

	for (size_t i = 0; i < r->n_variables; i++) {
		if (strcmp(r->variables[i].name, name) == 0) {
			*ret_variable = i;
			return 0;
		}
		text_add(&list, "%s%s", i != 0 ? ", " : "", r->variables[i].name);
		nearest_consider(&near, r->variables[i].name);
	}
	if (r->n_variables == 0)
		return err_usage(e, "--only: nothing varies in %s, so there is no '%s'",
				 r->topology->path, name);
	return err_usage(e, "--only: there is no variable '%s', but %s%s", name, text_str(&list),
			 nearest_hint(&near));
}

static int choose_values(const struct plan *plan, size_t variable, const char *values,
			 struct choice *c, struct err *e)
{
	if (has_value(plan, variable, values)) {
		choose(c, values);
		return 0;
	}
	for (const char *s = values;; s++) {
		size_t len = strcspn(s, ",");
		cleanup_free char *value = text_format("%.*s", (int)len, s);

		if (!has_value(plan, variable, value))
			return refuse_value(plan, variable, value, e);
		choose(c, value);
		s += len;
		if (*s == '\0')
			return 0;
	}
}

static int read_only(const struct plan *plan, const char *only, struct choice *choices,
		     struct err *e)
{
	size_t len = strcspn(only, "=");
	cleanup_free char *name = text_format("%.*s", (int)len, only);
	size_t variable = 0;

	if (only[len] == '\0')
		return err_usage(e, "--only takes NAME=VALUE, not '%s'", only);
	if (find_variable(plan, name, &variable, e) != 0)
		return -1;
	return choose_values(plan, variable, only + len + 1, &choices[variable], e);
}

static bool is_wanted(const struct planned_run *r, const struct choice *choices)
{
	for (size_t i = 0; i < r->n_variables; i++)
		if (choices[i].n != 0 && !is_chosen(&choices[i], r->variables[i].value))
			return false;
	return true;
}

static int keep_wanted(struct plan *plan, const struct choice *choices, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->n_runs; i++)
		n += is_wanted(&plan->runs[i], choices);
	if (n == 0)
		return err_usage(e, "--only leaves no run of %s; 'harness check %s' lists them",
				 plan->runs[0].topology->path, plan->runs[0].topology->path);
	n = 0;
	for (size_t i = 0; i < plan->n_runs; i++) {
		if (is_wanted(&plan->runs[i], choices))
			plan->runs[n++] = plan->runs[i];
		else
			planned_run_done(&plan->runs[i]);
	}
	plan->n_runs = n;
	return 0;
}

int plan_select(struct plan *plan, char *const *only, size_t n_only, struct err *e)
{
	size_t n_variables = plan->runs[0].n_variables;
	cleanup_free struct choice *choices = array_new(n_variables, sizeof(*choices));
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_only; i++)
		r = read_only(plan, only[i], choices, e);
	if (r == 0)
		r = keep_wanted(plan, choices, e);
	for (size_t i = 0; i < n_variables; i++)
		choice_done(&choices[i]);
	return r;
}
