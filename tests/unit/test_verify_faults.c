/* Tests of src/verify: whether faults happened, and what is said of those that did not. */
#include "unit/verify_send.h"

#define FILE_LEN (10 * LAB_CHUNK + 100)
#define SNAPLEN	 262144

/* A file that arrived, over two links that an engine carries. */
static struct vlab *transferred(void)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, SNAPLEN);

	lab_add_random(l, "1.bin", FILE_LEN);
	lab_engine(l, 0, ENGINE_USER);
	lab_engine(l, 1, ENGINE_USER);
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	return l;
}

static void faults_fire(void **state)
{
	static char cut[] = "cut", crash[] = "crash";
	struct vlab *l = transferred();
	struct fault faults[2] = {
		{ .name = cut,
		  .action = FAULT_DOWN,
		  .command = NO_COMMAND,
		  .at_ns = NS_PER_SEC,
		  .for_ns = NS_PER_SEC,
		  .direction = { true, true } },
		{ .name = crash,
		  .action = FAULT_BLACKHOLE,
		  .command = NO_COMMAND,
		  .after = 100,
		  .flow = { 0, 1, LAB_PORT },
		  .node = 1,
		  .direction = { false, true } },
	};
	struct evidence *ev = l->evidence;

	(void)state;
	l->topology.faults = faults;
	l->topology.n_faults = ev->n_faults = 2;
	ev->ready_ns = 5 * NS_PER_SEC;
	ev->sent_ns = 5 * NS_PER_SEC + 200 * NS_PER_MS;
	ev->faults[0].fired_ns = 6 * NS_PER_SEC;
	ev->faults[0].undone_ns = 7 * NS_PER_SEC;
	ev->faults[1].fired_ns = 5 * NS_PER_SEC + 1;
	assert_outcome(lab_judge(l), OUTCOME_PASS);

	const struct fault_verdict *f = l->verdict.faults;

	assert_int_equal(l->verdict.n_faults, 2);
	assert_true(f[0].fired && f[0].undone && f[1].fired && !f[1].undone);
	assert_int_equal(f[0].fired_ns, NS_PER_SEC);
	assert_int_equal(f[0].undone_ns, 2 * NS_PER_SEC);
	assert_string_equal(f[0].action, "down alpine-1/eth0");
	assert_string_equal(f[1].action, "blackhole alpine-2/eth0 in");
	assert_string_equal(f[1].due, "after 100 datagrams from alpine-1 to alpine-2, port 10000");
	lab_free(l);
}

static void a_fault_that_was_due_too_late(void **state)
{
	static char late[] = "late";
	struct vlab *l = transferred();
	struct fault fault = { .name = late,
			       .action = FAULT_PAUSE,
			       .command = NO_COMMAND,
			       .at_ns = 2 * NS_PER_SEC,
			       .node = 1 };

	(void)state;
	l->topology.faults = &fault;
	l->topology.n_faults = l->evidence->n_faults = 1;
	l->evidence->ready_ns = 5 * NS_PER_SEC;
	l->evidence->sent_ns = 5 * NS_PER_SEC + 200 * NS_PER_MS;
	assert_outcome(lab_judge(l), OUTCOME_INCONCLUSIVE);
	assert_string_equal(l->verdict.reasons[0], "fault late never fired: the run was over after "
						   "200 ms, it was due at 2.00 s");
	assert_string_equal(l->verdict.faults[0].action, "pause alpine-2, transfer pictures");
	lab_free(l);
}

static void fault_that_could_not_be_done(void **state)
{
	static char cut[] = "cut";
	struct vlab *l = transferred();
	struct fault fault = {
		.name = cut, .action = FAULT_KILL, .command = NO_COMMAND, .node = 1
	};

	(void)state;
	l->topology.faults = &fault;
	l->topology.n_faults = l->evidence->n_faults = 1;
	l->evidence->faults[0].fired_ns = 1;
	lab_copy(l->evidence->faults[0].error, sizeof(l->evidence->faults[0].error),
		 "no such process");
	assert_outcome(lab_judge(l), OUTCOME_INCONCLUSIVE);
	assert_string_equal(l->verdict.reasons[0], "fault cut: no such process");
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_fire),
		cmocka_unit_test(a_fault_that_was_due_too_late),
		cmocka_unit_test(fault_that_could_not_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
