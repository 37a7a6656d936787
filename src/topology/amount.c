#include "topology/amount.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/signals.h"
#include "base/text.h"
#include "topology/units.h"

#define BLANKS	    " \t"
#define SIGNAL_BASE 128 /* what a shell adds to the number of a signal */
#define LAST_STATUS (N_STATUSES - 1)
#define LAST_SIGNAL 64

/* ---- amounts ---- */

static int parse_number(const char *text, bool sizes, uint64_t *ret, struct err *e)
{
	size_t begin = strspn(text, BLANKS), len = strlen(text + begin);

	while (len > 0 && strchr(BLANKS, text[begin + len - 1]) != NULL)
		len--;

	cleanup_free char *number = text_format("%.*s", (int)len, text + begin);

	if (!sizes || strspn(number, "0123456789") == len)
		return unit_count(number, 0, UINT64_MAX - 1, ret, e);
	return unit_size(number, ret, e);
}

static int parse_span(const char *text, bool sizes, struct amount *a, struct err *e)
{
	const char *dash = strchr(text, '-');
	cleanup_free char *first = text_format("%.*s", (int)strcspn(text, "-"), text);

	if (parse_number(first, sizes, &a->low, e) != 0)
		return -1;
	a->high = a->low;
	return dash == NULL ? 0 : parse_number(dash + 1, sizes, &a->high, e);
}

/* ">= 3", "< 10" */
static int parse_limit(const char *text, bool sizes, struct amount *a, struct err *e)
{
	bool or_equal = text[1] == '=';
	uint64_t n;

	if (parse_number(text + 1 + or_equal, sizes, &n, e) != 0)
		return -1;
	if (text[0] == '>')
		*a = (struct amount){ n + !or_equal, UINT64_MAX };
	else if (n == 0 && !or_equal)
		return err_usage(e, "is never true");
	else
		*a = (struct amount){ 0, n - !or_equal };
	return 0;
}

int amount_parse(const char *text, bool sizes, struct amount *ret_amount, struct err *e)
{
	const char *s = text + strspn(text, BLANKS);
	struct amount a = { 0, 0 };
	struct err why = { .num = 0 };
	int r = *s == '<' || *s == '>' ? parse_limit(s, sizes, &a, &why)
				       : parse_span(s, sizes, &a, &why);

	if (r != 0 && strcmp(why.msg, "is never true") == 0)
		return err_usage(e, "%s", why.msg);
	if (r != 0)
		return err_usage(e, sizes ? "is no size: write 20, 1KiB, 2-5, \">= 3\" or \"< 10\""
					  : "is no number of times: write 3, 2-5, \">= 3\" or "
					    "\"< 10\"");
	if (a.low > a.high)
		return err_usage(e, "is never true: the first is more than the last");
	*ret_amount = a;
	return 0;
}

static char *format(char buf[AMOUNT_TEXT_LEN], const struct amount *a, const char *least,
		    const char *most, const char *to)
{
	int n;

	if (a->low == a->high)
		n = snprintf(buf, AMOUNT_TEXT_LEN, "%" PRIu64, a->low);
	else if (a->high == UINT64_MAX)
		n = snprintf(buf, AMOUNT_TEXT_LEN, "%s%" PRIu64, least, a->low);
	else if (a->low == 0)
		n = snprintf(buf, AMOUNT_TEXT_LEN, "%s%" PRIu64, most, a->high);
	else
		n = snprintf(buf, AMOUNT_TEXT_LEN, "%" PRIu64 "%s%" PRIu64, a->low, to, a->high);
	if (n < 0)
		buf[0] = '\0';
	return buf;
}

char *amount_format(char buf[AMOUNT_TEXT_LEN], const struct amount *a)
{
	return format(buf, a, ">= ", "<= ", "-");
}

char *amount_describe(char buf[AMOUNT_TEXT_LEN], const struct amount *a)
{
	return format(buf, a, "at least ", "at most ", " to ");
}

/* ---- exit statuses ---- */

static int parse_statuses(const char *text, struct amount *ret_span, struct err *e)
{
	int number = signal_number(text);

	if (number != 0) {
		ret_span->low = ret_span->high = (uint64_t)(SIGNAL_BASE + number);
		return 0;
	}
	if (parse_span(text, false, ret_span, e) != 0 || ret_span->low > ret_span->high ||
	    ret_span->high > LAST_STATUS)
		return err_usage(e,
				 "is no exit status: write 0 to 255, 3-5, SIGKILL, or \"not 0\"");
	return 0;
}

int exit_set_add(struct exit_set *set, const char *text, struct err *e)
{
	bool negated = strncmp(text, "not ", 4) == 0;
	struct amount span = { 0, 0 };

	if (parse_statuses(negated ? text + 4 + strspn(text + 4, BLANKS) : text, &span, e) != 0)
		return -1;
	for (uint64_t i = 0; i < N_STATUSES; i++)
		if (amount_holds(&span, i) != negated)
			set->has[i] = true;
	return 0;
}

/* The end of the statuses from this one on that are alike. */
static size_t alike(const struct exit_set *set, size_t first)
{
	size_t i = first;

	while (i < N_STATUSES && set->has[i] == set->has[first])
		i++;
	return i;
}

static void add_span(struct text *t, size_t first, size_t end, const char *quote)
{
	char buf[16];

	text_add(t, "%s%s", t->len != 0 ? ", " : "", quote);
	if (first + 1 != end)
		text_add(t, "%zu-%zu", first, end - 1);
	else if (first > SIGNAL_BASE && first <= SIGNAL_BASE + LAST_SIGNAL &&
		 signal_number(signal_name((int)first - SIGNAL_BASE, buf)) != 0)
		text_add(t, "%s", signal_name((int)first - SIGNAL_BASE, buf));
	else
		text_add(t, "%zu", first);
	text_add(t, "%s", quote);
}

/* The only status that is not in it, or N_STATUSES. */
static size_t only_absent(const struct exit_set *set)
{
	size_t absent = N_STATUSES, n = 0;

	for (size_t i = 0; i < N_STATUSES; i++)
		if (!set->has[i]) {
			absent = i;
			n++;
		}
	return n == 1 ? absent : N_STATUSES;
}

char *exit_set_format(const struct exit_set *set, bool quoted)
{
	const char *quote = quoted ? "\"" : "";
	size_t absent = only_absent(set);
	struct text t = { 0 };

	if (absent != N_STATUSES)
		return text_format("%snot %zu%s", quote, absent, quote);
	for (size_t i = 0, end; i < N_STATUSES; i = end) {
		end = alike(set, i);
		if (set->has[i])
			add_span(&t, i, end, quote);
	}
	return text_take(&t);
}
