/* httpd_uri: what file a request's target (RFC 9112, section 3.2) asks for. */
#ifndef NODES_HTTPD_URI_H
#define NODES_HTTPD_URI_H

#include <stddef.h>

/*
 * The path below the served folder that a target without its query names: percent-encoding
 * undone, no empty, "." or ".." segment left. "" is the folder itself, and a path that names a
 * folder ends in "/". Returns 0, or the status to answer with.
 */
unsigned httpd_uri_path(const char *target, char *ret_path, size_t size);

/* The Content-Type of a file of this name, by its extension. */
const char *httpd_uri_type(const char *path);

#endif
