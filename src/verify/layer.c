#include "verify/layer.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

void layer_set(struct layer *l, enum outcome o, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);

	char *reason = text_vformat(format, ap);

	va_end(ap);
	free(l->reason);
	l->reason = reason;
	l->outcome = o;
}

char *layer_count(char buf[64], uint64_t n, const char *noun)
{
	int len = snprintf(buf, 64, "%" PRIu64 " %s%s", n, noun, n == 1 ? "" : "s");

	if (len < 0)
		buf[0] = '\0';
	return buf;
}
