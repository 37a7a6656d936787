/* Tests of src/verify: how programs and whole runs end, and in which order reasons come. */
#include "unit/verify_send.h"

#define SNAPLEN 262144

enum { RECEIVER, SENDER };

/* A run in which everything is right. */
static struct vlab *good_run(void)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, SNAPLEN);

	lab_add_random(l, "1.bin", 3000);
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	return l;
}

/* One program ended like this: the run is to be that, for this reason. */
static void check_end(size_t program, const struct program_evidence *how, enum outcome expected,
		      const char *reason)
{
	struct vlab *l = good_run();
	struct program_evidence *p = &l->evidence->programs[program];

	p->state = how->state;
	p->status = how->status;
	p->told_to_stop = how->told_to_stop;
	p->ignored_stop = how->ignored_stop;
	p->past_deadline = how->past_deadline;
	p->left_behind = how->left_behind;
	memcpy(p->left_name, how->left_name, sizeof(p->left_name));
	memcpy(p->error, how->error, sizeof(p->error));

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, expected);
	if (reason != NULL) {
		assert_says(v->reasons[0], p->name);
		assert_says(v->reasons[0], reason);
		assert_string_equal(outcome_name(v->programs[program].outcome),
				    outcome_name(expected));
	}
	lab_free(l);
}

#define HOW(...) (&(const struct program_evidence){ __VA_ARGS__ })

static void ends_of_receivers(void **state)
{
	(void)state;
	check_end(RECEIVER, HOW(.state = PROGRAM_EXITED, .told_to_stop = true), OUTCOME_PASS, NULL);
	check_end(RECEIVER, HOW(.state = PROGRAM_KILLED, .status = SIGTERM, .told_to_stop = true),
		  OUTCOME_PASS, NULL);
	check_end(RECEIVER, HOW(.state = PROGRAM_EXITED), OUTCOME_FAIL,
		  "exited 0 before it was told to stop");
	check_end(RECEIVER, HOW(.state = PROGRAM_EXITED, .status = 3, .told_to_stop = true),
		  OUTCOME_FAIL, "exited 3 when it was told to stop");
	check_end(RECEIVER, HOW(.state = PROGRAM_KILLED, .status = SIGSEGV), OUTCOME_FAIL,
		  "killed by SIGSEGV while it was needed");
	check_end(RECEIVER, HOW(.state = PROGRAM_KILLED, .status = SIGKILL), OUTCOME_FAIL,
		  "killed by SIGKILL while it was needed");
	check_end(RECEIVER,
		  HOW(.state = PROGRAM_KILLED, .status = SIGKILL, .told_to_stop = true,
		      .ignored_stop = true),
		  OUTCOME_FAIL, "ignored SIGTERM");
	check_end(RECEIVER, HOW(.state = PROGRAM_EXITED, .left_behind = 1, .left_name = "udp-recv"),
		  OUTCOME_FAIL, "went to the background: left 1 process running (udp-recv)");
	check_end(RECEIVER, HOW(.state = PROGRAM_EXITED, .told_to_stop = true, .left_behind = 2),
		  OUTCOME_FAIL, "left 2 processes running");
	check_end(RECEIVER, HOW(.state = PROGRAM_NEW, .error = "execute nothing: no such file"),
		  OUTCOME_FAIL, "never started: execute nothing");
	check_end(RECEIVER,
		  HOW(.state = PROGRAM_KILLED, .status = SIGTERM, .told_to_stop = true,
		      .error = "not ready after 10 s: it did not bind UDP port 10000"),
		  OUTCOME_FAIL, "did not bind UDP port 10000");
	check_end(RECEIVER, HOW(.state = PROGRAM_KILLED, .status = SIGSEGV, .told_to_stop = true),
		  OUTCOME_FAIL, "killed by SIGSEGV when it was told to stop");
	check_end(RECEIVER, HOW(.state = PROGRAM_RUNNING), OUTCOME_INCONCLUSIVE,
		  "its end was not seen");
}

static void ends_of_senders(void **state)
{
	(void)state;
	check_end(SENDER, HOW(.state = PROGRAM_EXITED), OUTCOME_PASS, NULL);
	check_end(SENDER, HOW(.state = PROGRAM_EXITED, .status = 1), OUTCOME_FAIL, "exited 1");
	check_end(SENDER, HOW(.state = PROGRAM_KILLED, .status = SIGABRT), OUTCOME_FAIL,
		  "killed by SIGABRT");
	check_end(SENDER,
		  HOW(.state = PROGRAM_KILLED, .status = SIGTERM, .told_to_stop = true,
		      .past_deadline = true),
		  OUTCOME_FAIL, "still running when the deadline of 60.0 s passed");
}

/* A server that died is the reason for what was not started without it, unless it was to end. */
static void missed_servers(void **state)
{
	struct vlab *l = good_run();

	(void)state;
	l->evidence->programs[SENDER].state = PROGRAM_NEW;
	l->evidence->programs[SENDER].missed = RECEIVER + 1;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->reasons[0], "alpine-1/udp-send: not started: alpine-2/udp-recv was never "
				   "ready");
	assert_int_equal(v->n_notes, 0);
	lab_free(l);

	l = good_run();
	l->evidence->programs[SENDER].state = PROGRAM_NEW;
	l->evidence->programs[SENDER].missed = RECEIVER + 1;
	l->evidence->programs[RECEIVER].status = 3;
	l->evidence->programs[RECEIVER].told_to_stop = false;
	l->evidence->programs[RECEIVER].ready_ns = 1;
	v = lab_judge(l);
	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->reasons[0], "alpine-2/udp-recv: exited 3");
	assert_int_equal(v->programs[SENDER].outcome, OUTCOME_SKIP);
	assert_string_equal(v->programs[SENDER].reason, "not started: alpine-2/udp-recv had ended");
	assert_int_equal(v->n_notes, 1);
	assert_string_equal(v->notes[0], "not started without alpine-2/udp-recv: "
					 "alpine-1/udp-send");
	lab_free(l);
}

/* What a server did not take is worth knowing, and not wrong. */
static void untaken_streams(void **state)
{
	struct vlab *l = good_run();

	(void)state;
	l->evidence->programs[RECEIVER].told_to_stop = true;
	l->evidence->sockets[RECEIVER].unread = 1;
	l->evidence->sockets[RECEIVER].unread_from = 1;
	l->evidence->sockets[RECEIVER].unaccepted = 2;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_int_equal(v->n_notes, 1);
	assert_says(v->notes[0], "alpine-2/udp-recv: when it was told to stop it had not read 1 "
				 "byte that came by TCP, from 1 connection, and not accepted 2 "
				 "connections");
	lab_free(l);
}

static void last_words(void **state)
{
	struct vlab *l = good_run();
	cleanup_free char *path = text_format("%s/0.log", l->dir);
	struct text log = { 0 };

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		text_add(&log, "line %zu \033[31m\xff\xc2\x9b\xc3\xa4\n", i);
	lab_write(path, log.s, log.len);
	text_done(&log);
	l->evidence->programs[RECEIVER].status = 3;

	const char *output = lab_judge(l)->programs[RECEIVER].output;

	assert_non_null(output);
	assert_true(strlen(output) <= 4096);
	assert_true(text_is_utf8(output, strlen(output)));
	assert_null(strchr(output, '\033'));
	assert_says(output, "line 99999 \\x1b[31m\\xff\\xc2\\x9b\xc3\xa4\n");
	assert_says(output, "line 99990 ");
	assert_null(strstr(output, "line 99989 "));
	assert_null(l->verdict.programs[SENDER].output);
	lab_free(l);
}

/* A receiver dies: that comes first, and what follows from it in one line. */
static void causes_first(void **state)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, SNAPLEN);

	(void)state;
	for (size_t i = 0; i < LAB_FILES; i++) {
		cleanup_free char *name = text_format("%zu.bin", i);

		lab_add_random(l, name, 2000);
	}
	l->evidence->programs[RECEIVER].state = PROGRAM_KILLED;
	l->evidence->programs[RECEIVER].status = SIGKILL;
	l->evidence->programs[RECEIVER].told_to_stop = false;
	l->evidence->programs[SENDER].status = 1;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->n_reasons, 3);
	assert_says(v->reasons[0], "alpine-2/udp-recv: killed by SIGKILL");
	assert_says(v->reasons[1], "alpine-1/udp-send: exited 1");
	assert_says(v->reasons[2], "alpine-2: 0.bin: the file is not there");
	assert_says(v->reasons[2], "… and 7 more files");
	assert_int_equal(v->files_whole, 0);
	lab_free(l);
}

static void interrupted(void **state)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, SNAPLEN);

	(void)state;
	lab_add_random(l, "1.bin", 3000);
	l->evidence->interrupted = true;
	l->evidence->programs[SENDER].state = PROGRAM_KILLED;
	l->evidence->programs[SENDER].status = SIGTERM;
	l->evidence->programs[SENDER].told_to_stop = true;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_true(v->interrupted);
	assert_string_equal(v->reasons[0], "interrupted");
	lab_free(l);
}

static void machine_failed(void **state)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, SNAPLEN);
	struct evidence *ev = l->evidence;

	(void)state;
	lab_add_random(l, "1.bin", 3000);
	ev->stage = STAGE_LAB;
	ev->failed = true;
	ev->recording_ns = 0;
	err_set(&ev->error, 0, "create a bridge: operation not permitted");
	for (size_t i = 0; i < ev->n_programs; i++) {
		ev->programs[i].state = PROGRAM_NEW;
		ev->programs[i].told_to_stop = false;
		ev->captures[i].complete = false;
	}

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_string_equal(v->reasons[0], "create a bridge: operation not permitted");
	assert_int_equal(v->programs[0].outcome, OUTCOME_SKIP);
	assert_int_equal(v->files[0].outcome, OUTCOME_INCONCLUSIVE);
	lab_free(l);
}

static void supervisor_killed(void **state)
{
	struct vlab *l = good_run();
	struct evidence *ev = l->evidence;

	(void)state;
	ev->stage = STAGE_TRANSFER;
	ev->supervisor_signal = SIGKILL;
	for (size_t i = 0; i < ev->n_programs; i++)
		ev->programs[i].state = PROGRAM_RUNNING;
	for (size_t i = 0; i < LAB_NODES; i++)
		ev->nodes[i].counted = false;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_string_equal(v->reasons[0],
			    "the supervisor was killed by SIGKILL while the transfer ran");
	assert_int_equal(v->ledger.outcome, OUTCOME_INCONCLUSIVE);
	lab_free(l);
}

static void deadline(void **state)
{
	struct vlab *l = good_run();

	(void)state;
	l->evidence->past_deadline = true;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_true(v->past_deadline);
	assert_says(v->reasons[0], "the deadline of 60.0 s passed");
	lab_free(l);
}

/* The sender is somebody's, with these limits, and this became of them. */
static void check_limits(double cpus, uint64_t memory, const struct program_evidence *how,
			 enum outcome expected, const char *reason)
{
	struct vlab *l = good_run();
	struct program_evidence *p = &l->evidence->programs[SENDER];
	struct command command = { .cpus = cpus, .memory = memory, .stop_signal = SIGTERM };

	l->topology.commands = &command;
	l->topology.n_commands = 1;
	p->transfer = NO_TRANSFER;
	p->state = how->state;
	p->status = how->status;
	p->out_of_memory = how->out_of_memory;
	memcpy(p->unlimited, how->unlimited, sizeof(p->unlimited));

	const struct run_verdict *v = lab_judge(l);

	assert_string_equal(outcome_name(v->programs[SENDER].outcome), outcome_name(expected));
	assert_outcome(v, expected);
	if (reason != NULL)
		assert_string_equal(v->programs[SENDER].reason, reason);
	lab_free(l);
}

static void limits(void **state)
{
	const uint64_t mib = 1 << 20;

	(void)state;
	check_limits(0, 64 * mib, HOW(.state = PROGRAM_EXITED), OUTCOME_PASS, NULL);
	check_limits(0, 64 * mib,
		     HOW(.state = PROGRAM_KILLED, .status = SIGKILL, .out_of_memory = true),
		     OUTCOME_FAIL, "killed by the kernel: it used more than its 64MiB of memory");
	check_limits(0, mib, HOW(.state = PROGRAM_KILLED, .status = SIGKILL), OUTCOME_FAIL,
		     "killed by SIGKILL while it was needed");
	check_limits(0, mib, HOW(.state = PROGRAM_EXITED, .unlimited = "no luck"),
		     OUTCOME_INCONCLUSIVE, "its memory could not be limited: no luck");
	check_limits(0.5, 0, HOW(.state = PROGRAM_EXITED, .unlimited = "no luck"),
		     OUTCOME_INCONCLUSIVE, "its processors could not be limited: no luck");
	check_limits(0.5, mib, HOW(.state = PROGRAM_EXITED, .unlimited = "no luck"),
		     OUTCOME_INCONCLUSIVE,
		     "its processors and memory could not be limited: no luck");
	/* What is definitely wrong stays so. */
	check_limits(0.5, 0, HOW(.state = PROGRAM_EXITED, .status = 1, .unlimited = "no luck"),
		     OUTCOME_FAIL, "exited 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_of_receivers),
		cmocka_unit_test(ends_of_senders),
		cmocka_unit_test(untaken_streams),
		cmocka_unit_test(missed_servers),
		cmocka_unit_test(last_words),
		cmocka_unit_test(causes_first),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(machine_failed),
		cmocka_unit_test(supervisor_killed),
		cmocka_unit_test(deadline),
		cmocka_unit_test(limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
