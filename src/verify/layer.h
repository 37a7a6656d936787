/* layer: setting a layer's outcome, and counting in words. */
#ifndef HARNESS_VERIFY_LAYER_H
#define HARNESS_VERIFY_LAYER_H

#include <stdint.h>

#include "verify/verdict.h"

/* Set outcome and reason of a layer. */
void layer_set(struct layer *l, enum outcome o, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* "1 byte", "3 bytes": with an s where English wants one; returns buf. */
char *layer_count(char buf[64], uint64_t n, const char *noun);

#endif
