#include "verify/compare.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "verify/layer.h"

/* A run of this many zero bytes where the source has others was never written (lseek(2): a hole). */
#define HOLE_MIN 32
#define BLOCK	 65536

size_t compare_first(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t at = 0;

	while (at + BLOCK <= len && memcmp(a + at, b + at, BLOCK) == 0)
		at += BLOCK;
	while (at < len && a[at] == b[at])
		at++;
	return at;
}

static uint64_t count_differences(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t n = 0;

	for (size_t at = 0; at < len; at += BLOCK) {
		size_t block = len - at < BLOCK ? len - at : BLOCK;

		if (memcmp(a + at, b + at, block) == 0)
			continue;
		for (size_t i = at; i < at + block; i++)
			n += a[i] != b[i];
	}
	return n;
}

/* Where the bytes are zero and the source's are not, for long enough. */
static void find_holes(const uint8_t *bytes, size_t len, const struct source *s, struct layer *l)
{
	size_t at = (size_t)l->first_difference;

	while (at < len) {
		size_t end = at;

		while (end < len && bytes[end] == 0)
			end++;
		if (end - at >= HOLE_MIN && memcmp(bytes + at, s->map.data + at, end - at) != 0)
			ranges_add(&l->missing, at, end - 1);
		at = end + 1;
		if (at < len)
			at += compare_first(bytes + at, s->map.data + at, len - at);
	}
}

/* The source, several times in a row: how often; 0 when it is not that. */
static size_t count_copies(const uint8_t *bytes, size_t len, const struct source *s)
{
	size_t n = s->map.len != 0 ? len / s->map.len : 0;

	if (n < 2 || n * s->map.len != len)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (memcmp(bytes + i * s->map.len, s->map.data, s->map.len) != 0)
			return 0;
	return n;
}

/* The same size, other bytes. */
static void explain_difference(const uint8_t *bytes, size_t len, const struct source *s,
			       struct layer *l)
{
	uint64_t n = count_differences(bytes, s->map.data, len);
	size_t at = (size_t)l->first_difference;
	char buf[64];

	find_holes(bytes, len, s, l);
	if (l->missing.n != 0 && ranges_total(&l->missing) >= n) {
		cleanup_free char *where = ranges_format(&l->missing, 4);

		layer_set(l, OUTCOME_FAIL,
			  "bytes %s were never written: zeros differ from the "
			  "source from offset %zu on",
			  where, at);
		return;
	}
	layer_set(l, OUTCOME_FAIL, "%s differ%s at offset %zu (0x%02x instead of 0x%02x)",
		  layer_count(buf, n, "byte"), n == 1 ? "s" : ", the first", at, bytes[at],
		  s->map.data[at]);
}

static void explain_short(const uint8_t *bytes, size_t len, const struct source *s, struct layer *l)
{
	ranges_add(&l->missing, len, s->map.len - 1);
	if (l->first_difference == len)
		layer_set(l, OUTCOME_FAIL, "truncated: %zu of %zu bytes, the last %zu are missing",
			  len, s->map.len, s->map.len - len);
	else
		layer_set(l, OUTCOME_FAIL,
			  "%zu bytes short, and differs from offset %" PRIu64
			  " on (0x%02x instead of 0x%02x)",
			  s->map.len - len, l->first_difference, bytes[l->first_difference],
			  s->map.data[l->first_difference]);
}

static void explain_long(const uint8_t *bytes, size_t len, const struct source *s, struct layer *l)
{
	size_t copies = count_copies(bytes, len, s);
	char buf[64];

	if (copies != 0) {
		ranges_add(&l->repeated, 0, s->map.len - 1);
		layer_set(l, OUTCOME_FAIL,
			  "written %zu times over: %zu bytes, the whole source %zu times", copies,
			  len, copies);
	} else if (l->first_difference == s->map.len) {
		layer_set(l, OUTCOME_FAIL, "%s too many behind the end of the source",
			  layer_count(buf, len - s->map.len, "byte"));
	} else {
		layer_set(l, OUTCOME_FAIL,
			  "%s too many, and differs from offset %" PRIu64
			  " on (0x%02x instead of 0x%02x)",
			  layer_count(buf, len - s->map.len, "byte"), l->first_difference,
			  bytes[l->first_difference], s->map.data[l->first_difference]);
	}
}

void compare_bytes(const uint8_t *bytes, size_t len, const struct source *s, struct layer *l)
{
	size_t common = len < s->map.len ? len : s->map.len;

	l->size = len;
	l->has_digest = true;
	l->first_difference = compare_first(bytes, s->map.data, common);
	l->differs = l->first_difference < common || len != s->map.len;
	if (!l->differs) {
		l->first_difference = 0;
		l->digest =
			s->digest; /* every byte was compared: hashing them again adds nothing */
		l->outcome = OUTCOME_PASS;
		return;
	}
	sha256_of(bytes, len, &l->digest);
	if (len == s->map.len)
		explain_difference(bytes, len, s, l);
	else if (len < s->map.len)
		explain_short(bytes, len, s, l);
	else
		explain_long(bytes, len, s, l);
}

static const char *kind_of(mode_t mode)
{
	return S_ISLNK(mode)	? "a symbolic link"
	       : S_ISDIR(mode)	? "a folder"
	       : S_ISFIFO(mode) ? "a pipe"
	       : S_ISSOCK(mode) ? "a socket"
				: "a device";
}

void compare_file(const char *path, const struct source *s, struct layer *l)
{
	struct fs_map m = { 0 };
	struct stat st;
	struct err e;

	if (lstat(path, &st) != 0 && errno == ENOENT) {
		layer_set(l, OUTCOME_FAIL, "the file is not there");
		if (s->map.len != 0)
			ranges_add(&l->missing, 0, s->map.len - 1);
	} else if (lstat(path, &st) != 0) {
		layer_set(l, OUTCOME_INCONCLUSIVE, "cannot be looked at: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		layer_set(l, OUTCOME_FAIL, "%s, not a regular file", kind_of(st.st_mode));
	} else if (fs_map_open(&m, path, &e) != 0) {
		layer_set(l, OUTCOME_INCONCLUSIVE, "cannot be read: %s", e.msg);
	} else {
		compare_bytes(m.data, m.len, s, l);
		fs_map_close(&m);
	}
}
