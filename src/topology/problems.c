#include "topology/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

static void add_line(struct problem_list *l, size_t at)
{
	*(size_t *)array_add(&l->lines, &l->n_lines, &l->lines_room, sizeof(at)) = at;
}

void problem_list_init(struct problem_list *l, const char *path, const char *text, size_t len)
{
	*l = (struct problem_list){ .path = path, .text = text, .len = len };
	add_line(l, 0);
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n' && i + 1 < len)
			add_line(l, i + 1);
}

void problem_list_done(struct problem_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i].text);
	free(l->items);
	free(l->lines);
	*l = (struct problem_list){ 0 };
}

/* What a file says must not reach the terminal as anything but text. */
static void make_printable(char *s)
{
	bool utf8 = text_is_utf8(s, strlen(s));

	for (; *s != '\0'; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f || (!utf8 && (unsigned char)*s >= 0x80))
			*s = '?';
}

static bool is_known(const struct problem_list *l, size_t at, const char *text)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].at == at && strcmp(l->items[i].text, text) == 0)
			return true;
	return false;
}

void problem_add(struct problem_list *l, size_t at, const char *format, ...)
{
	struct text t = { 0 };
	va_list ap;

	va_start(ap, format);
	text_vadd(&t, format, ap);
	va_end(ap);

	char *message = text_take(&t);

	make_printable(message);
	if (is_known(l, at, message)) {
		free(message);
		return;
	}

	struct problem *p = array_add(&l->items, &l->n, &l->room, sizeof(*p));

	*p = (struct problem){ .at = at, .number = l->n, .text = message };
}

int problem_line(const struct problem_list *l, size_t at)
{
	size_t low = 0, high = l->n_lines;

	while (high - low > 1) {
		size_t middle = (low + high) / 2;

		if (l->lines[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return (int)low + 1;
}

size_t problem_line_start(const struct problem_list *l, int line)
{
	size_t i = line < 1 ? 0 : (size_t)line - 1;

	return l->lines[i < l->n_lines ? i : l->n_lines - 1];
}

/* By place; of one place, as they were found. */
static int compare(const void *a, const void *b)
{
	const struct problem *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static void give(struct problems *p, char *message)
{
	*(char **)array_add(&p->messages, &p->n, &p->room, sizeof(message)) = message;
}

void problem_list_give(struct problem_list *l, struct problems *p)
{
	if (l->n != 0)
		qsort(l->items, l->n, sizeof(*l->items), compare);
	for (size_t i = 0; i < l->n; i++)
		give(p, text_format("%s:%d: %s", l->path, problem_line(l, l->items[i].at),
				    l->items[i].text));
}

void problems_add_whole(struct problems *p, const char *path, const char *message)
{
	give(p, text_format("%s: %s", path, message));
}

void problems_done(struct problems *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->messages[i]);
	free(p->messages);
	*p = (struct problems){ 0 };
}

#define MAX_WORD 64

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Levenshtein's distance: insertions, deletions and replacements from one to the other. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[MAX_WORD + 1];

	for (size_t k = 0; k <= b_len; k++)
		row[k] = k;
	for (size_t i = 0; i < a_len; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t k = 0; k < b_len; k++) {
			size_t replaced = diagonal + (a[i] != b[k]);

			diagonal = row[k + 1];
			row[k + 1] = min3(replaced, row[k] + 1, diagonal + 1);
		}
	}
	return row[b_len];
}

void nearest_consider(struct nearest *n, const char *candidate)
{
	size_t word_len = strlen(n->word), len = strlen(candidate);

	if (word_len > MAX_WORD || len > MAX_WORD)
		return;

	size_t d = distance(n->word, word_len, candidate, len);

	/* Close: a third of the letters at most. */
	if (d > (word_len > 3 ? word_len / 3 : 1) || d >= len)
		return;
	if (n->best == NULL || d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

const char *nearest_hint(const struct nearest *n)
{
	static char hint[MAX_WORD + 32];

	if (n->best == NULL)
		return "";
	snprintf(hint, sizeof(hint), "; did you mean '%.*s'?", MAX_WORD, n->best);
	return hint;
}
