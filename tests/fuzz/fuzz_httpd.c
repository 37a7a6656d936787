/* Fuzzes what httpd reads by itself: the first byte says what the rest is. */
#include <stdlib.h>
#include <string.h>

#include "httpd_header.h"
#include "httpd_uri.h"

#include "fuzz/input.h"

static void try_target(const char *text)
{
	char path[256];

	if (httpd_uri_path(text, path, sizeof(path)) != 0)
		return;
	/* Whatever came in: a path below the folder, without a segment that goes up. */
	if (path[0] == '/' || strstr(path, "//") != NULL || strcmp(path, "..") == 0 ||
	    strncmp(path, "../", 3) == 0 || strstr(path, "/../") != NULL)
		abort();

	size_t len = strlen(path);

	if (len >= 3 && strcmp(path + len - 3, "/..") == 0)
		abort();
	httpd_uri_type(path);
}

static void try_range(const char *text)
{
	uint64_t first, len;

	for (uint64_t size = 0; size < 1000; size += 333)
		if (httpd_range_parse(text, size, &first, &len) == HTTPD_RANGE_PART &&
		    (len == 0 || first >= size || len > size - first))
			abort();
}

static void try_header(const char *text, size_t size)
{
	static const char *const names[] = { "Host", "Content-Length", "Transfer-Encoding" };
	struct httpd_framing fr = { 0 };
	size_t name = strcspn(text, ":");

	httpd_framing_add(&fr, text, name, text + name, size - name);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		httpd_framing_add(&fr, names[i], strlen(names[i]), text, size);
	if (httpd_framing_status(&fr, "HTTP/1.1") == 0)
		abort(); /* a length and a coding together */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;

	char *text = strndup((const char *)data + 1, size - 1);

	if (text == NULL)
		abort();
	switch (data[0] - '0') {
	case 0:
		try_target(text);
		break;
	case 1:
		try_range(text);
		break;
	case 2:
		try_header(text, strlen(text));
		break;
	case 3:
		httpd_tag_in_list(text, "\"18ea14d80883978c-400\"");
		break;
	default:
		httpd_date_parse(text);
	}
	free(text);
	return 0;
}
