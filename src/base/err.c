#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Messages are cut, never overrun: a cut one ends in "...". */
__attribute__((format(printf, 3, 0))) static void put(char *at, size_t room, const char *format,
						      va_list ap)
{
	int n = vsnprintf(at, room, format, ap);

	if (n >= 0 && (size_t)n >= room && room > 4)
		memcpy(at + room - 4, "...", 4);
}

__attribute__((format(printf, 2, 0))) static void vset(struct err *e, const char *format,
						       va_list ap)
{
	put(e->msg, sizeof(e->msg), format, ap);
	if (e->num != 0) {
		size_t len = strlen(e->msg);
		int n = snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(e->num));

		if (n < 0)
			e->msg[len] = '\0';
	}
}

int err_set(struct err *e, int num, const char *format, ...)
{
	va_list ap;

	e->num = num;
	e->class = ERR_MACHINE;
	va_start(ap, format);
	vset(e, format, ap);
	va_end(ap);
	return -1;
}

int err_usage(struct err *e, const char *format, ...)
{
	va_list ap;

	e->num = 0;
	e->class = ERR_USAGE;
	va_start(ap, format);
	vset(e, format, ap);
	va_end(ap);
	return -1;
}

int err_prefix(struct err *e, const char *format, ...)
{
	char old[sizeof(e->msg)];
	va_list ap;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, format);
	put(e->msg, sizeof(e->msg), format, ap);
	va_end(ap);

	size_t len = strlen(e->msg);
	int n = snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", old);

	if (n < 0)
		e->msg[len] = '\0';
	return -1;
}
