/* Tests of src/verify: files sent by the transfer protocol, each with one fault in one layer. */
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

static void whole(void **state)
{
	struct vlab *l = lab_new(2, FORMAT_RELIABLE, SNAPLEN);

	(void)state;
	lab_add_random(l, "1.bin", FILE_LEN);
	lab_add_random(l, "empty", 0);
	lab_add_random(l, "a name with spaces", 1);
	for (size_t to = 0; to < 2; to++)
		for (size_t f = 0; f < 3; f++) {
			lab_transfer(l, LAB_FLOW(.to = to, .file = f, .id = 100 + f));
			lab_receive_source(l, to, f);
		}

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_int_equal(v->n_reasons, 0);
	assert_int_equal(v->n_files, 6);
	assert_int_equal(v->files_whole, 6);
	assert_int_equal(v->bytes, 2 * (FILE_LEN + 1));
	assert_int_equal(v->datagrams, 2 * 12);
	assert_int_equal(v->lost, 0);
	assert_true(v->time_ns > 0);
	assert_string_equal(v->mode, "multi-process");
	assert_string_equal(v->format, "reliable");
	for (size_t i = 0; i < 6; i++) {
		assert_layers(&v->files[i], OUTCOME_PASS, OUTCOME_PASS, OUTCOME_PASS);
		assert_int_equal(v->files[i].picture.outcome, OUTCOME_SKIP);
		assert_true(v->files[i].capture.has_digest);
		assert_memory_equal(&v->files[i].capture.digest, &v->files[i].digest, SHA256_LEN);
		assert_true(v->files[i].time_ns > 0);
	}
	assert_string_equal(v->files[3].node, "alpine-3");
	assert_int_equal(v->files[0].datagrams.ideal, 11);
	assert_int_equal(v->ledger.outcome, OUTCOME_PASS);
	assert_int_equal(v->ledger.n_networks, 4);
	assert_int_equal(v->ledger.n_nodes, 3);
	lab_free(l);
}

/* ---- what receivers do ---- */

static const struct file_verdict *judge_received(struct vlab *l, const void *bytes, size_t len)
{
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive(l, 0, "1.bin", bytes, len);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_layers(&v->files[0], OUTCOME_FAIL, OUTCOME_PASS, OUTCOME_PASS);
	assert_says(v->files[0].reason, "the receiver damaged it");
	assert_says(v->files[0].reason, "alpine-2/eth0");
	assert_says(v->reasons[0], "alpine-2: 1.bin: ");
	assert_int_equal(v->files_whole, 0);
	return &v->files[0];
}

static void flipped_byte(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	uint8_t bytes[FILE_LEN];

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	bytes[4711] = 0x5a;
	l->content[0].p[4711] = 0xa5;
	lab_write(l->files[0].path, l->content[0].p, FILE_LEN);

	const struct file_verdict *f = judge_received(l, bytes, FILE_LEN);

	assert_says(f->receiver.reason, "1 byte differs at offset 4711 (0x5a instead of 0xa5)");
	assert_true(f->receiver.differs);
	assert_int_equal(f->receiver.first_difference, 4711);
	lab_free(l);
}

static void truncated(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	const struct file_verdict *f = judge_received(l, l->content[0].p, FILE_LEN - 100);

	(void)state;
	assert_says(f->receiver.reason, "truncated");
	assert_int_equal(f->receiver.missing.n, 1);
	assert_int_equal(f->receiver.missing.r[0].first, FILE_LEN - 100);
	assert_int_equal(f->receiver.missing.r[0].last, FILE_LEN - 1);
	lab_free(l);
}

static void written_twice(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free uint8_t *bytes = array_new(2, FILE_LEN);

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	memcpy(bytes + FILE_LEN, l->content[0].p, FILE_LEN);

	const struct file_verdict *f = judge_received(l, bytes, (size_t)2 * FILE_LEN);

	assert_says(f->receiver.reason, "written 2 times over");
	assert_int_equal(ranges_total(&f->receiver.repeated), FILE_LEN);
	lab_free(l);
}

static void extra_bytes(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free uint8_t *bytes = array_new(1, FILE_LEN + 3);

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	assert_says(judge_received(l, bytes, FILE_LEN + 3)->receiver.reason, "3 bytes too many");
	lab_free(l);
}

static void hole(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free uint8_t *bytes = array_new(1, FILE_LEN);

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	memset(bytes + LAB_CHUNK, 0, LAB_CHUNK);

	const struct file_verdict *f = judge_received(l, bytes, FILE_LEN);

	assert_says(f->receiver.reason, "never written");
	assert_int_equal(f->receiver.missing.r[0].first, LAB_CHUNK);
	lab_free(l);
}

static void absent(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->reasons[0], "the file is not there");
	assert_layers(&v->files[0], OUTCOME_FAIL, OUTCOME_PASS, OUTCOME_PASS);
	lab_free(l);
}

static void no_regular_file(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free char *link = text_format("%s/received/alpine-2/pictures/1.bin", l->dir);

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive(l, 0, "other", "x", 1);
	assert_int_equal(symlink(l->files[0].path, link), 0);
	assert_says(lab_judge(l)->files[0].reason, "a symbolic link, not a regular file");
	lab_free(l);
}

/* ---- what the network does ---- */

static void lost_and_repaired(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.lose = 4, .repair = true));
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_PASS, OUTCOME_PASS);
	assert_int_equal(v->files[0].outcome, OUTCOME_PASS);
	assert_int_equal(v->repairs, 1);
	assert_int_equal(v->lost, 1);
	/* A clean link does not lose: the ledger has no cause to give. */
	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_int_equal(v->ledger.unexplained, 1);
	assert_says(v->reasons[0], "alpine-1 to alpine-2");
	lab_free(l);
}

static void lost_for_good(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free uint8_t *bytes = array_new(1, FILE_LEN);

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	memset(bytes + (size_t)3 * LAB_CHUNK, 0, LAB_CHUNK);
	lab_transfer(l, LAB_FLOW(.lose = 4));
	lab_receive(l, 0, "1.bin", bytes, FILE_LEN);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_layers(&v->files[0], OUTCOME_FAIL, OUTCOME_FAIL, OUTCOME_PASS);
	assert_says(v->reasons[0], "between alpine-1/eth0 and alpine-2/eth0");
	assert_int_equal(v->files[0].capture.missing.r[0].first, 3 * LAB_CHUNK);
	assert_int_equal(v->files[0].capture.missing.r[0].last, 4 * LAB_CHUNK - 1);
	lab_free(l);
}

static void damaged_on_the_way(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.damage = 3, .repair = true));
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_PASS, OUTCOME_PASS);
	assert_int_equal(v->files[0].datagrams.corrupted, 1);
	assert_int_equal(v->ledger.nodes[1].checksum, 1);
	lab_free(l);
}

static void duplicated(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.twice = 6));
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_int_equal(v->files[0].outcome, OUTCOME_PASS);
	assert_int_equal(v->files[0].datagrams.duplicated, 1);
	assert_int_equal(v->files[0].datagrams.lost, 0);
	assert_int_equal(v->files[0].capture.repeated.r[0].first, 5 * LAB_CHUNK);
	lab_free(l);
}

/* ---- what senders do ---- */

static void sender_lies(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	cleanup_free uint8_t *bytes = array_new(1, FILE_LEN);

	(void)state;
	memcpy(bytes, l->content[0].p, FILE_LEN);
	bytes[2 * LAB_CHUNK + LAB_CHUNK / 2] ^= 0xff;
	lab_transfer(l, LAB_FLOW(.alter = 3));
	lab_receive(l, 0, "1.bin", bytes, FILE_LEN);

	const struct run_verdict *v = lab_judge(l);
	struct sha256 digest;

	assert_outcome(v, OUTCOME_FAIL);
	assert_layers(&v->files[0], OUTCOME_FAIL, OUTCOME_FAIL, OUTCOME_FAIL);
	assert_says(v->reasons[0], "the sender sent something else");
	assert_int_equal(v->files[0].sender.first_difference, 2 * LAB_CHUNK + LAB_CHUNK / 2);
	sha256_of(bytes, FILE_LEN, &digest);
	assert_true(v->files[0].capture.has_digest);
	assert_memory_equal(&v->files[0].capture.digest, &digest, SHA256_LEN);
	assert_memory_equal(&v->files[0].sender.digest, &digest, SHA256_LEN);
	lab_free(l);
}

static void never_sent(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_add_random(l, "2.bin", 10);
	lab_transfer(l, LAB_FLOW(.file = 1));
	lab_receive_source(l, 0, 1);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->reasons[0], "the sender did not send all of it");
	assert_says(v->reasons[0], "1.bin");
	assert_int_equal(v->files[1].outcome, OUTCOME_PASS);
	lab_free(l);
}

static void second_attempt(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.lose = 2, .id = 1));
	lab_transfer(l, LAB_FLOW(.id = 2, .port = 43211));
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_layers(&v->files[0], OUTCOME_PASS, OUTCOME_PASS, OUTCOME_PASS);
	assert_int_equal(v->files[0].datagrams.sent, 22);
	lab_free(l);
}

/* ---- the source, the programs' words, what flows look like ---- */

static void source_changed(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	lab_write(l->files[0].path, "other", 5);
	assert_outcome(lab_judge(l), OUTCOME_INCONCLUSIVE);
	assert_says(l->verdict.reasons[0], "has changed since the topology was loaded");
	lab_free(l);
}

static void words_and_times_of_reports(void **state)
{
	static const char report[] =
		"{\"program\":\"udp-send\",\"transfers\":[{\"file\":\"1.bin\",\"to\":"
		"\"192.168.122.223\",\"status\":\"failed\",\"error\":\"port unreachable\","
		"\"started_real_ns\":1000,\"ended_real_ns\":6000}]}";
	struct vlab *l = one_file(0);
	cleanup_free char *path = text_format("%s/1.json", l->dir);

	(void)state;
	lab_write(path, report, sizeof(report) - 1);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->files[0].reason, "port unreachable");
	assert_int_equal(v->files[0].time_ns, 5000);
	lab_free(l);
}

static void kernel_dropped(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	const struct lab_flow *f = LAB_FLOW(.to = 0);

	(void)state;
	lab_open(l, f);
	l->full = true;
	lab_chunk(l, f, 1, 0);
	for (size_t i = 2; i <= 11; i++)
		lab_chunk(l, f, i, 0);
	lab_chunk(l, f, 1, PROTOCOL_FLAG_RETX);
	lab_finish(l, f);
	lab_receive_source(l, 0, 0);
	l->evidence->sockets[0].drops = 1;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_int_equal(v->ledger.nodes[1].rcvbuf, 1);
	assert_string_equal(v->ledger.nodes[1].rcvbuf_place, "udp-recv, port 10000");
	assert_int_equal(v->lost, 1);
	assert_int_equal(v->repairs, 1);
	lab_free(l);
}

static void unread_needs_a_reason(void **state)
{
	struct vlab *l = one_file(SNAPLEN);

	(void)state;
	l->unread = true;
	lab_transfer(l, LAB_FLOW(.to = 0));
	lab_receive_source(l, 0, 0);
	assert_outcome(lab_judge(l), OUTCOME_INCONCLUSIVE);
	assert_int_equal(l->verdict.ledger.unexplained, 1);

	const struct judge_input in = { &l->topology, l->evidence, l->dir };

	l->evidence->sockets[0].queued = 300;
	run_verdict_done(&l->verdict);
	judge_run(&in, &l->verdict);
	assert_outcome(&l->verdict, OUTCOME_PASS);
	assert_int_equal(l->verdict.ledger.nodes[1].unread, 1);
	lab_free(l);
}

/* An answer that comes when the sender has its confirmation may find nobody. */
static void late_answer_is_explained(void **state)
{
	struct vlab *l = one_file(SNAPLEN);
	static const uint8_t p[PROTOCOL_FIN_ACK_LENGTH];

	(void)state;
	lab_transfer(l, LAB_FLOW(.to = 0));
	l->unread = true;
	lab_answer(l, LAB_FLOW(.to = 0), PROTOCOL_FIN_ACK, p, sizeof(p));
	lab_receive_source(l, 0, 0);
	assert_outcome(lab_judge(l), OUTCOME_PASS);
	assert_int_equal(l->verdict.ledger.nodes[0].unread, 1);
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(flipped_byte),
		cmocka_unit_test(truncated),
		cmocka_unit_test(written_twice),
		cmocka_unit_test(extra_bytes),
		cmocka_unit_test(hole),
		cmocka_unit_test(absent),
		cmocka_unit_test(no_regular_file),
		cmocka_unit_test(lost_and_repaired),
		cmocka_unit_test(lost_for_good),
		cmocka_unit_test(damaged_on_the_way),
		cmocka_unit_test(duplicated),
		cmocka_unit_test(sender_lies),
		cmocka_unit_test(never_sent),
		cmocka_unit_test(second_attempt),
		cmocka_unit_test(source_changed),
		cmocka_unit_test(words_and_times_of_reports),
		cmocka_unit_test(kernel_dropped),
		cmocka_unit_test(unread_needs_a_reason),
		cmocka_unit_test(late_answer_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
