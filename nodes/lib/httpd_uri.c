#include "httpd_uri.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *extension, *type;
} types[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "log", "text/plain; charset=utf-8" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "csv", "text/csv; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "xml", "application/xml" },
	{ "pdf", "application/pdf" },
	{ "wasm", "application/wasm" },
	{ "zip", "application/zip" },
	{ "gz", "application/gzip" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "gif", "image/gif" },
	{ "svg", "image/svg+xml" },
	{ "webp", "image/webp" },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "mp3", "audio/mpeg" },
	{ "mp4", "video/mp4" },
	{ "webm", "video/webm" },
	{ "woff2", "font/woff2" },
};

const char *httpd_uri_type(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcasecmp(dot + 1, types[i].extension) == 0)
			return types[i].type;
	return "application/octet-stream";
}

/* Absolute form, "http://host:port/path": what follows the authority; NULL when it is neither. */
static const char *path_of(const char *target)
{
	if (*target == '/')
		return target;
	if (strncasecmp(target, "http://", 7) != 0)
		return NULL;
	target += 7;

	size_t authority = strcspn(target, "/?#");

	if (authority == 0)
		return NULL;
	return target[authority] == '\0' ? "/" : target + authority;
}

static int hex_value(char c)
{
	if (isdigit((unsigned char)c))
		return c - '0';
	return isxdigit((unsigned char)c) ? (c | 0x20) - 'a' + 10 : -1;
}

/* The next character, percent-encoding undone, 0 at the end; -1 when it is malformed or NUL. */
static int next_char(const char **p)
{
	const char *s = *p;

	if (*s == '\0')
		return 0;
	if (*s != '%') {
		*p = s + 1;
		return (unsigned char)*s;
	}

	int high = hex_value(s[1]), low = high < 0 ? -1 : hex_value(s[2]);

	if (low < 0 || high + low == 0)
		return -1;
	*p = s + 3;
	return high << 4 | low;
}

static unsigned decode(const char *target, char *ret_path, size_t size)
{
	size_t len = 0;
	int c;

	do {
		c = next_char(&target);
		if (c < 0)
			return 400;
		if (len == size)
			return 414;
		ret_path[len++] = (char)c;
	} while (c != 0);
	return 0;
}

static bool is_dots(const char *segment, size_t len, size_t n_dots)
{
	return len == n_dots && memcmp(segment, "..", n_dots) == 0;
}

/* RFC 3986, section 5.2.4, in place; false when the path leads out of the folder. */
static bool remove_dots(char *path)
{
	char *out = path;

	for (const char *p = path; *p != '\0';) {
		size_t len = strcspn(++p, "/");

		if (is_dots(p, len, 2)) {
			if (out == path)
				return false;
			for (out--; out > path && out[-1] != '/'; out--)
				;
		} else if (len != 0 && !is_dots(p, len, 1)) {
			memmove(out, p, len);
			out += len;
			if (p[len] == '/')
				*out++ = '/';
		}
		p += len;
	}
	*out = '\0';
	return true;
}

unsigned httpd_uri_path(const char *target, char *ret_path, size_t size)
{
	const char *path = path_of(target);
	unsigned status = path != NULL ? decode(path, ret_path, size) : 400;

	if (status == 0 && (*ret_path != '/' || !remove_dots(ret_path)))
		return 400;
	return status;
}
