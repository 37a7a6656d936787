/* compare: bytes with the source that they should be, and saying what is wrong with them. */
#ifndef HARNESS_VERIFY_COMPARE_H
#define HARNESS_VERIFY_COMPARE_H

#include <stddef.h>
#include <stdint.h>

#include "verify/source.h"
#include "verify/verdict.h"

/* The offset of the first byte that differs, or len. */
size_t compare_first(const uint8_t *a, const uint8_t *b, size_t len);
/* Compare these bytes, all that a layer holds, with the source: fills all of *l. */
void compare_bytes(const uint8_t *bytes, size_t len, const struct source *s, struct layer *l);
/* Likewise a file; what is no regular file, or not there, fails. */
void compare_file(const char *path, const struct source *s, struct layer *l);

#endif
