#include "topology/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/pattern.h"
#include "base/text.h"
#include "topology/names.h"

#define SHOWN 80 /* bytes of a value that a message repeats */

void build_refuse(struct builder *b, const struct value *v, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);

	cleanup_free char *why = text_vformat(format, ap);

	va_end(ap);
	b->refused = true;
	problem_add(b->problems, v->at, "%s '%.*s%s' %s", b->key->name, SHOWN, v->text,
		    strlen(v->text) > SHOWN ? "..." : "", why);
}

void build_complain(struct builder *b, const struct section *s, const char *key, const char *format,
		    ...)
{
	const struct entry *e = section_entry(s, key);
	va_list ap;

	va_start(ap, format);

	cleanup_free char *why = text_vformat(format, ap);

	va_end(ap);
	problem_add(b->problems, e != NULL && e->n > 0 ? e->values[0].at : s->at, "%s", why);
}

int build_choose(struct builder *b, const struct value *v, const char *const *words, size_t n)
{
	struct nearest near = { .word = v->text };
	struct text all = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (strcmp(v->text, words[i]) == 0) {
			text_done(&all);
			return (int)i;
		}
		nearest_consider(&near, words[i]);
		text_add(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", words[i]);
	}
	build_refuse(b, v, "is not %s%s", text_str(&all), nearest_hint(&near));
	text_done(&all);
	return -1;
}

void build_set_flag(struct builder *b, bool *flag, const struct value *v)
{
	static const char *const words[] = { "yes", "no" };
	int chosen = build_choose(b, v, words, N_ELEMENTS(words));

	if (chosen >= 0)
		*flag = chosen == 0;
}

size_t build_find_command(struct builder *b, const struct value *v)
{
	struct nearest near = { .word = v->text };
	size_t found = nearest_find(&near, b->t->commands, b->t->n_commands);

	if (found == NOT_RESOLVED)
		build_refuse(b, v, "is no program of this file%s", nearest_hint(&near));
	return found;
}

size_t build_find_node(struct builder *b, const struct value *v)
{
	struct nearest near = { .word = v->text };
	size_t found = nearest_find(&near, b->t->nodes, b->t->n_nodes);

	if (found == NOT_RESOLVED)
		build_refuse(b, v, "is no node of this file%s", nearest_hint(&near));
	return found;
}

void build_check_once(struct builder *b, const struct section *s)
{
	for (const struct section *other = b->doc->sections; other < s; other++) {
		if (other->kind != s->kind || other->parent != s->parent)
			continue;
		problem_add(b->problems, s->at, "%s is there twice (first in line %d)",
			    s->kind->name, build_line(b, other->at));
		return;
	}
}

size_t build_count(const struct builder *b, const struct section *parent,
		   const struct section_kind *kind)
{
	size_t n = 0, self = (size_t)(parent - b->doc->sections);

	for (size_t i = 1; i < b->doc->n; i++)
		n += b->doc->sections[i].kind == kind && b->doc->sections[i].parent == self;
	return n;
}

int build_line(const struct builder *b, size_t at)
{
	return problem_line(b->problems, at);
}

char *build_path(const struct builder *b, const char *path)
{
	return text_format("%s%s", path[0] == '/' ? "" : b->folder, path);
}

bool build_check_pattern(struct builder *b, const struct value *v)
{
	cleanup_by(pattern_freep) struct pattern *p = NULL;
	struct err why;
	size_t at;

	if (pattern_new(v->text, &p, &at, &why) == 0)
		return true;
	build_refuse(b, v, "is no expression: %s at character %zu", why.msg, at + 1);
	return false;
}

/* ---- keys ---- */

static bool is_good(struct builder *b, const struct value *v)
{
	struct err why;

	if (name_check_value(v->text, &why) == 0)
		return true;
	build_refuse(b, v, "%s", why.msg);
	return false;
}

/* The values of an entry with their variables replaced, those that are good. */
static size_t substitute(struct builder *b, const struct entry *e, struct value *ret_values)
{
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		struct value v = { matrix_substitute(b->matrix, &e->values[i], b->problems),
				   e->values[i].at };

		if (v.text != NULL && is_good(b, &v))
			ret_values[n++] = v;
		else
			free(v.text);
	}
	return n;
}

static void set_entry(struct builder *b, void *object, const struct entry *e)
{
	cleanup_free struct value *values = array_new(e->n, sizeof(*values));

	b->key = e->key;
	b->n_given = e->n;
	b->refused = false;

	size_t n = substitute(b, e, values);

	if (!e->key->list && e->n > 1)
		problem_add(b->problems, e->values[1].at, "%s takes one value, not %zu",
			    e->key->name, e->n);
	else if (n > 0)
		e->key->set(b, object, values, n);
	if (n < e->n || b->refused || (!e->key->list && e->n > 1))
		impaired_doubt(b, e->key);
	for (size_t i = 0; i < n; i++)
		free(values[i].text);
}

static void set_keys(struct builder *b, void *object, const struct section *s)
{
	for (size_t i = 0; i < section_kind_n_keys(s->kind); i++) {
		const struct key *key = section_kind_key(s->kind, i);
		const struct entry *e = section_entry(s, key->name);

		if (e != NULL)
			set_entry(b, object, e);
		else if (key->required)
			problem_add(b->problems, s->at, "%s '%s' has no '%s'", s->kind->name,
				    s->title, key->name);
	}
}

/* ---- blocks ---- */

static void build_section(struct builder *b, void *parent, const struct section *s);

static void build_children(struct builder *b, void *object, size_t self, enum phase phase)
{
	for (size_t i = 1; i < b->doc->n; i++) {
		const struct section *s = &b->doc->sections[i];

		if (s->parent == self && s->kind->phase == phase && s->kind->begin != NULL)
			build_section(b, object, s);
	}
}

static void build_section(struct builder *b, void *parent, const struct section *s)
{
	void *object = s->kind->begin(b, parent, s);

	b->section = s;
	if (!s->kind->keys_last)
		set_keys(b, object, s);
	if (s->kind->n_children > 0)
		for (enum phase phase = 0; phase < N_PHASES; phase++)
			build_children(b, object, (size_t)(s - b->doc->sections), phase);
	b->section = s;
	if (s->kind->keys_last)
		set_keys(b, object, s);
	if (s->kind->end != NULL)
		s->kind->end(b, object, s);
}

/* "topologies/" of "topologies/3alpine.conf" (free). */
static char *folder_of(const char *path)
{
	return text_format("%.*s", (int)(fs_basename(path) - path), path);
}

/* "3alpine" of "topologies/3alpine.conf" (free). */
static char *name_of(const char *path)
{
	const char *base = fs_basename(path);
	size_t len = strlen(base);

	if (len > 5 && strcmp(base + len - 5, ".conf") == 0)
		len -= 5;
	return text_format("%.*s", (int)len, base);
}

struct topology *build_topology(const struct document *d, struct matrix *matrix, const char *path,
				struct problem_list *problems)
{
	cleanup_free char *folder = folder_of(path);
	struct topology *t = array_new(1, sizeof(*t));
	struct builder b = {
		.t = t, .doc = d, .matrix = matrix, .problems = problems, .folder = folder
	};

	b.doubtful = array_new(d->n, sizeof(*b.doubtful));

	t->path = text_dup(path);
	t->name = name_of(path);
	build_section(&b, NULL, &d->sections[0]);
	build_derive_macs(&b);
	build_check_gateways(&b);
	build_check_mtus(&b);
	build_check_commands(&b);
	build_check_faults(&b);
	build_mark_engines(&b);
	free(b.doubtful);
	free(b.addresses);
	free(b.macs);
	free(b.gateways);
	return t;
}
