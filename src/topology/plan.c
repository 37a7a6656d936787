#include "topology/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/write_values.h"

#define MAX_FILE  (1 << 20) /* bytes: far more than anyone writes by hand */
#define MAX_LABEL 200	    /* bytes: it is the name of a folder, and NAME_MAX is 255 */

/* ---- labels ---- */

/* A byte that a folder's name can hold, and a shell and a browser read without trouble. */
static char label_byte(char c)
{
	return c == '/' || c == '\\' || (unsigned char)c <= ' ' || c == 0x7f ? '_' : c;
}

static bool is_taken(const struct plan *plan, const char *label)
{
	for (size_t i = 0; i < plan->n_runs; i++)
		if (strcmp(plan->runs[i].label, label) == 0)
			return true;
	return false;
}

/* The label of the next run. When cutting or replacing made two alike, a number tells them apart. */
static char *new_label(const struct plan *plan, const struct variable *v, size_t n)
{
	struct text t = { 0 };

	for (size_t i = 0; i < n; i++)
		text_add(&t, "%s%s=%s", i != 0 ? "," : "", v[i].name, v[i].value);

	cleanup_free char *plain = n != 0 ? text_take(&t) : text_dup("run");

	for (char *p = plain; *p != '\0'; p++)
		*p = label_byte(*p);

	size_t len = strlen(plain);

	/* Not in the middle of a UTF-8 sequence. */
	if (len > MAX_LABEL)
		for (len = MAX_LABEL; ((unsigned char)plain[len] & 0xc0) == 0x80; len--)
			;
	plain[len] = '\0';

	char *label = text_dup(plain);

	for (size_t k = 2; is_taken(plan, label); k++) {
		free(label);
		label = text_format("%s~%zu", plain, k);
	}
	return label;
}

/* ---- runs ---- */

static void add_run(struct plan *plan, const struct matrix *m, struct topology *t)
{
	struct planned_run *r = &plan->runs[plan->n_runs];

	r->topology = t;
	r->variables = array_new(m->n, sizeof(*r->variables));
	r->n_variables = m->n;
	for (size_t i = 0; i < m->n; i++) {
		const struct dimension *dim = &m->dimensions[i];

		r->variables[i].name = text_dup(dim->name);
		r->variables[i].value = text_dup(dim->values[dim->chosen]);
	}
	r->label = new_label(plan, r->variables, r->n_variables);
	plan->n_runs++;
}

/* Every run is looked at, also after a mistake: each may hold others. */
static void add_runs(struct plan *plan, const char *path, const struct document *d,
		     struct matrix *m, struct problem_list *problems)
{
	plan->runs = array_new(m->n_runs, sizeof(*plan->runs));
	for (size_t i = 0; i < m->n_runs; i++) {
		matrix_choose(m, i);
		/* Perhaps because it makes no sense: then it is no mistake. */
		if (matrix_excludes(m))
			continue;

		struct topology *t = build_topology(d, m, path, problems);

		if (problems->n == 0)
			add_run(plan, m, t);
		else
			topology_free(t);
	}
	/* First: where nothing is run nothing is used either. */
	matrix_report_exclusions(m, problems);
	matrix_report_unused(m, problems);
}

/* Absolute: programs run elsewhere (free). */
static char *folder_of(const char *path)
{
	cleanup_free char *absolute = write_absolute(path);

	const char *slash = strrchr(absolute, '/');

	/* When nobody knows where we are. */
	if (slash == NULL)
		return text_dup(".");
	return text_format("%.*s", (int)(slash - absolute), absolute);
}

static void read_plan(struct plan *plan, const char *path, struct problem_list *problems)
{
	cleanup_free char *here = folder_of(path);
	cleanup_free char *nodes = NULL;
	struct err e;

	/* Where that cannot be told, those programs cannot be run, which is told where they are named. */
	if (fs_nodes_folder(&nodes, &e) != 0)
		nodes = text_dup("nodes");

	struct document d = { 0 };
	struct matrix m;

	if (document_parse(&d, problems) == 0) {
		matrix_init(&m, &d, here, nodes, problems);
		add_runs(plan, path, &d, &m, problems);
		matrix_done(&m);
	}
	document_done(&d);
}

int plan_parse(const char *path, const char *text, size_t len, struct plan **ret_plan,
	       struct problems *p)
{
	cleanup_by(plan_freep) struct plan *plan = array_new(1, sizeof(*plan));
	struct problem_list problems;

	plan->text = array_new(len + 1, 1);
	plan->text_len = len;
	memcpy(plan->text, text, len);
	problem_list_init(&problems, path, plan->text, len);

	const char *nul = memchr(text, '\0', len);

	if (len > MAX_FILE)
		problems_add_whole(p, path, "larger than 1 MiB, which no topology is");
	else if (nul != NULL)
		problem_add(&problems, (size_t)(nul - text), "a NUL byte: this is not a text file");
	else
		read_plan(plan, path, &problems);
	problem_list_give(&problems, p);
	problem_list_done(&problems);
	if (p->n > 0)
		return -1;
	*ret_plan = take_ptr(plan);
	return 0;
}

int plan_load(const char *path, struct plan **ret_plan, struct problems *p)
{
	cleanup_free char *text = NULL;
	size_t len;
	struct err e;

	if (fs_read(path, MAX_FILE, &text, &len, &e) != 0) {
		problems_add_whole(p, path,
				   e.num != 0 ? strerror(e.num)
					      : "larger than 1 MiB, which no topology is");
		return -1;
	}
	return plan_parse(path, text, len, ret_plan, p);
}

void planned_run_done(struct planned_run *r)
{
	for (size_t i = 0; i < r->n_variables; i++) {
		free(r->variables[i].name);
		free(r->variables[i].value);
	}
	free(r->variables);
	free(r->label);
	topology_free(r->topology);
}

void plan_free(struct plan *plan)
{
	if (plan == NULL)
		return;
	for (size_t i = 0; i < plan->n_runs; i++)
		planned_run_done(&plan->runs[i]);
	free(plan->runs);
	free(plan->text);
	free(plan);
}

void plan_freep(struct plan **plan)
{
	plan_free(*plan);
}
