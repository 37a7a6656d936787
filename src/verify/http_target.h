/* http_target: what a request asks for, as a path of a folder (RFC 9112, 3.2). */
#ifndef HARNESS_VERIFY_HTTP_TARGET_H
#define HARNESS_VERIFY_HTTP_TARGET_H

#include <stddef.h>

/*
 * The path of a target below a folder, decoded, without dot segments (free): "/x/../a%20b?c" is
 * "a b", "/" is "index.html". NULL: it has none, or one that leaves the folder.
 */
char *http_target_path(const char *target, size_t len);

#endif
