#include "topology/scan.h"

#include <string.h>

static char peek(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->len ? s->text[s->at + ahead] : '\0';
}

void scan_stop(struct scan *s)
{
	s->at = s->len;
	s->stopped = true;
}

/* Step over one byte; line breaks stay, all else becomes nothing. */
static void skip_byte(struct scan *s)
{
	if (s->text[s->at] == '\n')
		text_add_bytes(s->out, "\n", 1);
	s->at++;
}

static void skip_line(struct scan *s)
{
	while (s->at < s->len && s->text[s->at] != '\n')
		s->at++;
}

static void skip_long_comment(struct scan *s)
{
	size_t begin = s->at;

	s->at += 2;
	while (s->at < s->len && !(peek(s, 0) == '*' && peek(s, 1) == '/'))
		skip_byte(s);
	if (s->at == s->len) {
		problem_add(s->problems, begin, "this comment is never closed");
		scan_stop(s);
		return;
	}
	s->at += 2;
}

static void skip_space(struct scan *s)
{
	text_add_bytes(s->out, " ", 1);
	while (s->at < s->len) {
		char c = peek(s, 0);

		if (c == '#' || (c == '/' && peek(s, 1) == '/'))
			skip_line(s);
		else if (c == '/' && peek(s, 1) == '*')
			skip_long_comment(s);
		else if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			skip_byte(s);
		else
			return;
	}
}

/* Words are made of what libconfuse's lexer takes for an unquoted string. */
static bool is_word_byte(char c)
{
	return (unsigned char)c > ' ' && c != 0x7f && strchr("#\"'={}()+,*", c) == NULL;
}

/* %{name} outside quotes: libconfuse would see a list begin. Take it for what is meant. */
static void read_bare_variable(struct scan *s, struct token *t)
{
	size_t len = strcspn(s->text + s->at, "}\n");

	if (s->text[s->at + len] != '}')
		return;
	s->at += len + 1;
	if (s->text[s->at - len - 2] == '$')
		problem_add(s->problems, t->at,
			    "'${...}' means nothing here: a variable is written \"%%{name}\"");
	else
		problem_add(s->problems, t->at, "'%.*s' must stand in quotes",
			    (int)(s->at - t->at < 80 ? s->at - t->at : 80), s->text + t->at);
}

static void read_word(struct scan *s, struct token *t)
{
	t->type = TOKEN_WORD;
	while (s->at < s->len && is_word_byte(s->text[s->at]))
		s->at++;
	if (peek(s, 0) == '{' && (s->text[s->at - 1] == '%' || s->text[s->at - 1] == '$'))
		read_bare_variable(s, t);
}

/* One backslash pair; in single quotes libconfuse keeps the backslash before other bytes. */
static void read_escape(struct scan *s, char quote)
{
	char c = peek(s, 1);

	if (quote == '"' && c != '"' && c != '\\')
		problem_add(s->problems, s->at, "'\\%c' is no escape: there are only \\\" and \\\\",
			    c);
	s->at++;
}

static void read_string(struct scan *s, struct token *t)
{
	char quote = s->text[s->at];

	t->type = TOKEN_STRING;
	for (s->at++; peek(s, 0) != quote; s->at++) {
		if (peek(s, 0) == '\\' && peek(s, 1) != '\n' && s->at + 1 < s->len)
			read_escape(s, quote);
		if (s->at >= s->len || peek(s, 0) == '\n') {
			problem_add(s->problems, t->at, "this string is not closed in its line");
			scan_stop(s);
			t->type = TOKEN_END;
			return;
		}
	}
	s->at++;
}

static void refuse_byte(struct scan *s)
{
	unsigned char c = (unsigned char)s->text[s->at];

	if (c == '+' && peek(s, 1) == '=')
		problem_add(s->problems, s->at, "'+=' is not known: write all values in one list");
	else if (c > ' ' && c < 0x7f)
		problem_add(s->problems, s->at, "'%c' must stand in quotes", c);
	else
		problem_add(s->problems, s->at, "a byte 0x%02x, which no text has", c);
	s->at++;
}

struct token scan_next(struct scan *s)
{
	for (;;) {
		skip_space(s);

		struct token t = { .type = TOKEN_END, .at = s->at };
		char c = peek(s, 0);

		if (s->at == s->len)
			return t;
		if (c == '{' || c == '}' || c == '=' || c == ',') {
			t.type = c;
			s->at++;
		} else if (c == '"' || c == '\'') {
			read_string(s, &t);
		} else if (is_word_byte(c)) {
			read_word(s, &t);
		} else {
			refuse_byte(s);
			continue;
		}
		t.len = s->at - t.at;
		return t;
	}
}
