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

static struct store_file *create(struct fixture *x, uint64_t transfer)
{
	struct store_file *file;
	struct fail f;

	assert_int_equal(x->store.create(x->store.ctx, "file", transfer, &file, &f), 0);
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
	struct store_file *file = create(x, 1);
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
	struct store_file *a = create(x, 1), *b = create(x, 2);
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
	struct store_file *file = create(x, 1);
	struct fail f;

	assert_int_equal(x->store.commit(file, &f), 0);
	x->store.release(file);
	assert_int_equal(x->store.create(x->store.ctx, "file", 2, &file, &f), -1);
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
	assert_int_equal(x->store.create(x->store.ctx, "file", 1, &file, &f), -1);
	assert_int_equal(folder_create_named(x->folder, "file", &file, &f), -1);
	assert_int_equal(access(victim, F_OK), -1);
}

static void test_abandoned_file_leaves_nothing(void **state)
{
	struct fixture *x = *state;
	struct store_file *file = create(x, 1);

	x->store.write(file, 0, "x", 1);
	assert_int_equal(n_entries(x->dir), 1);
	x->store.release(file);
	assert_int_equal(n_entries(x->dir), 0);
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
		cmocka_unit_test(test_no_such_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
