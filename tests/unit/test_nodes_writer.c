/* Blocks of memory and the thread that writes them: who has one, and what becomes of errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "writer.h"

#define MANY 1000 /* blocks: more than there are */

static size_t take_all(struct writer *w, struct block **homes)
{
	size_t n = 0;

	while (n < MANY && writer_take(w, &homes[n]))
		n++;
	return n;
}

static void test_blocks_are_few_and_come_back(void **state)
{
	struct writer *w = writer_new();
	struct block *homes[MANY] = { NULL };
	size_t n = take_all(w, homes);
	uint8_t byte = 1;

	(void)state;
	assert_in_range(n, 1, MANY - 1);
	assert_null(homes[n]);
	writer_bytes(homes[0])[7] = 42;
	assert_true(writer_copy(w, &homes[0], 7, &byte, 1));
	assert_int_equal(byte, 42);
	writer_drop(homes[0]);
	assert_null(homes[0]);
	assert_false(writer_copy(w, &homes[0], 7, &byte, 1));
	for (size_t i = 1; i < n; i++)
		writer_drop(homes[i]);
	assert_int_equal(take_all(w, homes), n);
	for (size_t i = 0; i < n; i++)
		writer_drop(homes[i]);
	writer_free(w);
}

/* Offset 1 is none that O_DIRECT takes: the page cache does. */
static void test_what_the_disk_refuses_is_written_all_the_same(void **state)
{
	char path[] = "/tmp/test_nodes_writer.XXXXXX";
	struct writer *w = writer_new();
	struct writer_file file = { .fd = mkstemp(path) };
	struct block *home;
	uint8_t *found = malloc(WRITER_BLOCK);

	(void)state;
	file.direct_fd = open(path, O_WRONLY | O_DIRECT);
	unlink(path);
	if (file.direct_fd < 0)
		file.direct_fd = dup(file.fd);
	assert_true(writer_take(w, &home));
	memset(writer_bytes(home), 7, WRITER_BLOCK);
	writer_write(home, &file, 1, WRITER_BLOCK);
	writer_wait(w, &file);
	assert_int_equal(atomic_load(&file.error), 0);
	assert_non_null(found);
	assert_int_equal(pread(file.fd, found, WRITER_BLOCK, 1), WRITER_BLOCK);
	assert_memory_equal(found, writer_bytes(home), WRITER_BLOCK);
	writer_drop(home);
	writer_free(w);
	close(file.direct_fd);
	close(file.fd);
	free(found);
}

static void test_errors_are_kept(void **state)
{
	struct writer *w = writer_new();
	struct writer_file full = { .fd = open("/dev/full", O_WRONLY), .direct_fd = -1 };
	struct block *home;

	(void)state;
	assert_true(writer_take(w, &home));
	memset(writer_bytes(home), 0, 100);
	writer_write(home, &full, 0, 100);
	writer_wait(w, &full);
	assert_int_equal(atomic_load(&full.error), ENOSPC);
	writer_drop(home);
	writer_free(w);
	close(full.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks_are_few_and_come_back),
		cmocka_unit_test(test_what_the_disk_refuses_is_written_all_the_same),
		cmocka_unit_test(test_errors_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
