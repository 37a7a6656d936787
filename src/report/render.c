#include "report/render.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <string.h>
#include <wchar.h>

#include "base/cleanup.h"

/* Ranges shown before ", ... (n more)": a line stays a line. */
#define MAX_RANGES 6
/* Hexadecimal digits of a digest where all 64 would be in the way. */
#define SHORT_DIGEST 12

/* Length of the UTF-8 sequence at s and its code point; 0 when there is none. */
static size_t utf8_next(const char *s, size_t left, uint32_t *ret_code)
{
	for (size_t len = 1; len <= 4 && len <= left; len++) {
		if (!text_is_utf8(s, len))
			continue;

		const unsigned char *u = (const unsigned char *)s;
		uint32_t code = len == 1 ? u[0] : u[0] & (0x7fu >> len);

		for (size_t i = 1; i < len; i++)
			code = code << 6 | (u[i] & 0x3fu);
		*ret_code = code;
		return len;
	}
	return 0;
}

/*
 * Marks, embeddings, overrides and isolates (UAX #9, table 4) can make "gpj.exe" of "exe.jpg"; line
 * and paragraph separators break lines; U+FFFE and U+FFFF are no characters, nor legal in XML 1.0.
 */
static bool misleads(uint32_t code)
{
	return code == 0x061c || (code >= 0x200b && code <= 0x200f) ||
	       (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) ||
	       code == 0xfeff || (code & 0xfffe) == 0xfffe;
}

static void add_escaped(struct text *t, uint32_t code)
{
	static const char *const short_forms[0x20] = {
		['\n'] = "\\n",
		['\t'] = "\\t",
		['\r'] = "\\r",
	};

	if (code < 0x20 && short_forms[code] != NULL)
		text_add(t, "%s", short_forms[code]);
	else if (code < 0x80)
		text_add(t, "\\x%02" PRIx32, code);
	else
		text_add(t, "\\u%04" PRIx32, code);
}

void render_printable(struct text *t, const char *s, enum render_lines lines)
{
	size_t left = s != NULL ? strlen(s) : 0;

	while (left > 0) {
		uint32_t code = 0;
		size_t len = utf8_next(s, left, &code);
		bool keep = lines == RENDER_LINES && (code == '\n' || code == '\t');

		if (len == 0)
			text_add(t, "\\x%02x", (unsigned char)*s);
		else if (!keep && (code < 0x20 || (code >= 0x7f && code < 0xa0) || misleads(code)))
			add_escaped(t, code);
		else
			text_add_bytes(t, s, len);
		len = len != 0 ? len : 1;
		s += len;
		left -= len;
	}
}

void render_utf8(struct text *t, const char *s)
{
	size_t left = s != NULL ? strlen(s) : 0;

	while (left > 0) {
		uint32_t code;
		size_t len = utf8_next(s, left, &code);

		if (len == 0)
			text_add(t, "\\x%02x", (unsigned char)*s);
		else
			text_add_bytes(t, s, len);
		len = len != 0 ? len : 1;
		s += len;
		left -= len;
	}
}

const char *render_text(const char *s)
{
	return s != NULL ? s : "";
}

static size_t sequence_len(const char *s)
{
	size_t len = s[0] == '\033' && s[1] == '[' ? strcspn(s, "m") : 0;

	return len != 0 && s[len] == 'm' ? len + 1 : 0;
}

/*
 * wcwidth(3) knows nothing beyond ASCII in the C locale, and which locale the user has is not for a
 * width to depend on. Where C.UTF-8 does not exist every character counts as one column.
 */
static size_t code_width(uint32_t code)
{
	static locale_t utf8;

	if (utf8 == (locale_t)0)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (utf8 == (locale_t)0)
		return 1;

	locale_t before = uselocale(utf8);
	int width = wcwidth((wchar_t)code);

	uselocale(before);
	return width >= 0 ? (size_t)width : 1;
}

size_t render_width(const char *s)
{
	size_t width = 0;

	for (size_t left = strlen(s), len; left > 0; s += len, left -= len) {
		uint32_t code = 0;

		len = sequence_len(s);
		if (len != 0)
			continue;
		len = utf8_next(s, left, &code);
		len = len != 0 ? len : 1;
		width += code < 0x80 ? 1 : code_width(code);
	}
	return width;
}

static const struct {
	const char *symbol, *word, *color;
} looks[] = {
	[OUTCOME_PASS] = { "✓", "pass", "\033[32m" },
	[OUTCOME_SKIP] = { "-", "skip", "\033[2m" },
	[OUTCOME_INCONCLUSIVE] = { "?", "inconclusive", "\033[33m" },
	[OUTCOME_FAIL] = { "✗", "FAIL", "\033[31m" },
};
_Static_assert(sizeof(looks) / sizeof(looks[0]) == OUTCOME_FAIL + 1, "one look per outcome");

const char *render_symbol(enum outcome o)
{
	return looks[o].symbol;
}

const char *render_word(enum outcome o)
{
	return looks[o].word;
}

const char *render_layer_word(enum outcome o)
{
	return o == OUTCOME_PASS ? "ok" : render_word(o);
}

const char *render_color(enum outcome o)
{
	return looks[o].color;
}

bool render_modes_suffice(const struct session *s)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct run_verdict *r = &s->runs[i];

		if (r->n_variables > 1)
			return false;
		if (r->n_variables == 1 && strcmp(r->variables[0].value, render_text(r->mode)) != 0)
			return false;
	}
	return true;
}

const char *render_run_name(const struct session *s, const struct run_verdict *r)
{
	bool has_mode = r->mode != NULL && strcmp(r->mode, "-") != 0;

	return s->repeat == 0 && has_mode && render_modes_suffice(s) ? r->mode : r->label;
}

static void add_ranges(struct text *t, const char *what, const struct ranges *r)
{
	if (r->n == 0)
		return;

	cleanup_free char *list = ranges_format(r, MAX_RANGES);

	text_add(t, "; %s %s", what, list);
}

void render_layer_facts(struct text *t, const struct layer *l, bool full_digest)
{
	char hex[2 * SHA256_LEN + 1];

	text_add(t, "%" PRIu64 " bytes", l->size);
	sha256_hex(hex, &l->digest);
	if (l->has_digest && full_digest)
		text_add(t, ", sha256 %s", hex);
	else if (l->has_digest)
		text_add(t, ", sha256 %.*s...", SHORT_DIGEST, hex);
	if (l->differs)
		text_add(t, "; differs from byte %" PRIu64 " on", l->first_difference);
	add_ranges(t, "missing bytes", &l->missing);
	add_ranges(t, "repeated bytes", &l->repeated);
}

void render_datagrams(struct text *t, const struct datagram_account *d)
{
	const struct {
		const char *what;
		uint64_t n;
	} rare[] = {
		{ "duplicated", d->duplicated },
		{ "reordered", d->reordered },
		{ "corrupted", d->corrupted },
	};

	text_add(t, "%" PRIu64 " sent (%" PRIu64 " needed, %" PRIu64 " repairs), ", d->sent,
		 d->ideal, d->repairs);
	text_add(t, "%" PRIu64 " arrived, %" PRIu64 " lost", d->arrived, d->lost);
	for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++)
		if (rare[i].n != 0)
			text_add(t, ", %" PRIu64 " %s", rare[i].n, rare[i].what);
	if (d->interleaved != 0)
		text_add(t, "; changed to or from another file %" PRIu64 " times", d->interleaved);
	add_ranges(t, "lost chunks", &d->lost_chunks);
}

int render_write(FILE *out, const struct text *t, const char *what, struct err *e)
{
	if (fwrite(text_str(t), 1, t->len, out) != t->len || fflush(out) != 0)
		return err_set(e, errno, "write %s", what);
	return 0;
}
