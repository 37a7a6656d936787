#include "topology/document.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <confuse.h>

#include "base/array.h"
#include "base/cleanup.h"

static void cfg_freep(cfg_t **cfg)
{
	if (*cfg != NULL)
		cfg_free(*cfg);
}

/* ---- the grammar as libconfuse takes it ---- */

/*
 * Every key is a list of strings: what a value means, and how many there may
 * be, is found out later, with its place at hand.
 */
static cfg_opt_t *new_options(const struct section_kind *kind)
{
	size_t n_keys = section_kind_n_keys(kind);
	cfg_opt_t *opts = array_new(n_keys + kind->n_children + 1, sizeof(*opts));
	cfg_opt_t *o = opts;

	for (size_t i = 0; i < n_keys; i++)
		*o++ = (cfg_opt_t)CFG_STR_LIST(section_kind_key(kind, i)->name, 0, CFGF_NODEFAULT);
	for (size_t i = 0; i < kind->n_children; i++)
		*o++ = (cfg_opt_t)CFG_SEC(kind->children[i]->name, new_options(kind->children[i]),
					  CFGF_MULTI | CFGF_TITLE);
	*o = (cfg_opt_t)CFG_END();
	return opts;
}

static void free_options(cfg_opt_t *opts)
{
	for (cfg_opt_t *o = opts; o->name != NULL; o++)
		if (o->subopts != NULL)
			free_options(o->subopts);
	free(opts);
}

static void free_optionsp(cfg_opt_t **opts)
{
	free_options(*opts);
}

/* libconfuse hands no pointer of ours to its error function, and cannot run twice at a time. */
static struct problem_list *parsing;

/* "unexpected token '123|x'": the user wrote x. */
static void remove_mark(char *message)
{
	char *quote = strchr(message, '\'');
	size_t digits = quote != NULL ? strspn(quote + 1, "0123456789") : 0;

	if (digits > 0 && quote[1 + digits] == '|')
		memmove(quote + 1, quote + 2 + digits, strlen(quote + 2 + digits) + 1);
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format,
							   va_list ap)
{
	char message[256];

	vsnprintf(message, sizeof(message), format, ap);
	remove_mark(message);
	problem_add(parsing, problem_line_start(parsing, cfg->line), "%s", message);
}

/* ---- from libconfuse's tree to the document ---- */

/* "NUMBER|text", as sweep.c wrote it: the number, and the text. */
static const char *split_mark(const char *s, size_t *ret_number)
{
	char *end;

	*ret_number = strtoull(s, &end, 10);
	return *end == '|' ? end + 1 : end;
}

static void take_values(struct entry *e, cfg_opt_t *opt)
{
	e->n = cfg_opt_size(opt);
	e->values = array_new(e->n, sizeof(*e->values));
	for (size_t i = 0; i < e->n; i++) {
		const char *text = cfg_opt_getnstr(opt, (unsigned)i);

		e->values[i].text = text_dup(split_mark(text, &e->values[i].at));
	}
}

static void take_entries(struct section *s, cfg_t *cfg)
{
	size_t n_keys = section_kind_n_keys(s->kind);

	s->entries = array_new(n_keys, sizeof(*s->entries));
	for (size_t i = 0; i < n_keys; i++) {
		const struct key *key = section_kind_key(s->kind, i);
		cfg_opt_t *opt = cfg_getopt(cfg, key->name);

		if ((opt->flags & CFGF_MODIFIED) == 0)
			continue;
		s->entries[s->n_entries].key = key;
		take_values(&s->entries[s->n_entries++], opt);
	}
}

static void take_section(struct document *d, size_t self, const char *title, cfg_t *cfg)
{
	struct section *s = &d->sections[self];

	s->title = text_dup(title);
	take_entries(s, cfg);
	for (size_t i = 0; i < s->kind->n_children; i++) {
		cfg_opt_t *opt = cfg_getopt(cfg, s->kind->children[i]->name);

		for (unsigned k = 0; k < cfg_opt_size(opt); k++) {
			cfg_t *child = cfg_opt_getnsec(opt, k);
			size_t number;
			const char *name = split_mark(cfg_title(child), &number);

			take_section(d, number, name, child);
		}
	}
}

static int parse_swept(struct document *d, struct problem_list *problems, const char *text,
		       size_t passed_at)
{
	cleanup_by(free_optionsp) cfg_opt_t *opts = new_options(&grammar_top);
	cleanup_by(cfg_freep) cfg_t *cfg = cfg_init(opts, CFGF_NONE);

	if (cfg == NULL)
		abort();
	cfg_set_error_function(cfg, on_error);
	parsing = problems;

	int r = cfg_parse_buf(cfg, text);

	parsing = NULL;
	if (r != CFG_SUCCESS)
		return -1;
	if (passed_at != SIZE_MAX) {
		problem_add(problems, passed_at, "this does not belong here");
		return -1;
	}
	take_section(d, 0, "", cfg);
	return 0;
}

int document_parse(struct document *d, struct problem_list *problems)
{
	struct text text = { 0 };
	size_t passed_at;
	int r = sweep(d, problems, &text, &passed_at);

	if (r == 0)
		r = parse_swept(d, problems, text_str(&text), passed_at);
	text_done(&text);
	return r;
}

void document_done(struct document *d)
{
	for (size_t i = 0; i < d->n; i++) {
		struct section *s = &d->sections[i];

		for (size_t k = 0; k < s->n_entries; k++) {
			for (size_t v = 0; v < s->entries[k].n; v++)
				free(s->entries[k].values[v].text);
			free(s->entries[k].values);
		}
		free(s->entries);
		free(s->title);
	}
	free(d->sections);
	*d = (struct document){ 0 };
}

const struct entry *section_entry(const struct section *s, const char *key)
{
	for (size_t i = 0; i < s->n_entries; i++)
		if (strcmp(s->entries[i].key->name, key) == 0)
			return &s->entries[i];
	return NULL;
}
