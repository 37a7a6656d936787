#include "verify/http_range.h"

#include <string.h>

void http_range_read(struct http_words value, struct http_range *ret)
{
	struct http_words unit, first;
	bool has_first;

	*ret = (struct http_range){ .kind = RANGE_OTHER };
	/* What is left after the equals sign, and then after the hyphen. */
	if (!http_words_next(&value, '=', &unit) || !http_words_are(&unit, "bytes") ||
	    !http_words_next(&value, '-', &first) || value.s == NULL)
		return;
	value = http_words_trim(value);
	has_first = http_words_number(&first, &ret->first);
	if (!has_first && first.len != 0)
		return;
	if (http_words_number(&value, &ret->last))
		ret->kind = has_first ? RANGE_FROM : RANGE_LAST;
	else if (has_first && value.len == 0)
		*ret = (struct http_range){ RANGE_FROM, ret->first, UINT64_MAX };
}

void http_part_read(struct http_words value, struct http_part *ret)
{
	struct http_words unit, first, last;

	*ret = (struct http_part){ .kind = PART_OTHER };
	if (!http_words_next(&value, ' ', &unit) || !http_words_are(&unit, "bytes"))
		return;
	ret->kind = PART_BAD;
	if (!http_words_next(&value, '-', &first) || !http_words_number(&first, &ret->first) ||
	    !http_words_next(&value, '/', &last) || !http_words_number(&last, &ret->last) ||
	    value.s == NULL || ret->last < ret->first)
		return;
	value = http_words_trim(value);
	ret->has_total = !http_words_are(&value, "*");
	if (!ret->has_total || http_words_number(&value, &ret->total))
		ret->kind = PART_BYTES;
}

bool http_range_has(const struct http_range *r, uint64_t len, const struct http_part *part)
{
	if (r->kind == RANGE_FROM)
		return part->first >= r->first && part->last <= r->last;
	if (r->kind == RANGE_LAST)
		return r->last >= len || part->first >= len - r->last;
	return r->kind == RANGE_OTHER;
}
