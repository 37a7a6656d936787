#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fail_set(struct fail *f, int num, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);

	int n = vsnprintf(f->msg, sizeof(f->msg), format, ap);

	va_end(ap);
	f->num = num;
	if (num == 0 || n < 0 || (size_t)n >= sizeof(f->msg))
		return -1;

	char *end = f->msg + n;
	size_t room = sizeof(f->msg) - (size_t)n;

	/* Cut short when it does not fit: the start of the message matters most. */
	if (snprintf(end, room, ": %s", strerror(num)) < 0)
		*end = '\0';
	return -1;
}
