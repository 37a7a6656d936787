/* name: which file names a receiver lets into its folder, and how to show any text to people. */
#ifndef NODES_NAME_H
#define NODES_NAME_H

#include <stddef.h>

/*
 * NULL when the name is acceptable, else why not: 1 to 200 bytes of UTF-8
 * (RFC 3629), no separator, NUL, control character (C0, DEL, C1) or leading dot.
 */
const char *name_check(const char *name, size_t len);

/* Copy text (len bytes, not terminated) with '?' for what could mislead a terminal; room >= 5. */
char *name_printable(char *buf, size_t room, const char *text, size_t len);

#endif
