/*
 * sweep: a topology file, prepared for libconfuse.
 *
 * libconfuse 3.3 parses well what it knows, but:
 *
 *  - it counts three lines for every line with a comment, so its line numbers
 *    are of no use, and it takes no comment inside a list;
 *  - it stops at the first unknown key; CFGF_IGNORE_UNKNOWN says nothing about
 *    what it ignores and loses its way in an unknown block;
 *  - it expands ${VARIABLE} from the environment: the same file would mean
 *    different things;
 *  - it takes "a|b=c" as a path to an option of another block;
 *  - it silently skips bytes that fit nowhere, and merges two blocks of one name.
 *
 * So the sweep walks over the file first, token by token. It leaves out
 * comments, unknown keys and blocks, and keys given twice, reporting all but
 * the first; it keeps every line break; and it writes "PLACE|" in front of
 * each value and "NUMBER|" in front of each block's name, where PLACE is the
 * value's offset and NUMBER the block's index in the document. Syntax it does
 * not understand it passes on: telling what is wrong with that is libconfuse's
 * work.
 */
#include <stdint.h>
#include <string.h>

#include "base/array.h"
#include "topology/document.h"
#include "topology/scan.h"

/* libconfuse compares each block's name with all before it: more would take minutes. */
#define MAX_BLOCKS 20000
#define NO_KEY	   SIZE_MAX

struct sweep {
	struct scan scan;
	struct text *out;
	struct problem_list *problems;
	struct document *doc;
	size_t passed; /* where it was passed on to libconfuse; SIZE_MAX: nowhere */
};

/* ---- text for libconfuse ---- */

static void emit(struct sweep *s, const struct token *t)
{
	text_add_bytes(s->out, s->scan.text + t->at, t->len);
}

/* A word or string with "NUMBER|" in front. */
static void emit_marked(struct sweep *s, const struct token *t, size_t number)
{
	const char *p = s->scan.text + t->at, *end = p + t->len;
	char quote = t->type == TOKEN_STRING ? *p : '"';

	if (t->type == TOKEN_STRING) {
		p++;
		end--;
	}
	text_add(s->out, "%c%zu|", quote, number);
	for (; p < end; p++) {
		/* \$ is a $ that begins no variable; a word's backslash is one. */
		if (quote == '"' && (*p == '$' || (*p == '\\' && t->type == TOKEN_WORD)))
			text_add_bytes(s->out, "\\", 1);
		text_add_bytes(s->out, p, 1);
	}
	text_add_bytes(s->out, &quote, 1);
}

/* From this token on libconfuse is alone, and will say what is wrong. */
static void pass_on(struct sweep *s, struct token t)
{
	s->passed = t.at;
	for (; t.type != TOKEN_END; t = scan_next(&s->scan))
		emit(s, &t);
}

/* ---- statements ---- */

static bool is_text(const struct token *t)
{
	return t->type == TOKEN_WORD || t->type == TOKEN_STRING;
}

static bool token_is(const struct sweep *s, const struct token *t, const char *name)
{
	return t->type == TOKEN_WORD && strlen(name) == t->len &&
	       memcmp(s->scan.text + t->at, name, t->len) == 0;
}

/* Its number in section_kind_key(), or NO_KEY. */
static size_t find_key(const struct sweep *s, const struct section_kind *kind,
		       const struct token *t)
{
	for (size_t i = 0; i < section_kind_n_keys(kind); i++)
		if (token_is(s, t, section_kind_key(kind, i)->name))
			return i;
	return NO_KEY;
}

static const struct section_kind *find_child(const struct sweep *s, const struct section_kind *kind,
					     const struct token *t)
{
	for (size_t i = 0; i < kind->n_children; i++)
		if (token_is(s, t, kind->children[i]->name))
			return kind->children[i];
	return NULL;
}

static void report_unclosed(struct sweep *s, size_t at)
{
	if (!s->scan.stopped)
		problem_add(s->problems, at, "this '{' is never closed");
	scan_stop(&s->scan);
}

/* The rest of a block or list, and what is nested in it, behind its opening brace. */
static void skip_braces(struct sweep *s, size_t opened_at)
{
	for (size_t depth = 1; depth > 0;) {
		struct token t = scan_next(&s->scan);

		if (t.type == TOKEN_END) {
			report_unclosed(s, opened_at);
			return;
		}
		depth += t.type == TOKEN_OPEN;
		depth -= t.type == TOKEN_CLOSE;
	}
}

/* "= value" or "= { ... }" behind a key that is left out. */
static void skip_values(struct sweep *s)
{
	struct token t = scan_next(&s->scan);

	if (t.type == TOKEN_OPEN)
		skip_braces(s, t.at);
	else if (!is_text(&t))
		scan_stop(&s->scan);
}

/* What other programs call a key of ours, where this kind of block has it. */
static void consider_synonyms(struct nearest *n, const struct section_kind *kind)
{
	static const char *const synonyms[][2] = {
		{ "latency", "delay" },	     { "bandwidth", "rate" },
		{ "limit", "queue" },	     { "buffer", "queue" },
		{ "corruption", "corrupt" }, { "duplication", "duplicate" },
		{ "reordering", "reorder" }, { "distribution", "jitter-shape" },
		{ "duration", "for" },	     { "interface", "link" },
	};

	for (size_t i = 0; i < N_ELEMENTS(synonyms); i++)
		for (size_t k = 0; k < section_kind_n_keys(kind); k++)
			if (strcmp(n->word, synonyms[i][0]) == 0 &&
			    strcmp(section_kind_key(kind, k)->name, synonyms[i][1]) == 0)
				n->best = synonyms[i][1];
}

/* bare: neither a value nor a block follows, so it may be a piece of the value before it. */
static void report_unknown(struct sweep *s, const struct section_kind *kind, const struct token *t,
			   bool block, bool bare)
{
	char name[64];
	size_t len = t->len < sizeof(name) - 1 ? t->len : sizeof(name) - 1;
	struct nearest n = { .word = name };

	memcpy(name, s->scan.text + t->at, len);
	name[len] = '\0';
	for (size_t i = 0; !block && i < section_kind_n_keys(kind); i++)
		nearest_consider(&n, section_kind_key(kind, i)->name);
	for (size_t i = 0; block && i < kind->n_children; i++)
		nearest_consider(&n, kind->children[i]->name);
	if (!block && n.best == NULL)
		consider_synonyms(&n, kind);
	problem_add(s->problems, t->at, "unknown %s '%s' %s%s%s%s", block ? "block" : "key", name,
		    kind == &grammar_top ? "at the top of the file" : "in ",
		    kind == &grammar_top ? "" : kind->name, nearest_hint(&n),
		    bare && n.best == NULL ? ": a value of several words stands in quotes" : "");
}

static void sweep_unknown(struct sweep *s, const struct section_kind *kind,
			  const struct token *name)
{
	struct token t = scan_next(&s->scan);
	bool block = false;

	if (t.type == TOKEN_EQUALS) {
		report_unknown(s, kind, name, false, false);
		skip_values(s);
		return;
	}
	if (is_text(&t)) {
		t = scan_next(&s->scan);
		block = kind == &grammar_top;
	}
	block = block || t.type == TOKEN_OPEN;
	report_unknown(s, kind, name, block, !block);
	if (t.type == TOKEN_OPEN)
		skip_braces(s, t.at);
	else
		scan_stop(&s->scan);
}

static void sweep_list(struct sweep *s, const struct key *key, size_t opened_at)
{
	struct token t = scan_next(&s->scan);

	if (t.type == TOKEN_CLOSE)
		problem_add(s->problems, opened_at, "%s is an empty list", key->name);
	for (; t.type != TOKEN_CLOSE; t = scan_next(&s->scan)) {
		if (t.type == TOKEN_END) {
			report_unclosed(s, opened_at);
			return;
		}
		if (is_text(&t)) {
			emit_marked(s, &t, t.at);
		} else if (t.type == TOKEN_COMMA) {
			emit(s, &t);
		} else {
			pass_on(s, t);
			return;
		}
	}
	emit(s, &t);
}

/* Behind the equals sign, which is still to be written. */
static void sweep_values(struct sweep *s, const struct key *key, const struct token *equals)
{
	emit(s, equals);

	struct token t = scan_next(&s->scan);

	if (is_text(&t)) {
		emit_marked(s, &t, t.at);
	} else if (t.type == TOKEN_OPEN) {
		emit(s, &t);
		sweep_list(s, key, t.at);
	} else {
		pass_on(s, t);
	}
}

static void sweep_key(struct sweep *s, const struct key *key, const struct token *name)
{
	emit(s, name);

	struct token t = scan_next(&s->scan);

	if (t.type == TOKEN_EQUALS)
		sweep_values(s, key, &t);
	else
		pass_on(s, t);
}

static void sweep_body(struct sweep *s, const struct section_kind *kind, size_t opened_at);

/* The name, if the kind has one, and the opening brace, which is returned. */
static struct token sweep_title(struct sweep *s, const struct section_kind *kind, size_t number)
{
	struct token t = scan_next(&s->scan);

	if (is_text(&t)) {
		if (!kind->named)
			problem_add(s->problems, t.at, "%s takes no name", kind->name);
		emit_marked(s, &t, number);
		t = scan_next(&s->scan);
	} else if (!kind->named) {
		emit_marked(s, &(struct token){ .type = TOKEN_WORD, .at = t.at }, number);
	} else {
		pass_on(s, t); /* the name is missing */
		return t;
	}
	if (t.type == TOKEN_OPEN)
		emit(s, &t);
	else
		pass_on(s, t);
	return t;
}

static void add_section(struct sweep *s, const struct section_kind *kind, size_t parent, size_t at)
{
	struct section *new = array_add(&s->doc->sections, &s->doc->n, &s->doc->room, sizeof(*new));

	*new = (struct section){ .kind = kind, .parent = parent, .at = at };
}

/* Whether there may be one more block; at: where it would begin. */
static bool has_room(struct sweep *s, size_t at)
{
	if (s->doc->n <= MAX_BLOCKS)
		return true;
	problem_add(s->problems, at, "more than %d blocks, which no machine can run", MAX_BLOCKS);
	scan_stop(&s->scan);
	return false;
}

static void sweep_block(struct sweep *s, const struct section_kind *kind, size_t parent,
			const struct token *word)
{
	if (!has_room(s, word->at))
		return;
	emit(s, word);

	struct token open = sweep_title(s, kind, s->doc->n);

	if (s->passed != SIZE_MAX)
		return;
	add_section(s, kind, parent, word->at);
	sweep_body(s, kind, open.at);
}

/* "NAME = VALUES" of any name: libconfuse, which knows names beforehand only, gets a block. */
static void sweep_any(struct sweep *s, const struct section_kind *kind, size_t parent,
		      const struct token *name)
{
	struct token t = scan_next(&s->scan);

	if (!has_room(s, name->at))
		return;
	if (t.type != TOKEN_EQUALS) {
		problem_add(s->problems, name->at, "missing equal sign after '%.*s'",
			    (int)(name->len < 64 ? name->len : 64), s->scan.text + name->at);
		scan_stop(&s->scan);
		return;
	}
	text_add(s->out, "%s ", kind->name);
	emit_marked(s, name, s->doc->n);
	text_add(s->out, " { %s ", kind->keys[0].name);
	add_section(s, kind, parent, name->at);
	sweep_values(s, &kind->keys[0], &t);
	if (s->passed == SIZE_MAX)
		text_add(s->out, " }");
}

/* A key that was given in this block already is left out; the first one counts. */
static bool is_repeated(struct sweep *s, const struct section_kind *kind, size_t key,
			uint64_t *seen, const struct token *name)
{
	uint64_t mask = UINT64_C(1) << key;
	bool repeated = (*seen & mask) != 0;

	*seen |= mask;
	if (repeated)
		problem_add(s->problems, name->at, "%s is given twice",
			    section_kind_key(kind, key)->name);
	return repeated;
}

static void sweep_statement(struct sweep *s, const struct section_kind *kind, size_t self,
			    const struct token *name, uint64_t *seen)
{
	size_t key = find_key(s, kind, name);
	const struct section_kind *child = find_child(s, kind, name);

	if (kind->any != NULL) {
		sweep_any(s, kind->any, self, name);
	} else if (child != NULL) {
		sweep_block(s, child, self, name);
	} else if (key == NO_KEY) {
		sweep_unknown(s, kind, name);
	} else if (!is_repeated(s, kind, key, seen, name)) {
		sweep_key(s, section_kind_key(kind, key), name);
	} else {
		scan_next(&s->scan);
		skip_values(s);
	}
}

/* From behind the opening brace to the closing one; for the file, to its end. */
static void sweep_body(struct sweep *s, const struct section_kind *kind, size_t opened_at)
{
	size_t self = s->doc->n - 1;
	uint64_t seen = 0;

	for (;;) {
		struct token t = scan_next(&s->scan);

		if (t.type == TOKEN_END) {
			if (kind != &grammar_top && s->passed == SIZE_MAX)
				report_unclosed(s, opened_at);
			return;
		}
		if (t.type == TOKEN_CLOSE && kind != &grammar_top) {
			emit(s, &t);
			return;
		}
		if (!is_text(&t)) {
			pass_on(s, t);
			return;
		}
		sweep_statement(s, kind, self, &t, &seen);
	}
}

int sweep(struct document *d, struct problem_list *problems, struct text *ret_text,
	  size_t *ret_passed_at)
{
	struct sweep s = {
		.scan = { problems->text, problems->len, 0, ret_text, problems, false },
		.out = ret_text,
		.problems = problems,
		.doc = d,
		.passed = SIZE_MAX,
	};
	struct section *top = array_add(&d->sections, &d->n, &d->room, sizeof(*top));

	top->kind = &grammar_top;
	/* A byte order mark, as some editors write it, is not part of the text. */
	if (s.scan.len >= 3 && memcmp(s.scan.text, "\xef\xbb\xbf", 3) == 0)
		s.scan.at = 3;
	sweep_body(&s, &grammar_top, 0);
	*ret_passed_at = s.passed;
	return s.scan.stopped ? -1 : 0;
}
