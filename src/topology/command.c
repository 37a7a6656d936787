/* The programs of a topology file: anybody's commands in nodes. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/names.h"
#include "topology/units.h"

/* ---- words, as a shell splits them (POSIX.1-2017, XCU 2.2), but nothing is expanded ---- */

/* The rest of a word from s on, its quotes taken off, added to *w; NULL: a quote is not closed. */
static const char *read_word(const char *s, struct text *w)
{
	char quote = '\0';

	for (; *s != '\0' && (quote != '\0' || !isspace((unsigned char)*s)); s++) {
		if (quote == '\0' && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (*s == quote) {
			quote = '\0';
		} else {
			bool escaped = *s == '\\' && quote != '\'' && s[1] != '\0';

			if (escaped && (quote == '\0' || strchr("\\\"$`", s[1]) != NULL))
				s++;
			text_add_bytes(w, s, 1);
		}
	}
	return quote == '\0' ? s : NULL;
}

/* NULL-terminated; NULL after the value was refused. */
static char **split(struct builder *b, const struct value *v)
{
	char **words = array_new(strlen(v->text) / 2 + 2, sizeof(*words));
	const char *s = v->text + strspn(v->text, " \t\n");
	size_t n = 0;

	while (s != NULL && *s != '\0') {
		struct text word = { 0 };

		s = read_word(s, &word);
		words[n++] = text_take(&word);
		if (s != NULL)
			s += strspn(s, " \t\n");
	}
	if (s != NULL && n > 0)
		return words;
	build_refuse(b, v, s == NULL ? "has a quote that is not closed" : "is no command");
	for (size_t i = 0; i < n; i++)
		free(words[i]);
	free(words);
	return NULL;
}

static void check_program(struct builder *b, const char *path, const struct value *v)
{
	struct stat st;

	if (stat(path, &st) != 0 || access(path, X_OK) != 0)
		build_refuse(b, v, "cannot be run: %s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		build_refuse(b, v, "is no program");
}

char **build_command(struct builder *b, const struct value *values, size_t n)
{
	char **argv = n == 1 ? split(b, &values[0]) : array_new(n + 1, sizeof(*argv));
	char *path;

	for (size_t i = 0; n > 1 && i < n; i++)
		argv[i] = text_dup(values[i].text);
	if (argv == NULL || strchr(argv[0], '/') == NULL)
		return argv;
	path = build_path(b, argv[0]);
	free(argv[0]);
	argv[0] = path;
	check_program(b, path, &values[0]);
	return argv;
}

/* ---- the block ---- */

static void set_node(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	((struct command *)object)->node = build_find_node(b, &values[0]);
}

static void set_command(struct builder *b, void *object, const struct value *values, size_t n)
{
	((struct command *)object)->argv = build_command(b, values, n);
}

static bool has_port(const struct command *c, const struct listening *l)
{
	for (size_t i = 0; i < c->n_listens; i++)
		if (c->listens[i].protocol == l->protocol && c->listens[i].port == l->port)
			return true;
	return false;
}

static void add_port(struct builder *b, struct command *c, const struct value *v)
{
	static const char *const protocols[] = { "udp/", "tcp/" };
	struct listening l = { .protocol = IPPROTO_UDP };
	uint64_t port;
	struct err why;

	if (strncmp(v->text, protocols[1], 4) == 0)
		l.protocol = IPPROTO_TCP;
	else if (strncmp(v->text, protocols[0], 4) != 0) {
		build_refuse(b, v, "is no port: write udp/10000 or tcp/80");
		return;
	}
	if (unit_count(v->text + 4, 1, UINT16_MAX, &port, &why) != 0) {
		build_refuse(b, v, "is no port: 1 to 65535");
		return;
	}
	l.port = (uint16_t)port;
	if (has_port(c, &l))
		build_refuse(b, v, "is given twice");
	else
		c->listens[c->n_listens++] = l;
}

static void set_listens(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;

	c->listens = array_new(n, sizeof(*c->listens));
	for (size_t i = 0; i < n; i++)
		add_port(b, c, &values[i]);
}

/* Transfers and programs share their names: faults and logs call both by them. */
static void check_name(struct builder *b, const struct section *s)
{
	const struct topology *t = b->t;
	struct err why;
	int line = 0;

	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "program '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < t->n_commands && line == 0; i++)
		if (strcmp(t->commands[i].name, s->title) == 0)
			line = t->commands[i].line;
	for (size_t i = 0; i < t->n_transfers && line == 0; i++)
		if (strcmp(t->transfers[i].name, s->title) == 0)
			line = t->transfers[i].line;
	if (line != 0)
		problem_add(b->problems, s->at, "program '%s' has a name that is taken (line %d)",
			    s->title, line);
}

static void *begin_program(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct command *c = &t->commands[t->n_commands];

	check_name(b, s);
	*c = (struct command){ .name = text_dup(s->title),
			       .node = NOT_RESOLVED,
			       .line = build_line(b, s->at) };
	t->n_commands++;
	return c;
}

static const struct key program_keys[] = {
	{ "node", false, true, set_node },
	{ "command", true, true, set_command },
	{ "listens", true, false, set_listens },
};

const struct section_kind grammar_program = {
	.name = "program",
	.named = true,
	.phase = PHASE_REST,
	.keys = program_keys,
	.n_keys = N_ELEMENTS(program_keys),
	.begin = begin_program,
};
