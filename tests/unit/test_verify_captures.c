/* Tests of src/verify: captures that are incomplete, cut, off, filtered or damaged. */
#include "unit/verify_send.h"

#define FILE_LEN (10 * LAB_CHUNK + 100)
#define SNAPLEN	 262144

static struct vlab *one_file(unsigned snaplen)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, snaplen);

	lab_add_random(l, "1.bin", FILE_LEN);
	return l;
}

static void assert_layers(const struct file_verdict *f, enum outcome receiver, enum outcome capture,
			  enum outcome sender)
{
	assert_string_equal(outcome_name(f->receiver.outcome), outcome_name(receiver));
	assert_string_equal(outcome_name(f->capture.outcome), outcome_name(capture));
	assert_string_equal(outcome_name(f->sender.outcome), outcome_name(sender));
}

static void capture_dropped(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.hide_in = 5));
	lab_receive_source(l, 0, 0);
	l->evidence->captures[1].dropped = 1;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_INCONCLUSIVE, OUTCOME_PASS);
	assert_says(v->files[0].reason, "the receiver's file is right");
	assert_says(v->captures[1].reason, "dropped 1 of");
	assert_int_equal(v->captures[0].outcome, OUTCOME_PASS);
	lab_free(l);
}

/* The capture says it is complete, and the file says it is not. */
static void capture_lies(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.hide_in = 5));
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_INCONCLUSIVE, OUTCOME_PASS);
	assert_int_equal(v->captures[1].outcome, OUTCOME_PASS);
	lab_free(l);
}

static void captures_that_prove_nothing(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	struct capture_evidence *c;

	(void)state;
	c = l->evidence->captures;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	c[0].passed = c[0].received + 2;
	c[1].if_dropped = 1;
	c[2].complete = false;
	lab_copy(c[2].error, sizeof(c[2].error), "no space left on device");

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_says(v->captures[0].reason, "where the interface counted");
	assert_says(v->captures[1].reason, "the interface dropped 1");
	assert_says(v->captures[2].reason, "no space left");
	assert_int_equal(v->files[0].outcome, OUTCOME_PASS);
	lab_free(l);
}

static void fewer_packets_than_written(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	l->evidence->captures[2].packets++;
	assert_outcome(lab_judge(l), OUTCOME_INCONCLUSIVE);
	assert_says(l->verdict.captures[2].reason, "were written");
	lab_free(l);
}

static void truncated_capture(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free char *path = text_format("%s/alpine-2.pcapng", l->dir);
	struct err e;

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	assert_int_equal(pcapng_writer_flush(l->captures[1], &e), 0);
	assert_outcome(lab_judge(l), OUTCOME_PASS);

	struct stat st;
	const struct judge_input in = { &l->topology, l->evidence, l->dir };

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size - 700), 0);
	run_verdict_done(&l->verdict);
	judge_run(&in, &l->verdict);
	assert_outcome(&l->verdict, OUTCOME_INCONCLUSIVE);
	assert_says(l->verdict.captures[1].reason, "cannot be read");
	lab_free(l);
}

static void headers_only(void **state)
{
	struct vlab *l = one_file(128);

	(void)state;
	lab_add_random(l, "2.bin", 3);
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_transfer(l, LAB_FLOW(.file = 1, .id = 8, .port = 43211));
	lab_receive_source(l, 0, 0);
	lab_receive_source(l, 0, 1);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_PASS, OUTCOME_PASS);
	assert_true(v->files[0].capture.has_digest);
	assert_memory_equal(&v->files[0].capture.digest, &v->files[0].digest, SHA256_LEN);
	assert_int_equal(v->files[0].datagrams.arrived, 11);
	lab_free(l);
}

/* The altered byte was not captured: only the CRC tells. */
static void headers_only_proves_a_lie(void **state)
{
	struct vlab *l = one_file(128);
	cleanup_free uint8_t *bytes = array_new(1, FILE_LEN);

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	bytes[2 * LAB_CHUNK + LAB_CHUNK / 2] ^= 0xff;
	lab_transfer(l, LAB_FLOW(.alter = 3));
	lab_receive(l, 0, "1.bin", bytes, FILE_LEN);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_layers(&v->files[0], OUTCOME_FAIL, OUTCOME_FAIL, OUTCOME_FAIL);
	assert_false(v->files[0].sender.has_digest);
	assert_int_equal(v->files[0].sender.first_difference, 2 * LAB_CHUNK);
	lab_free(l);
}

static void captures_off(void **state)
{
	struct vlab *l = one_file(0);

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_SKIP, OUTCOME_SKIP);
	assert_int_equal(v->ledger.outcome, OUTCOME_SKIP);
	lab_free(l);
}

static void capture_filter(void **state)
{
	static char filter[] = "tcp";
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	l->topology.capture.filter = filter;
	lab_receive_source(l, 0, 0);
	l->evidence->captures[0].passed = 100;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_says(v->files[0].capture.reason, "capture filter 'tcp'");
	lab_free(l);
}

/* Nothing that a capture may hold makes the judge fall over, or pass a file that is not there. */
static void mangled_captures(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	const struct judge_input in = { &l->topology, l->evidence, l->dir };
	cleanup_free char *path = text_format("%s/alpine-2.pcapng", l->dir);
	cleanup_free char *bytes = NULL;
	uint32_t random = 1;
	size_t len = 0;
	struct err e;

	(void)state;
	lab_transfer(l, LAB_FLOW(.damage = 4, .repair = true));
	assert_outcome(lab_judge(l), OUTCOME_FAIL);
	assert_int_equal(fs_read(path, 1 << 20, &bytes, &len, &e), 0);
	for (size_t round = 0; round < 300; round++) {
		cleanup_free char *mangled = array_new(len, 1);

		memcpy(mangled, bytes, len);
		for (size_t i = 0; i <= round % 8; i++) {
			random = random * 1664525 + 1013904223;
			mangled[(random >> 4) % len] = (char)(random >> 24);
		}
		lab_write(path, mangled, len - (round % 3 == 0 ? (random >> 8) % len : 0));
		run_verdict_done(&l->verdict);
		judge_run(&in, &l->verdict);
		assert_outcome(&l->verdict, OUTCOME_FAIL);
	}
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capture_dropped),
		cmocka_unit_test(capture_lies),
		cmocka_unit_test(captures_that_prove_nothing),
		cmocka_unit_test(truncated_capture),
		cmocka_unit_test(fewer_packets_than_written),
		cmocka_unit_test(headers_only),
		cmocka_unit_test(headers_only_proves_a_lie),
		cmocka_unit_test(captures_off),
		cmocka_unit_test(capture_filter),
		cmocka_unit_test(mangled_captures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
