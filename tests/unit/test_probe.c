/* Tests of src/cli/probe.c: whatever a probe does, the caller hears of it and keeps its own. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <net/if.h>

#include "cli/probe.h"

static void succeed(struct finding *f, int arg)
{
	probe_works(f, "argument %d", arg);
}

static void fail_with(struct finding *f, int num)
{
	probe_fails(f, num, "no luck");
}

static void die(struct finding *f, int arg)
{
	(void)f;
	(void)arg;
	raise(SIGKILL);
}

static void say_nothing(struct finding *f, int arg)
{
	(void)f;
	(void)arg;
}

static void try_it(void (*try)(struct finding *f, int arg), int arg, struct finding *ret)
{
	const struct probe p = { .name = "test", .place = PLACE_HERE, .try = try, .arg = arg };

	probe_run(&p, ret);
}

static void answers_come_back(void **state)
{
	struct finding f;

	(void)state;
	try_it(succeed, 7, &f);
	assert_true(f.works);
	assert_string_equal(f.detail, "argument 7");
	try_it(fail_with, EPERM, &f);
	assert_false(f.works);
	assert_int_equal(f.num, EPERM);
	assert_string_equal(f.detail, "no luck: Operation not permitted");
}

static void death_and_silence_are_failures(void **state)
{
	struct finding f;

	(void)state;
	try_it(die, 0, &f);
	assert_false(f.works);
	assert_non_null(strstr(f.detail, "ended by a signal"));
	try_it(say_nothing, 0, &f);
	assert_false(f.works);
	assert_string_equal(f.detail, "the attempt gave no answer");
}

static size_t count_interfaces(void)
{
	struct if_nameindex *all = if_nameindex();
	size_t n = 0;

	assert_non_null(all);
	while (all[n].if_index != 0)
		n++;
	if_freenameindex(all);
	return n;
}

/* Every probe of the table has an answer, required or not, and nothing stays behind. */
static void all_probes_answer_and_leave_nothing(void **state)
{
	size_t before = count_interfaces();

	(void)state;
	for (size_t i = 0; i < n_probes; i++) {
		struct finding f;

		probe_run(&probes[i], &f);
		assert_string_not_equal(f.detail, "");
		assert_null(strstr(f.detail, "gave no answer"));
		assert_null(strstr(f.detail, "ended by a signal"));
	}
	assert_int_equal(count_interfaces(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_back),
		cmocka_unit_test(death_and_silence_are_failures),
		cmocka_unit_test(all_probes_answer_and_leave_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
