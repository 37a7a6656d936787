/* What runs have in common: texts and labels said once for several of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/unvary.h"

/* Four runs: mode and size vary. */
static char mode[] = "mode", size[] = "size", one[] = "1", ten[] = "10", thread[] = "thread",
	    async[] = "async";
static char labels[4][24] = { "mode=thread,size=1", "mode=thread,size=10", "mode=async,size=1",
			      "mode=async,size=10" };
static struct variable variables[4][2] = {
	{ { mode, thread }, { size, one } },
	{ { mode, thread }, { size, ten } },
	{ { mode, async }, { size, one } },
	{ { mode, async }, { size, ten } },
};
static const struct planned_run runs[] = {
	{ labels[0], variables[0], 2, NULL },
	{ labels[1], variables[1], 2, NULL },
	{ labels[2], variables[2], 2, NULL },
	{ labels[3], variables[3], 2, NULL },
};

static void values_become_variables(void **state)
{
	static const struct {
		const char *texts[4], *one;
	} cases[] = {
		{ { "same", "same", "same", "same" }, "same" },
		{ { "-m thread", "-m thread", "-m async", "-m async" }, "-m %{mode}" },
		{ { "thread 1x", "thread 10x", "async 1x", "async 10x" }, "%{mode} %{size}x" },
		/* The 1 of 10 is no value, nor is the 10 of 1000. */
		{ { "-n 1000 -c 1", "-n 1000 -c 10", "-n 1000 -c 1", "-n 1000 -c 10" },
		  "-n 1000 -c %{size}" },
		{ { "1", "10", "1", "10" }, "%{size}" },
		/* Something else than a value. */
		{ { "1%", "10%", "1%", "11%" }, NULL },
		{ { "a", "", "a", "" }, NULL },
		{ { "thread", "async", "thread", "async" }, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_free char *text = unvary_text(runs, 4, cases[i].texts);

		if (cases[i].one == NULL)
			assert_null(text);
		else
			assert_string_equal(text, cases[i].one);
	}
}

/* Values that can be found everywhere: an end is found, and nothing wrong is said. */
static void too_many_ways_to_read_it(void **state)
{
	static char x[] = "x", xx[] = "xx", name[] = "n", label[] = "";
	static struct variable values[2] = { { name, x }, { name, xx } };
	const struct planned_run two[] = { { label, &values[0], 1, NULL },
					   { label, &values[1], 1, NULL } };
	char texts[2][200];
	const char *both[] = { texts[0], texts[1] };

	(void)state;
	memset(texts, 'x', sizeof(texts));
	memcpy(texts[0] + 198, "a", 2);
	memcpy(texts[1] + 198, "b", 2);
	assert_null(unvary_text(two, 2, both));
}

static void one_label_for_the_last_variable(void **state)
{
	size_t n;
	cleanup_free char *first = unvary_label(runs, 4, &n);

	(void)state;
	assert_int_equal(n, 2);
	assert_string_equal(first, "mode=thread,size={1,10}");

	cleanup_free char *last = unvary_label(runs + 3, 1, &n);

	assert_int_equal(n, 1);
	assert_string_equal(last, "mode=async,size=10");
}

/* A label that was cut, or that got a number, says nothing of a value. */
static void labels_that_do_not_end_in_the_value(void **state)
{
	static char cut[] = "mode=thread,si", numbered[] = "mode=thread,size=1~2", run[] = "run";
	const struct planned_run odd[] = {
		{ labels[0], variables[0], 2, NULL },
		{ numbered, variables[1], 2, NULL },
		{ cut, variables[1], 2, NULL },
		{ run, NULL, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		size_t n;
		cleanup_free char *label = unvary_label(odd + i, 4 - i, &n);

		assert_int_equal(n, 1);
		assert_string_equal(label, odd[i].label);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_become_variables),
		cmocka_unit_test(too_many_ways_to_read_it),
		cmocka_unit_test(one_label_for_the_last_variable),
		cmocka_unit_test(labels_that_do_not_end_in_the_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
