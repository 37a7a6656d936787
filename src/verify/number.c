#include "verify/number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NUMBER 64 /* characters: longer ones are none */

static bool is_digit(char c)
{
	return isdigit((unsigned char)c) != 0;
}

/* A mark between groups: three digits follow, and no fourth. */
static bool groups(const char *s)
{
	return strchr(",'_", *s) != NULL && is_digit(s[1]) && is_digit(s[2]) && is_digit(s[3]) &&
	       !is_digit(s[4]);
}

/* Without marks between groups; false when one stands where none may. */
static bool ungroup(const char *s, char *to)
{
	size_t digits = 0;
	bool whole = true, grouped = false;

	for (; *s != '\0'; s++) {
		whole = whole && (is_digit(*s) || strchr("+-,'_", *s) != NULL);
		if (strchr(",'_", *s) != NULL) {
			if (!whole || !groups(s) || digits == 0 || digits > 3)
				return false;
			grouped = true;
			digits = 0;
			continue;
		}
		digits += is_digit(*s);
		*to++ = *s;
	}
	*to = '\0';
	return grouped || !whole || digits > 0;
}

static bool suffix_factor(const char *s, double *ret_factor)
{
	static const char letters[] = "kMGT";
	const char *found;

	s += strspn(s, " ");
	*ret_factor = 1;
	if (*s == '\0')
		return true;
	found = strchr(letters, *s == 'K' ? 'k' : *s);
	if (found == NULL)
		return false;
	*ret_factor = pow(s[1] == 'i' ? 1024 : 1000, (double)(found - letters + 1));
	return s[s[1] == 'i' ? 2 : 1] == '\0';
}

bool number_parse(const char *s, size_t len, double *ret)
{
	char text[MAX_NUMBER + 1], plain[MAX_NUMBER + 1], *end;
	double value, factor;

	while (len > 0 && isspace((unsigned char)*s)) {
		s++;
		len--;
	}
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		len--;
	if (len == 0 || len > MAX_NUMBER || memchr(s, '\0', len) != NULL)
		return false;
	memcpy(text, s, len);
	text[len] = '\0';
	/* strtod(3) would take hexadecimal, "nan" and "inf", too. */
	if (!ungroup(text, plain) || strpbrk(plain, "xXnN") != NULL)
		return false;
	value = strtod(plain, &end);
	if (end == plain || !suffix_factor(end, &factor) || !isfinite(value * factor))
		return false;
	*ret = value * factor;
	return true;
}

char *number_format(char buf[NUMBER_TEXT_LEN], double value)
{
	if (snprintf(buf, NUMBER_TEXT_LEN, "%.10g", value) < 0)
		buf[0] = '\0';
	return buf;
}
