#include "topology/names.h"

#include <ctype.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define MAX_WORD      63
#define MAX_FILE_NAME 200

/* C0, DEL, and in UTF-8 C1: U+0080 to U+009F. */
static bool has_control(const char *s)
{
	for (; *s != '\0'; s++) {
		const unsigned char *u = (const unsigned char *)s;

		if (u[0] < ' ' || u[0] == 0x7f || (u[0] == 0xc2 && u[1] < 0xa0))
			return true;
	}
	return false;
}

int name_check_value(const char *s, struct err *e)
{
	if (*s == '\0')
		return err_usage(e, "is empty");
	if (!text_is_utf8(s, strlen(s)))
		return err_usage(e, "is not UTF-8");
	if (has_control(s))
		return err_usage(e, "has a control character");
	return 0;
}

static bool only_letters_digits_and(const char *s, const char *marks)
{
	for (; *s != '\0'; s++)
		if (!(isascii(*s) && isalnum((unsigned char)*s)) && strchr(marks, *s) == NULL)
			return false;
	return true;
}

static int check_length(const char *s, size_t max, struct err *e)
{
	if (*s == '\0')
		return err_usage(e, "is an empty name");
	if (strlen(s) > max)
		return err_usage(e, "is too long: %zu bytes, at most %zu", strlen(s), max);
	return 0;
}

int name_check_word(const char *s, struct err *e)
{
	if (check_length(s, MAX_WORD, e) != 0)
		return -1;
	if (!only_letters_digits_and(s, "._-") || strchr("._-", s[0]) != NULL)
		return err_usage(e, "is not a good name: letters, digits, and . _ - inside");
	return 0;
}

/* Each part between dots: letters, digits and hyphens, no hyphen at either end. */
static bool labels_are_good(const char *s)
{
	for (;;) {
		size_t len = strcspn(s, ".");

		if (len == 0 || s[0] == '-' || s[len - 1] == '-')
			return false;
		if (s[len] == '\0')
			return true;
		s += len + 1;
	}
}

int name_check_host(const char *s, struct err *e)
{
	if (check_length(s, MAX_WORD, e) != 0)
		return -1;
	if (!only_letters_digits_and(s, ".-") || !labels_are_good(s))
		return err_usage(e, "is not a host name: letters, digits, and - inside (RFC 1123)");
	if (strcasecmp(s, "localhost") == 0)
		return err_usage(e, "is the name every host has for itself");
	return 0;
}

int name_check_interface(const char *s, struct err *e)
{
	if (check_length(s, IFNAMSIZ - 1, e) != 0)
		return -1;
	if (!only_letters_digits_and(s, "._-") || strchr(".-", s[0]) != NULL)
		return err_usage(e, "is not a good name: letters, digits, and . _ - inside");
	/* /proc/sys/net/ipv4/conf has these two already, every namespace has the third. */
	if (strcmp(s, "all") == 0 || strcmp(s, "default") == 0 || strcmp(s, "lo") == 0)
		return err_usage(e, "is a name that the kernel uses itself");
	return 0;
}

int name_check_file(const char *s, struct err *e)
{
	if (check_length(s, MAX_FILE_NAME, e) != 0)
		return -1;
	if (s[0] == '.')
		return err_usage(e, "begins with a dot, which receivers refuse");
	return 0;
}
