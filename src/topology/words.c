/* Command lines of a topology file: a list of words, or a string that is split into words. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/text.h"
#include "topology/build.h"

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

/* What a shell would take for a redirection, a pipe or the end of the command. */
static size_t operator_len(const char *word)
{
	size_t digits = strspn(word, "0123456789");

	if (word[digits] != '<' && word[digits] != '>')
		digits = 0;
	return strchr("<>|&;", word[digits]) != NULL ? digits + strspn(word + digits, "<>|&;") : 0;
}

static bool refuse_operator(struct builder *b, const struct value *v, const char *word)
{
	size_t len = operator_len(word);

	if (len > 0)
		build_refuse(b, v,
			     "has '%.*s', and no shell that knows it: write { sh, -c, '...' }, or "
			     "quote it",
			     (int)len, word);
	return len > 0;
}

/* NULL-terminated; NULL after the value was refused. */
static char **split(struct builder *b, const struct value *v)
{
	char **words = array_new(strlen(v->text) / 2 + 2, sizeof(*words));
	const char *s = v->text + strspn(v->text, " \t\n");
	size_t n = 0;
	bool refused = false;

	while (s != NULL && *s != '\0' && !refused) {
		struct text word = { 0 };

		refused = refuse_operator(b, v, s);

		s = read_word(s, &word);
		words[n++] = text_take(&word);
		if (s != NULL)
			s += strspn(s, " \t\n");
	}
	if (s != NULL && n > 0 && !refused)
		return words;
	if (!refused)
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
