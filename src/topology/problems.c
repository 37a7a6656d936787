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

/* What a file says must reach the terminal as text: no control characters (C0, DEL, C1). */
static void make_printable(char *s)
{
	bool utf8 = text_is_utf8(s, strlen(s));
	unsigned char *u = (unsigned char *)s;

	for (; *u != '\0'; u++) {
		if (*u < ' ' || *u == 0x7f || (!utf8 && *u >= 0x80))
			*u = '?';
		else if (u[0] == 0xc2 && u[1] < 0xa0)
			u[0] = u[1] = '?';
	}
}

/* One value may be wrong in another way in each of 10,000 runs: a few of those say it all. */
#define MAX_AT_ONE_PLACE 10

static bool is_told(const struct problem_list *l, size_t at, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->items[i].at != at)
			continue;
		if (++n == MAX_AT_ONE_PLACE || strcmp(l->items[i].text, text) == 0)
			return true;
	}
	return false;
}

void problem_add(struct problem_list *l, size_t at, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);

	char *message = text_vformat(format, ap);

	va_end(ap);
	make_printable(message);
	if (is_told(l, at, message)) {
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

/* How many insertions, deletions, replacements and swaps of neighbours lead from one to the other. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t rows[3][MAX_WORD + 1]; /* of prefixes of a, this one and two before */

	for (size_t k = 0; k <= b_len; k++)
		rows[0][k] = k;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t k = 1; k <= b_len; k++) {
			size_t replaced = last[k - 1] + (a[i - 1] != b[k - 1]);

			row[k] = min3(replaced, row[k - 1] + 1, last[k] + 1);
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
				row[k] = min3(row[k], before[k - 2] + 1, row[k]);
		}
	}
	return rows[a_len % 3][b_len];
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

size_t nearest_find_name(struct nearest *near, const void *objects, size_t n, size_t size,
			 size_t name_offset)
{
	for (size_t i = 0; i < n; i++) {
		const char *name;

		memcpy(&name, (const char *)objects + i * size + name_offset, sizeof(name));
		if (strcmp(name, near->word) == 0)
			return i;
		nearest_consider(near, name);
	}
	return SIZE_MAX;
}

const char *nearest_hint(struct nearest *n)
{
	n->hint[0] = '\0';
	if (n->best != NULL)
		snprintf(n->hint, sizeof(n->hint), "; did you mean '%.*s'?", MAX_WORD, n->best);
	return n->hint;
}
