/* The receiver's folder: nothing is replaced, nothing leaves it, nothing is left behind. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

struct fixture {
	char dir[64];
	struct folder *folder;
	struct store store;
};

static int set_up(void **state)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct fail f;

	strcpy(x->dir, "/tmp/test_nodes_folder.XXXXXX");
	if (mkdtemp(x->dir) == NULL || folder_open(x->dir, &x->folder, &f) != 0)
		return -1;
	x->store = folder_store(x->folder);
	*state = x;
	return 0;
}

static int n_entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = 0;

	for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return n;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;
	char path[128];

	snprintf(path, sizeof(path), "%s/file", x->dir);
	unlink(path);
	folder_free(x->folder);

	int r = rmdir(x->dir); /* fails when a test has left something behind */

	free(x);
	return r;
}

static struct store_file *create(struct fixture *x, uint64_t transfer, uint64_t size)
{
	struct store_file *file;
	struct fail f;

	assert_int_equal(x->store.create(x->store.ctx, "file", transfer, size, &file, &f), 0);
	return file;
}

static void read_file(struct fixture *x, char *buf, size_t room, const char *expected)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/file", x->dir);

	FILE *file = fopen(path, "r");

	assert_non_null(file);
	buf[fread(buf, 1, room - 1, file)] = '\0';
	fclose(file);
	assert_string_equal(buf, expected);
}

static void test_written_in_any_order(void **state)
{
	struct fixture *x = *state;
	struct store_file *file = create(x, 1, 11);
	struct fail f;
	char buf[64];

	x->store.write(file, 6, "world", 5);
	x->store.write(file, 0, "hel", 3);
	x->store.write(file, 3, "lo ", 3);
	assert_int_equal(x->store.sync(file, &f), 0);
	assert_int_equal(x->store.read(file, 2, buf, 5, &f), 0);
	assert_memory_equal(buf, "llo w", 5);
	assert_int_equal(x->store.read(file, 8, buf, 5, &f), -1);
	assert_int_equal(x->store.commit(file, &f), 0);
	x->store.release(file);
	read_file(x, buf, sizeof(buf), "hello world");
	assert_int_equal(n_entries(x->dir), 1);
}

static void test_two_files_at_once(void **state)
{
	struct fixture *x = *state;
	struct store_file *a = create(x, 1, 11), *b = create(x, 2, 3000);
	struct fail f;
	char buf[64];

	for (int i = 0; i < 3000; i++) {
		x->store.write(a, (uint64_t)i, "a", 1);
		x->store.write(b, (uint64_t)i, "b", 1);
	}
	assert_int_equal(x->store.sync(a, &f), 0);
	assert_int_equal(x->store.sync(b, &f), 0);
	assert_int_equal(x->store.read(a, 2990, buf, 10, &f), 0);
	assert_memory_equal(buf, "aaaaaaaaaa", 10);
	assert_int_equal(x->store.commit(a, &f), 0);
	/* The same name: the first one stays. */
	assert_int_equal(x->store.commit(b, &f), -1);
	assert_int_equal(f.num, EEXIST);
	x->store.release(a);
	x->store.release(b);
	assert_int_equal(n_entries(x->dir), 1);
}

static void test_existing_name_is_refused_early(void **state)
{
	struct fixture *x = *state;
	struct store_file *file = create(x, 1, 11);
	struct fail f;

	assert_int_equal(x->store.commit(file, &f), 0);
	x->store.release(file);
	assert_int_equal(x->store.create(x->store.ctx, "file", 2, 0, &file, &f), -1);
	assert_int_equal(f.num, EEXIST);
}

/* A link that somebody put there is neither followed nor replaced. */
static void test_symbolic_link(void **state)
{
	struct fixture *x = *state;
	struct store_file *file;
	struct fail f;
	char path[128], victim[128];

	snprintf(path, sizeof(path), "%s/file", x->dir);
	snprintf(victim, sizeof(victim), "%s/victim", x->dir);
	assert_int_equal(symlink(victim, path), 0);
	assert_int_equal(x->store.create(x->store.ctx, "file", 1, 0, &file, &f), -1);
	assert_int_equal(folder_create_named(x->folder, "file", &file, &f), -1);
	assert_int_equal(access(victim, F_OK), -1);
}

static void test_abandoned_file_leaves_nothing(void **state)
{
	struct fixture *x = *state;
	struct store_file *file = create(x, 1, 11);

	x->store.write(file, 0, "x", 1);
	assert_int_equal(n_entries(x->dir), 1);
	x->store.release(file);
	assert_int_equal(n_entries(x->dir), 0);
}

/* Large files: bytes that tell where they belong, in chunks that do not divide a block. */

#define CHUNK 1432U
#define LARGE ((40U << 20) + 12345)

static uint8_t *make_bytes(void)
{
	uint8_t *bytes = malloc(LARGE);
	uint32_t v = 1;

	assert_non_null(bytes);
	for (size_t i = 0; i < LARGE; i++) {
		v = v * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(v >> 24);
	}
	return bytes;
}

static void write_chunk(struct fixture *x, struct store_file *file, const uint8_t *bytes, size_t i)
{
	size_t at = i * CHUNK, left = LARGE - at;

	x->store.write(file, at, bytes + at, left < CHUNK ? left : CHUNK);
}

static void read_chunk(struct fixture *x, struct store_file *file, const uint8_t *bytes, size_t i)
{
	uint8_t buf[CHUNK];
	struct fail f;

	assert_int_equal(x->store.read(file, i * CHUNK, buf, CHUNK, &f), 0);
	assert_memory_equal(buf, bytes + i * CHUNK, CHUNK);
}

static uint64_t hash_upto(struct fixture *x, struct store_file *file, uint64_t from, uint64_t upto,
			  struct digest *d)
{
	size_t n;

	while ((n = x->store.hash(file, from, upto, d)) > 0)
		from += n;
	return from;
}

/* The digest is that of the bytes, and so is the file that commit() has named. */
static void finish(struct fixture *x, struct store_file *file, const uint8_t *bytes,
		   struct digest *d)
{
	struct digest *expected = digest_new();
	uint8_t hash[DIGEST_LEN], of_bytes[DIGEST_LEN], *found = malloc(LARGE + 1);
	char path[128];
	struct fail f;

	digest_add(expected, bytes, LARGE);
	assert_int_equal(digest_end(expected, of_bytes), 0);
	assert_int_equal(digest_end(d, hash), 0);
	assert_memory_equal(hash, of_bytes, DIGEST_LEN);
	digest_free(expected);
	digest_free(d);
	assert_int_equal(x->store.commit(file, &f), 0);
	x->store.release(file);

	snprintf(path, sizeof(path), "%s/file", x->dir);

	FILE *named = fopen(path, "r");

	assert_non_null(named);
	assert_non_null(found);
	assert_int_equal(fread(found, 1, LARGE + 1, named), LARGE);
	fclose(named);
	assert_memory_equal(found, bytes, LARGE);
	free(found);
}

static void test_large_file_in_order(void **state)
{
	struct fixture *x = *state;
	struct store_file *file = create(x, 1, LARGE);
	struct digest *d = digest_new();
	uint8_t *bytes = make_bytes();
	uint64_t hashed = 0;
	struct fail f;

	for (size_t i = 0; i * CHUNK < LARGE; i++) {
		uint64_t ready = (i + 1) * CHUNK;

		write_chunk(x, file, bytes, i);
		if (i % 64 != 0 && ready < LARGE)
			continue;
		assert_int_equal(x->store.sync(file, &f), 0);
		hashed = hash_upto(x, file, hashed, ready < LARGE ? ready : LARGE, d);
		/* The newest, one on its way to the disk, and one that was there long ago. */
		if (ready < LARGE)
			read_chunk(x, file, bytes, i);
		read_chunk(x, file, bytes, i - i / 16);
		read_chunk(x, file, bytes, i / 4);
	}
	assert_int_equal(hashed, LARGE);
	finish(x, file, bytes, d);
	free(bytes);
}

/* More blocks are begun than there are: the rest goes through the page cache. */
static void test_large_file_with_holes(void **state)
{
	struct fixture *x = *state;
	struct store_file *file = create(x, 1, LARGE);
	struct digest *d = digest_new();
	uint8_t *bytes = make_bytes();
	size_t n = (LARGE + CHUNK - 1) / CHUNK;
	struct fail f;

	for (size_t i = 1; i < n; i += 2)
		write_chunk(x, file, bytes, i);
	assert_int_equal(x->store.sync(file, &f), 0);
	assert_int_equal(x->store.hash(file, 0, 0, d), 0);
	for (size_t i = 1; i < n - 1; i += 200)
		read_chunk(x, file, bytes, i);
	for (size_t i = (n - 1) & ~(size_t)1; i > 0; i -= 2)
		write_chunk(x, file, bytes, i);
	write_chunk(x, file, bytes, 0);
	assert_int_equal(x->store.sync(file, &f), 0);
	assert_int_equal(hash_upto(x, file, 0, LARGE, d), LARGE);
	finish(x, file, bytes, d);
	free(bytes);
}

static void test_abandoned_large_file(void **state)
{
	struct fixture *x = *state;
	uint8_t *bytes = make_bytes();

	for (uint64_t transfer = 1; transfer < 4; transfer++) {
		struct store_file *file = create(x, transfer, LARGE);
		struct digest *d = digest_new();
		struct fail f;

		for (size_t i = 0; i < 10000; i++)
			write_chunk(x, file, bytes, i);
		assert_int_equal(x->store.sync(file, &f), 0);
		assert_true(hash_upto(x, file, 0, UINT64_C(5000) * CHUNK, d) > 0);
		digest_free(d);
		x->store.release(file);
		assert_int_equal(n_entries(x->dir), 0);
	}
	free(bytes);
}

static void test_no_such_folder(void **state)
{
	struct folder *folder;
	struct fail f;

	(void)state;
	assert_int_equal(folder_open("/nonexistent", &folder, &f), -1);
	assert_string_equal(f.msg, "open folder '/nonexistent': No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_written_in_any_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_two_files_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_existing_name_is_refused_early, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_symbolic_link, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_abandoned_file_leaves_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_large_file_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_large_file_with_holes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_abandoned_large_file, set_up, tear_down),
		cmocka_unit_test(test_no_such_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
