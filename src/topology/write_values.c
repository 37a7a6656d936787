#include "topology/write_values.h"

#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

void write_quoted(struct text *t, const char *s)
{
	text_add(t, "\"");
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			text_add(t, "\\");
		if (s[0] == '%' && s[1] == '{')
			text_add(t, "%%");
		text_add_bytes(t, s, 1);
	}
	text_add(t, "\"");
}

char *write_absolute(const char *path)
{
	cleanup_free char *here = path[0] != '/' ? get_current_dir_name() : NULL;

	return here != NULL ? text_format("%s/%s", here, path) : text_dup(path);
}

void write_key(struct text *t, const char *key, const char *value)
{
	text_add(t, "\t%s = ", key);
	write_quoted(t, value);
	text_add(t, "\n");
}

/* As words.c splits words again: what is in single quotes means itself. */
static void add_word(struct text *t, const char *word)
{
	text_add(t, "%s'", t->len != 0 ? " " : "");
	for (; *word != '\0'; word++)
		if (*word == '\'')
			text_add(t, "'\\''");
		else
			text_add_bytes(t, word, 1);
	text_add(t, "'");
}

static bool needs_quotes(const char *word)
{
	return *word == '\0' || strpbrk(word, " \t\n'\"\\<>|&;") != NULL;
}

/* One value, split by its blanks: an argument may be empty, a value may not. */
void write_words(struct text *out, const char *key, char *const *argv)
{
	cleanup_by(text_done) struct text words = { 0 };

	for (size_t i = 0; argv != NULL && argv[i] != NULL; i++) {
		/* Without a slash it is looked up in PATH. */
		bool is_path = i == 0 && strchr(argv[0], '/') != NULL;
		cleanup_free char *word = is_path ? write_absolute(argv[0]) : text_dup(argv[i]);

		if (needs_quotes(word))
			add_word(&words, word);
		else
			text_add(&words, "%s%s", i != 0 ? " " : "", word);
	}
	if (words.len != 0)
		write_key(out, key, text_str(&words));
}
