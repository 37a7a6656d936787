/* Expectations of files that programs left in the folder of their node. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "verify/compare.h"
#include "verify/expect.h"
#include "verify/picture.h"

static char *path_of(const struct expecting *x)
{
	const struct expectation *e = x->expectation;

	if (e->file[0] == '/')
		return text_dup(e->file);
	return text_format("%s/nodes/%s/%s", x->trial->folder,
			   x->trial->topology->nodes[e->node].name, e->file);
}

/* What a run did not come to may still have come. */
static enum outcome missing(const struct expecting *x)
{
	return x->trial->cut_short ? OUTCOME_INCONCLUSIVE : OUTCOME_FAIL;
}

/* ---- its bytes ---- */

static void judge_same(const struct fs_map *m, const struct condition *c,
		       struct condition_verdict *v)
{
	struct fs_map other;
	struct err e;

	if (fs_map_open(&other, c->text, &e) != 0) {
		expect_set(v, OUTCOME_INCONCLUSIVE, "there is nothing to compare with: %s", e.msg);
		return;
	}

	size_t shorter = m->len < other.len ? m->len : other.len;
	size_t first = compare_first(m->data, other.data, shorter);

	if (first == m->len && first == other.len)
		expect_set(v, OUTCOME_PASS, "the same %zu bytes", m->len);
	else if (first == m->len)
		expect_set(v, OUTCOME_FAIL, "only the first %zu of %zu bytes", m->len, other.len);
	else if (first == other.len)
		expect_set(v, OUTCOME_FAIL, "all %zu bytes, and %zu more behind them", other.len,
			   m->len - other.len);
	else
		expect_set(v, OUTCOME_FAIL,
			   "%zu bytes that differ at byte %zu: 0x%02x where there is 0x%02x%s",
			   m->len, first, m->data[first], other.data[first],
			   m->len != other.len ? ", and in size" : "");
	if (v->outcome == OUTCOME_FAIL && first < shorter)
		v->nearest = text_format("%zu of %zu bytes are as they should be in front of that",
					 first, other.len);
	fs_map_close(&other);
}

static void judge_digest(const struct fs_map *m, const struct condition *c,
			 struct condition_verdict *v)
{
	struct sha256 digest;
	char hex[2 * SHA256_LEN + 1];

	sha256_of(m->data, m->len, &digest);

	bool same = memcmp(&digest, &c->digest, sizeof(digest)) == 0;

	expect_set(v, same ? OUTCOME_PASS : OUTCOME_FAIL, "sha256 %s of %zu bytes",
		   sha256_hex(hex, &digest), m->len);
}

/* What keeps it from being a good picture (free), or NULL. */
static char *picture_trouble(const struct fs_map *m)
{
	struct picture p = { 0 };
	char *trouble;

	if (!picture_is_png(m->data, m->len))
		return text_dup("it does not begin as a PNG file does");
	trouble = picture_check_chunks(m->data, m->len);
	if (trouble != NULL)
		return trouble;
	trouble = picture_decode(m->data, m->len, &p);
	if (trouble == NULL)
		picture_done(&p);
	return trouble;
}

static void judge_png(const struct fs_map *m, const struct condition *c,
		      struct condition_verdict *v)
{
	cleanup_free char *trouble = picture_trouble(m);

	expect_set(v, (trouble == NULL) == c->wanted ? OUTCOME_PASS : OUTCOME_FAIL, "%s",
		   trouble != NULL ? trouble : "a good PNG picture");
}

static void judge_bytes(const struct fs_map *m, const struct condition *c,
			struct condition_verdict *v)
{
	if (c->kind == EXPECT_SAME_AS)
		judge_same(m, c, v);
	else if (c->kind == EXPECT_SHA256)
		judge_digest(m, c, v);
	else if (c->kind == EXPECT_PNG)
		judge_png(m, c, v);
	else
		expect_set(v, expect_amount(&c->amount, m->len, false), "%zu bytes", m->len);
}

/* ---- whether it is there ---- */

static void judge_existence(const struct expecting *x, const struct condition *c, bool there,
			    struct condition_verdict *v)
{
	if (there == c->wanted)
		expect_set(v, OUTCOME_PASS, there ? "a file" : "no file");
	else if (there)
		expect_set(v, OUTCOME_FAIL, "a file");
	else
		expect_set(v, missing(x), "no file");
}

void expect_judge_file(const struct expecting *x, const struct condition *c,
		       struct condition_verdict *v)
{
	cleanup_free char *path = path_of(x);
	struct fs_map m;
	struct stat st;
	struct err e;
	bool there = stat(path, &st) == 0;

	if (c->kind == EXPECT_EXISTS)
		judge_existence(x, c, there, v);
	else if (!there)
		expect_set(v, missing(x), "no file: %s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		expect_set(v, OUTCOME_FAIL, "no regular file");
	else if (fs_map_open(&m, path, &e) != 0)
		expect_set(v, OUTCOME_INCONCLUSIVE, "%s", e.msg);
	else {
		judge_bytes(&m, c, v);
		fs_map_close(&m);
	}
	if (v->outcome != OUTCOME_PASS)
		v->look = text_dup(path);
}
