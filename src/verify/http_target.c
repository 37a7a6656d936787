#include "verify/http_target.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/text.h"

/* Without its %XX (RFC 3986, 2.1); NULL: one is broken, or is a NUL. */
static char *decode(const char *s, size_t len)
{
	cleanup_by(text_done) struct text t = { 0 };

	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c == '%') {
			if (len - i < 3 || text_hex_digit(s[i + 1]) < 0 ||
			    text_hex_digit(s[i + 2]) < 0)
				return NULL;
			c = (char)(text_hex_digit(s[i + 1]) << 4 | text_hex_digit(s[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return NULL;
		text_add_bytes(&t, &c, 1);
	}
	return t.len != 0 ? text_take(&t) : text_dup("");
}

/* Remove the last segment of the path, all of which end in a slash; false: there is none. */
static bool drop_segment(char *path, size_t *len)
{
	if (*len == 0)
		return false;
	while (--*len > 0 && path[*len - 1] != '/')
		;
	return true;
}

/*
 * Its "." and ".." go, as those of URIs do (RFC 3986, 5.2.4), and slashes behind slashes, as servers
 * have it. False: it leaves the folder.
 */
static bool remove_dots(char *path)
{
	size_t len = 0;

	for (const char *s = path; *s != '\0';) {
		size_t n = strcspn(s, "/"), whole = n + (s[n] == '/');

		if (n == 2 && s[0] == '.' && s[1] == '.') {
			if (!drop_segment(path, &len))
				return false;
		} else if (n != 0 && (n != 1 || s[0] != '.')) {
			memmove(path + len, s, whole);
			len += whole;
		}
		s += whole;
	}
	path[len] = '\0';
	return true;
}

/* What is behind the host of an absolute target, as proxies are asked (RFC 9112, 3.2.2). */
static const char *skip_host(const char *target, size_t *len)
{
	static const char scheme[] = "http://";
	const char *at = target, *end = target + *len;

	if (*len < sizeof(scheme) || strncasecmp(target, scheme, sizeof(scheme) - 1) != 0)
		return target;
	for (at += sizeof(scheme) - 1; at < end && *at != '/' && *at != '?'; at++)
		;
	*len = (size_t)(end - at);
	return at;
}

char *http_target_path(const char *target, size_t len)
{
	const char *path = skip_host(target, &len);
	const char *query = memchr(path, '?', len);

	if (query != NULL)
		len = (size_t)(query - path);
	/* A host without a path is its root. */
	if (len == 0 && path != target)
		return text_dup("index.html");
	if (len == 0 || path[0] != '/')
		return NULL;

	cleanup_free char *decoded = decode(path + 1, len - 1);

	if (decoded == NULL || !remove_dots(decoded))
		return NULL;
	if (decoded[0] == '\0' || decoded[strlen(decoded) - 1] == '/')
		return text_format("%sindex.html", decoded);
	return take_ptr(decoded);
}
