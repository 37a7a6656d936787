#include "topology/units.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

struct unit {
	const char *name;
	uint64_t factor; /* base units in one of these */
};

static const struct unit durations[] = {
	{ "ns", 1 },	     { "us", NS_PER_US },	 { "ms", NS_PER_MS },
	{ "s", NS_PER_SEC }, { "min", 60 * NS_PER_SEC }, { "h", 3600 * NS_PER_SEC },
};

/* The packets of a queue, and behind them what sizes have. */
static const struct unit queues[] = {
	{ "p", 1 },	      { "B", 1 },	  { "kB", 1000 },     { "MB", 1000000 },
	{ "GB", 1000000000 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 },
};

static const struct unit rates[] = {
	{ "bit", 1 },
	{ "kbit", 1000 },
	{ "mbit", 1000000 },
	{ "gbit", 1000000000 },
};

/* One percent in parts of 10^18, which a uint64_t holds 18 times. */
static const struct unit shares[] = {
	{ "%", 10000000000000000 },
};

#define WHOLE 1000000000000000000ULL

struct unit_table {
	const struct unit *units;
	size_t n;
};

static const struct unit_table duration_table = { durations, N_ELEMENTS(durations) };
static const struct unit_table size_table = { queues + 1, N_ELEMENTS(queues) - 1 };
static const struct unit_table queue_table = { queues, N_ELEMENTS(queues) };
static const struct unit_table rate_table = { rates, N_ELEMENTS(rates) };
static const struct unit_table share_table = { shares, N_ELEMENTS(shares) };

static int refuse(struct err *e, const char *why, const struct unit_table *table)
{
	struct text names = { 0 };

	for (size_t i = 0; i < table->n; i++)
		text_add(&names, "%s%s", i != 0 ? ", " : "", table->units[i].name);
	err_usage(e, "%s (%s)", why, text_str(&names));
	text_done(&names);
	return -1;
}

static const struct unit *find_unit(const char *name, const struct unit_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		if (strcmp(table->units[i].name, name) == 0)
			return &table->units[i];
	return NULL;
}

/* Digits from *s on, *s behind them. False when the number does not fit. */
static bool read_digits(const char **s, uint64_t *ret)
{
	*ret = 0;
	for (; isdigit((unsigned char)**s); (*s)++)
		if (__builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(**s - '0'), ret))
			return false;
	return true;
}

/* The digits behind the point, as so many of the unit's base units. */
static uint64_t read_fraction(const char **s, uint64_t factor)
{
	unsigned __int128 numerator = 0, scale = 1;

	for (; isdigit((unsigned char)**s); (*s)++) {
		/* 18 digits are finer than one nanosecond in an hour; more change nothing. */
		if (scale > 100000000000000000ULL)
			continue;
		numerator = numerator * 10 + (unsigned)(**s - '0');
		scale *= 10;
	}
	return (uint64_t)(numerator * factor / scale);
}

static int quantity(const char *text, const struct unit_table *table, uint64_t *ret, struct err *e)
{
	const char *s = text, *fraction = NULL;
	uint64_t whole, total;

	if (*s == '-')
		return err_usage(e, "is negative");
	if (!isdigit((unsigned char)*s))
		return refuse(e, "is not a number with a unit", table);
	if (!read_digits(&s, &whole))
		return err_usage(e, "is too large");
	if (*s == '.' && isdigit((unsigned char)s[1])) {
		fraction = ++s;
		s += strspn(s, "0123456789");
	}
	s += strspn(s, " ");
	if (*s == '\0')
		return refuse(e, "has no unit", table);

	const struct unit *unit = find_unit(s, table);

	if (unit == NULL)
		return refuse(e, "has a unit that is none of these", table);

	uint64_t rest = fraction != NULL ? read_fraction(&fraction, unit->factor) : 0;

	if (__builtin_mul_overflow(whole, unit->factor, &total) ||
	    __builtin_add_overflow(total, rest, &total))
		return err_usage(e, "is too large");
	*ret = total;
	return 0;
}

int unit_duration(const char *text, uint64_t *ret_ns, struct err *e)
{
	return quantity(text, &duration_table, ret_ns, e);
}

int unit_size(const char *text, uint64_t *ret_bytes, struct err *e)
{
	return quantity(text, &size_table, ret_bytes, e);
}

int unit_rate(const char *text, uint64_t *ret_bps, struct err *e)
{
	return quantity(text, &rate_table, ret_bps, e);
}

int unit_percent(const char *text, double *ret_share, struct err *e)
{
	uint64_t parts;

	if (quantity(text, &share_table, &parts, e) != 0)
		return -1;
	if (parts > WHOLE)
		return err_usage(e, "is more than 100%%");
	*ret_share = (double)parts / (double)WHOLE;
	return 0;
}

int unit_queue(const char *text, uint64_t *ret_bytes, uint64_t *ret_packets, struct err *e)
{
	size_t len = strlen(text);
	bool packets = len > 0 && text[len - 1] == 'p';
	uint64_t n;

	if (quantity(text, &queue_table, &n, e) != 0)
		return -1;
	if (packets && strchr(text, '.') != NULL)
		return err_usage(e, "is not a whole number of packets");
	*ret_packets = packets ? n : 0;
	*ret_bytes = packets ? 0 : n;
	return 0;
}

int unit_count(const char *text, uint64_t min, uint64_t max, uint64_t *ret, struct err *e)
{
	const char *s = text;
	uint64_t n;

	if (*s == '\0' || s[strspn(s, "0123456789")] != '\0')
		return err_usage(e, "is not a whole number");
	if (!read_digits(&s, &n) || n < min || n > max)
		return err_usage(e, "is out of range: %llu to %llu", (unsigned long long)min,
				 (unsigned long long)max);
	*ret = n;
	return 0;
}

/* In the unit that divides it and leaves the fewest. */
static char *format(char buf[UNIT_TEXT_LEN], uint64_t n, const struct unit_table *table)
{
	const struct unit *best = &table->units[0];

	for (size_t i = 1; n != 0 && i < table->n; i++)
		if (n % table->units[i].factor == 0 && table->units[i].factor > best->factor)
			best = &table->units[i];
	snprintf(buf, UNIT_TEXT_LEN, "%llu%s", (unsigned long long)(n / best->factor), best->name);
	return buf;
}

char *unit_format_duration(char buf[UNIT_TEXT_LEN], uint64_t ns)
{
	return ns == 0 ? strcpy(buf, "0s") : format(buf, ns, &duration_table);
}

char *unit_format_size(char buf[UNIT_TEXT_LEN], uint64_t bytes)
{
	return format(buf, bytes, &size_table);
}

char *unit_format_rate(char buf[UNIT_TEXT_LEN], uint64_t bps)
{
	return format(buf, bps, &rate_table);
}

char *unit_format_percent(char buf[UNIT_TEXT_LEN], double share)
{
	/* 15 digits: all that a double keeps of a decimal number. A file takes no exponents. */
	int len = snprintf(buf, UNIT_TEXT_LEN, "%.15g", share * 100);

	if (strchr(buf, 'e') != NULL) {
		len = snprintf(buf, UNIT_TEXT_LEN, "%.16f", share * 100);
		while (buf[len - 1] == '0')
			len--;
	}
	snprintf(buf + len, UNIT_TEXT_LEN - (size_t)len, "%%");
	return buf;
}
