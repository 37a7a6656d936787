#include "topology/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "topology/names.h"

static bool has_value(const struct dimension *dim, const char *value)
{
	for (size_t i = 0; i < dim->n_values; i++)
		if (strcmp(dim->values[i], value) == 0)
			return true;
	return false;
}

static void add_value(struct dimension *dim, const struct value *v, struct problem_list *problems)
{
	struct err why;

	if (name_check_value(v->text, &why) != 0)
		problem_add(problems, v->at, "values: '%s' %s", v->text, why.msg);
	else if (strstr(v->text, "%{") != NULL)
		problem_add(problems, v->at, "values: '%s' must not name a variable itself",
			    v->text);
	else if (has_value(dim, v->text))
		problem_add(problems, v->at, "values: '%s' is given twice", v->text);
	else
		dim->values[dim->n_values++] = v->text;
}

static void read_values(struct dimension *dim, const struct section *s,
			struct problem_list *problems)
{
	const struct entry *e = section_entry(s, "values");

	if (e == NULL)
		problem_add(problems, s->at, "vary '%s' has no values", s->title);
	dim->values = array_new(e != NULL ? e->n : 0, sizeof(*dim->values));
	for (size_t i = 0; e != NULL && i < e->n; i++)
		add_value(dim, &e->values[i], problems);
	dim->broken = dim->n_values == 0;
}

/* Variables that every file has. */
#define HERE  "here"
#define NODES "nodes"

static struct dimension *find(const struct matrix *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->dimensions[i].name, name) == 0)
			return &m->dimensions[i];
	return NULL;
}

static void add_dimension(struct matrix *m, const struct section *s, struct problem_list *problems)
{
	struct err why;

	if (name_check_word(s->title, &why) != 0) {
		problem_add(problems, s->at, "vary '%s' %s", s->title, why.msg);
		return;
	}
	if (strcmp(s->title, HERE) == 0) {
		problem_add(problems, s->at,
			    "vary '%s': %%{%s} is the folder of the topology file, in every file",
			    HERE, HERE);
		return;
	}
	if (strcmp(s->title, NODES) == 0) {
		problem_add(problems, s->at,
			    "vary '%s': %%{%s} is the folder of the programs of harness, in every "
			    "file",
			    NODES, NODES);
		return;
	}
	if (find(m, s->title) != NULL) {
		problem_add(problems, s->at, "vary '%s' is there twice", s->title);
		return;
	}

	struct dimension *dim = &m->dimensions[m->n++];

	*dim = (struct dimension){ .name = s->title, .at = s->at };
	read_values(dim, s, problems);
}

/* How many runs; when they are too many, that is reported and only the first is looked at. */
static size_t count_runs(struct matrix *m, struct problem_list *problems)
{
	size_t n = 1;

	m->complete = true;
	for (size_t i = 0; i < m->n; i++) {
		m->complete &= !m->dimensions[i].broken;
		if (m->dimensions[i].broken)
			continue;
		/* Both factors are small: a value takes a byte of a file of 1 MiB. */
		n *= m->dimensions[i].n_values;
		if (n <= MATRIX_MAX_RUNS)
			continue;
		problem_add(problems, m->dimensions[i].at,
			    "vary '%s' makes more than %d runs of this file", m->dimensions[i].name,
			    MATRIX_MAX_RUNS);
		m->complete = false;
		return 1;
	}
	return n;
}

void matrix_init(struct matrix *m, const struct document *d, const char *here, const char *nodes,
		 struct problem_list *problems)
{
	*m = (struct matrix){ .here = here,
			      .nodes = nodes,
			      .dimensions = array_new(d->n, sizeof(*m->dimensions)) };
	for (size_t i = 0; i < d->n; i++)
		if (d->sections[i].kind == &grammar_vary)
			add_dimension(m, &d->sections[i], problems);
	m->n_runs = count_runs(m, problems);
	matrix_read_exclusions(m, d, problems);
}

void matrix_done(struct matrix *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->dimensions[i].values);
	free(m->dimensions);
	matrix_free_exclusions(m);
	*m = (struct matrix){ 0 };
}

void matrix_choose(struct matrix *m, size_t run)
{
	for (size_t i = m->n; i-- > 0;) {
		struct dimension *dim = &m->dimensions[i];

		if (dim->broken)
			continue;
		dim->chosen = run % dim->n_values;
		run /= dim->n_values;
	}
}

/* Whether %{name} stands in the file, perhaps in a value that was left out as a mistake. */
static bool is_named(const struct dimension *dim, const struct problem_list *problems)
{
	char *use = text_format("%%{%s}", dim->name);
	bool named = strstr(problems->text, use) != NULL;

	free(use);
	return named;
}

void matrix_report_unused(const struct matrix *m, struct problem_list *problems)
{
	bool clean = problems->n == 0;

	for (size_t i = 0; i < m->n; i++)
		if (!m->dimensions[i].used && (clean || !is_named(&m->dimensions[i], problems)))
			problem_add(problems, m->dimensions[i].at, "vary '%s': nothing uses %%{%s}",
				    m->dimensions[i].name, m->dimensions[i].name);
}

static void report_unknown(const struct matrix *m, const char *name, size_t at,
			   struct problem_list *problems)
{
	struct nearest n = { .word = name };

	for (size_t i = 0; i < m->n; i++)
		nearest_consider(&n, m->dimensions[i].name);
	problem_add(problems, at, "%%{%s}: there is no vary '%s'%s", name, name, nearest_hint(&n));
}

/* Append what the variable stands for; false when there is nothing to append. */
static bool add_variable(struct matrix *m, const char *name, size_t at, struct text *out,
			 struct problem_list *problems)
{
	struct dimension *dim = find(m, name);

	if (strcmp(name, HERE) == 0) {
		text_add(out, "%s", m->here);
		return true;
	}
	if (strcmp(name, NODES) == 0) {
		text_add(out, "%s", m->nodes);
		return true;
	}
	if (dim == NULL) {
		report_unknown(m, name, at, problems);
		return false;
	}
	dim->used = true;
	if (dim->broken)
		return false;
	text_add(out, "%s", dim->values[dim->chosen]);
	return true;
}

char *matrix_substitute(struct matrix *m, const struct value *v, struct problem_list *problems)
{
	const char *s = v->text, *open;
	struct text out = { 0 };
	bool good = true;

	while ((open = strstr(s, "%{")) != NULL) {
		const char *close = strchr(open, '}');

		/* %%{ is %{ itself. */
		if (open > s && open[-1] == '%') {
			text_add_bytes(&out, s, (size_t)(open - 1 - s));
			text_add(&out, "%%{");
			s = open + 2;
			continue;
		}
		if (close == NULL) {
			problem_add(problems, v->at, "'%s': this %%{ is never closed", v->text);
			good = false;
			break;
		}
		text_add_bytes(&out, s, (size_t)(open - s));

		char *name = text_format("%.*s", (int)(close - open - 2), open + 2);

		good &= add_variable(m, name, v->at, &out, problems);
		free(name);
		s = close + 1;
	}
	text_add(&out, "%s", s);
	if (good)
		return text_take(&out);
	text_done(&out);
	return NULL;
}
