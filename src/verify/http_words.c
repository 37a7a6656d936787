#include "verify/http_words.h"

#include <string.h>
#include <strings.h>

bool http_words_are(const struct http_words *w, const char *what)
{
	return w->len == strlen(what) && strncasecmp(w->s, what, w->len) == 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct http_words http_words_trim(struct http_words w)
{
	while (w.len > 0 && is_blank(w.s[0])) {
		w.s++;
		w.len--;
	}
	while (w.len > 0 && is_blank(w.s[w.len - 1]))
		w.len--;
	return w;
}

bool http_words_next(struct http_words *w, char separator, struct http_words *ret)
{
	const char *end;

	if (w->s == NULL)
		return false;
	end = memchr(w->s, separator, w->len);
	if (end == NULL) {
		*ret = http_words_trim(*w);
		*w = (struct http_words){ NULL, 0 };
		return true;
	}
	*ret = http_words_trim((struct http_words){ w->s, (size_t)(end - w->s) });
	w->len -= (size_t)(end + 1 - w->s);
	w->s = end + 1;
	return true;
}

bool http_words_number(const struct http_words *w, uint64_t *ret)
{
	if (w->len == 0 || w->len > 18)
		return false;
	*ret = 0;
	for (size_t i = 0; i < w->len; i++) {
		if (w->s[i] < '0' || w->s[i] > '9')
			return false;
		*ret = *ret * 10 + (uint64_t)(w->s[i] - '0');
	}
	return true;
}
