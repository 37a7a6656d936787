/* Expectations of programs: exit statuses, outputs, the order of events. */
#include "unit/expect_lab.h"

/* ---- exit ---- */

static void exit_statuses(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client exit = { 0, 3-5, SIGKILL } }");
	struct program_evidence *p = &l->evidence->programs[CLIENT];

	(void)state;
	assert_expected(l, OUTCOME_PASS, NULL);
	assert_string_equal(xlab_judge(l)->expectations[0].node, "b");
	p->status = 4;
	assert_expected(l, OUTCOME_PASS, NULL);
	/* What the expectation allows is not the program's failure either. */
	assert_int_equal(xlab_judge(l)->programs[CLIENT].outcome, OUTCOME_PASS);
	assert_int_equal(xlab_judge(l)->outcome, OUTCOME_PASS);
	p->status = 6;
	xlab_output(l, CLIENT, "one\nlast words\n", 300);
	assert_expected(l, OUTCOME_FAIL,
			"program client: expected exit 0, 3-5, SIGKILL; found: exit 6");
	assert_says(xlab_expect(l)->conditions[0].nearest, "last words");
	assert_says(xlab_expect(l)->conditions[0].look, "/logs/client.log");
	assert_int_equal(xlab_judge(l)->outcome, OUTCOME_FAIL);
	assert_says(xlab_judge(l)->reasons[0], "expect e: program client");
	p->state = PROGRAM_KILLED;
	p->status = SIGKILL;
	assert_expected(l, OUTCOME_PASS, NULL);
	p->status = SIGSEGV;
	assert_expected(l, OUTCOME_FAIL, "exit 139 (SIGSEGV)");
	xlab_free(l);
}

static void exit_of_a_server_told_to_stop(void **state)
{
	struct xlab *l = xlab_new("expect e { program = server exit = \"not 0\" }");
	struct program_evidence *p = &l->evidence->programs[SERVER];

	(void)state;
	assert_expected(l, OUTCOME_FAIL, "expected exit not 0; found: exit 0 when it was told");
	p->status = 1;
	assert_expected(l, OUTCOME_PASS, NULL);
	p->left_behind = 1;
	assert_int_equal(xlab_judge(l)->programs[SERVER].outcome, OUTCOME_FAIL);
	xlab_free(l);
}

static void exit_that_nobody_saw(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client exit = 0 }");
	struct program_evidence *p = &l->evidence->programs[CLIENT];

	(void)state;
	p->state = PROGRAM_RUNNING;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "its end was not seen");
	p->state = PROGRAM_NEW;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "it was never started");
	strcpy(p->error, "no such file");
	assert_expected(l, OUTCOME_FAIL, "it was never started: no such file");
	p->error[0] = '\0';
	p->state = PROGRAM_EXITED;
	p->status = 143;
	p->told_to_stop = l->evidence->interrupted = true;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "exit 143 when it was told to stop");
	xlab_free(l);
}

/* The deadline is judged as ever, and so are the expectations. */
static void past_the_deadline(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client exit = 0 output = ready }");
	struct program_evidence *p = &l->evidence->programs[CLIENT];

	(void)state;
	p->state = PROGRAM_KILLED;
	p->status = SIGTERM;
	p->told_to_stop = p->past_deadline = true;
	l->evidence->past_deadline = true;
	xlab_output(l, CLIENT, "ready\n", 300);
	assert_expected(l, OUTCOME_FAIL, "found: exit 143 (SIGTERM) when it was told to stop");
	assert_int_equal(xlab_judge(l)->expectations[0].conditions[1].outcome, OUTCOME_PASS);
	assert_int_equal(xlab_judge(l)->programs[CLIENT].outcome, OUTCOME_FAIL);
	xlab_free(l);
}

/* ---- output ---- */

static void lines_are_counted(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client output = '^GET .* (200|304)$'\n"
				  "    count = \"2-3\" }");

	(void)state;
	xlab_output(l, CLIENT, "GET /a 200\nGET /b 304\r\nGET /c 500\n", 300);
	assert_expected(l, OUTCOME_PASS, NULL);
	xlab_output(l, CLIENT, "GET /a 200\nGET /c 500", 300);
	assert_expected(l, OUTCOME_FAIL, "on 2 to 3 lines; found: on 1 line of 2 (1)");
	assert_says(xlab_expect(l)->conditions[0].nearest, "GET /a 200");
	assert_says(xlab_expect(l)->conditions[0].look, "logs/client.log:1");
	xlab_output(l, CLIENT, "GET /a 200\nGET /a 200\nGET /a 200\nGET /a 200 GET /a 200\n", 300);
	assert_expected(l, OUTCOME_FAIL, "found: on 4 lines of 4 (1, 2, 3, 4)");
	xlab_output(l, CLIENT, "nothing\n", 300);
	assert_expected(l, OUTCOME_FAIL, "found: on no line of 1");
	assert_says(xlab_expect(l)->conditions[0].nearest, "nothing");
	l->evidence->interrupted = true;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "on no line of 1");
	xlab_free(l);
}

static void lines_that_must_not_come(void **state)
{
	struct xlab *l = xlab_new(
		"expect e { program = server absent = { '(?i)error', 'panic' } }");

	(void)state;
	xlab_output(l, SERVER, "all is\nwell\n", 300);
	assert_expected(l, OUTCOME_PASS, NULL);
	xlab_output(l, SERVER, "all is\nError: no\n", 300);
	assert_expected(l, OUTCOME_FAIL, "'(?i)error' on no line; found: on 1 line of 2 (2)");
	assert_says(xlab_expect(l)->conditions[0].look, "logs/server.log:2");
	xlab_output(l, SERVER, "\xff\xfe panic \xc3\n", 300);
	assert_expected(l, OUTCOME_FAIL, "'panic' on no line");
	xlab_free(l);
}

/* What is definite stays so when the middle was not kept. */
static void output_with_a_gap(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client output = 'x' count = \">= 2\" }\n"
				  "expect f { program = client output = 'x' count = 2 }\n"
				  "expect g { program = client absent = 'y' }\n"
				  "expect h { program = client output = 'x' count = \"< 2\" }");
	const struct run_verdict *v;

	(void)state;
	xlab_output(l, CLIENT, "x\nx\n", 300);
	l->evidence->programs[CLIENT].output = 1000;
	v = xlab_judge(l);
	assert_int_equal(v->expectations[0].outcome, OUTCOME_PASS);
	assert_int_equal(v->expectations[1].outcome, OUTCOME_INCONCLUSIVE);
	assert_says(v->expectations[1].reason, "the middle of the output was not kept");
	assert_int_equal(v->expectations[2].outcome, OUTCOME_INCONCLUSIVE);
	assert_int_equal(v->expectations[3].outcome, OUTCOME_FAIL);
	xlab_free(l);
}

static void expressions_without_end(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client output = '^(a|a)+$' }");

	(void)state;
	xlab_output(l, CLIENT, "b\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\n",
		    300);
	assert_expected(l, OUTCOME_INCONCLUSIVE, "line 2: it backtracks too much");
	xlab_free(l);
}

static void no_output_at_all(void **state)
{
	struct xlab *l = xlab_new("expect e { program = client output = 'x' }");
	cleanup_free char *path = text_format("%s/logs/client.log", l->dir);

	(void)state;
	assert_expected(l, OUTCOME_FAIL, "on no line of 0");
	assert_int_equal(unlink(path), 0);
	assert_expected(l, OUTCOME_INCONCLUSIVE, "its log cannot be read");
	xlab_free(l);
}

/* ---- order ---- */

#define ORDER                                                                                      \
	"fault cut { at = 100ms link = a action = down }\n"                                        \
	"expect e { order = { \"server ready\", \"client started\", \"server output GET /\",\n"    \
	"    \"fault cut\", 'server output GET', \"client ended\" } }"

static void events_in_order(void **state)
{
	struct xlab *l = xlab_new(ORDER);

	(void)state;
	l->evidence->faults[0].fired_ns = at_ms(405);
	xlab_output(l, SERVER, "hello\nGET /a\nGET /b\n", 390);
	assert_expected(l, OUTCOME_PASS, NULL);
	/* Both lines come before the fault. */
	l->evidence->faults[0].fired_ns = at_ms(420);
	assert_expected(l, OUTCOME_FAIL,
			"server output GET came at 0.210000 s, before fault cut (at 0.220000 s)");
	assert_says(xlab_expect(l)->conditions[0].look, "server.log:3");
	assert_says(xlab_expect(l)->conditions[0].nearest,
		    "server ready (at 0.000000 s)\nclient started (at 0.100000 s)\n"
		    "server output GET / (at 0.200000 s)");
	l->evidence->programs[CLIENT].started_ns = at_ms(150);
	assert_expected(l, OUTCOME_FAIL,
			"client started came at -0.050000 s, before server ready (at 0.000000 s)");
	l->evidence->programs[CLIENT].started_ns = 0;
	assert_expected(l, OUTCOME_FAIL, "no client started after server ready");
	l->evidence->interrupted = true;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "no client started after");
	xlab_free(l);
}

static void lines_in_order(void **state)
{
	struct xlab *l = xlab_new("expect e { order = { \"client output one\", "
				  "\"client output two\" } }");
	cleanup_free char *times = text_format("%s/logs/client.times", l->dir);

	(void)state;
	xlab_output(l, CLIENT, "two\none\ntwo\n", 300);
	assert_expected(l, OUTCOME_PASS, NULL);
	xlab_output(l, CLIENT, "two\none\n", 300);
	assert_expected(l, OUTCOME_FAIL, "client output two came at 0.100000 s, before");
	xlab_output(l, CLIENT, "one two\nthree\n", 300);
	assert_expected(l, OUTCOME_FAIL, "client output two came at");
	xlab_output(l, CLIENT, "one\nthree\n", 300);
	assert_expected(l, OUTCOME_FAIL, "no client output two after client output one");
	l->evidence->programs[CLIENT].output = 1000;
	assert_expected(l, OUTCOME_INCONCLUSIVE, "no client output two after client output one");
	xlab_output(l, CLIENT, "one\ntwo\n", 300);
	assert_int_equal(unlink(times), 0);
	assert_expected(l, OUTCOME_INCONCLUSIVE, "has no time");
	xlab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_statuses),
		cmocka_unit_test(exit_of_a_server_told_to_stop),
		cmocka_unit_test(exit_that_nobody_saw),
		cmocka_unit_test(past_the_deadline),
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(lines_that_must_not_come),
		cmocka_unit_test(output_with_a_gap),
		cmocka_unit_test(expressions_without_end),
		cmocka_unit_test(no_output_at_all),
		cmocka_unit_test(events_in_order),
		cmocka_unit_test(lines_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
