/* Tests of src/verify: bare chunks, known by their content alone. */
#include "unit/verify_send.h"

#define SNAPLEN 262144
#define CHUNK	1024

/* The coursework's pictures, by size: 10 and 20 chunks, the last ones short. */
#define LEN_1 9882
#define LEN_2 20148

static struct vlab *two_files(size_t n_to)
{
	struct vlab *l = lab_new(n_to, FORMAT_RAW, SNAPLEN);

	lab_add_random(l, "1.bin", LEN_1);
	lab_add_random(l, "2.bin", LEN_2);
	return l;
}

static size_t n_chunks(const struct vlab *l, size_t file)
{
	return (l->content[file].len + CHUNK - 1) / CHUNK;
}

static size_t chunk_len(const struct vlab *l, size_t file, size_t chunk)
{
	size_t left = l->content[file].len - chunk * CHUNK;

	return left < CHUNK ? left : CHUNK;
}

/* One chunk, from 0; what arrives is appended to the flow's file at each receiver. */
static void send_chunk(struct vlab *l, const struct lab_way *w, size_t file, size_t chunk,
		       struct text *written)
{
	const uint8_t *bytes = l->content[file].p + chunk * CHUNK;
	size_t len = chunk_len(l, file, chunk);
	bool arrives = !l->lose && !l->damage && !l->full;

	if (arrives && written != NULL)
		text_add_bytes(written, bytes, len);
	lab_send(l, w, bytes, len);
}

static void finish(struct vlab *l, size_t to, uint16_t port, struct text *written)
{
	cleanup_free char *name = text_format("192.168.122.72-%u.bin", port);

	lab_receive(l, to, name, written->s, written->len);
}

/* Both files in turns from one socket to everyone; `lose` (from 1) of the first file is lost. */
static void send_interleaved(struct vlab *l, size_t lose, struct text *written)
{
	const struct lab_way w = { 0, LAB_NODES, 43210, LAB_PORT };

	l->transfer.broadcast = l->transfer.shared_socket = true;
	for (size_t i = 0; i < n_chunks(l, 1); i++) {
		l->lose = lose == i + 1;
		if (i < n_chunks(l, 0))
			send_chunk(l, &w, 0, i, written);
		send_chunk(l, &w, 1, i, written);
	}
}

static void interleaved(void **state)
{
	struct vlab *l = two_files(2);
	struct text written = { 0 };

	(void)state;
	send_interleaved(l, 0, &written);
	finish(l, 0, 43210, &written);
	finish(l, 1, 43210, &written);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_int_equal(v->files_whole, 4);
	assert_string_equal(v->format, "raw");
	assert_int_equal(v->n_notes, 2);
	assert_string_equal(v->notes[1],
			    "alpine-3: 1.bin 10 of 10 chunks, 2.bin 20 of 20 chunks, interleaved "
			    "19 times in one flow from 192.168.122.72:43210 by broadcast");
	assert_int_equal(v->files[0].datagrams.sent, 10);
	assert_int_equal(v->files[0].datagrams.interleaved, 19);
	assert_memory_equal(&v->files[1].receiver.digest, &v->files[1].digest, SHA256_LEN);
	assert_true(v->time_ns > 0);
	text_done(&written);
	lab_free(l);
}

static void interleaved_with_loss(void **state)
{
	struct vlab *l = two_files(2);
	struct text written = { 0 };

	(void)state;
	send_interleaved(l, 4, &written);
	finish(l, 0, 43210, &written);
	finish(l, 1, 43210, &written);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->files_whole, 2);
	assert_int_equal(v->lost, 2);
	assert_int_equal(v->files[0].sender.outcome, OUTCOME_PASS);
	assert_int_equal(v->files[0].capture.outcome, OUTCOME_FAIL);
	assert_int_equal(v->files[0].datagrams.lost_chunks.n, 1);
	assert_int_equal(v->files[0].datagrams.lost_chunks.r[0].first, 3);
	assert_int_equal(v->files[0].receiver.missing.r[0].first, 3 * CHUNK);
	assert_int_equal(v->files[1].outcome, OUTCOME_PASS);
	assert_says(v->reasons[0], "between alpine-1/eth0 and alpine-2/eth0");
	assert_says(v->notes[0], "1.bin 9 of 10 chunks");
	text_done(&written);
	lab_free(l);
}

/* A byte of a chunk in the middle of what was written: the chunks behind it are still found. */
static void damaged_by_the_receiver(void **state)
{
	struct vlab *l = two_files(1);
	struct text written = { 0 };

	(void)state;
	send_interleaved(l, 0, &written);
	written.s[2 * CHUNK + 100] ^= 1; /* the second chunk of 1.bin */
	finish(l, 0, 43210, &written);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->n_files, 2);
	assert_int_equal(v->files[0].outcome == OUTCOME_FAIL, v->files[1].outcome != OUTCOME_FAIL);
	assert_says(v->reasons[0], "the receiver damaged it");
	assert_int_equal(v->files[0].capture.outcome, OUTCOME_PASS);
	text_done(&written);
	lab_free(l);
}

static void send_alone(struct vlab *l, size_t to, size_t file, uint16_t port, struct text *written)
{
	const struct lab_way w = { 0, l->to[to], port, LAB_PORT };

	for (size_t i = 0; i < n_chunks(l, file); i++)
		send_chunk(l, &w, file, i, written);
}

static void own_flows(void **state)
{
	struct vlab *l = two_files(2);

	(void)state;
	for (size_t to = 0; to < 2; to++)
		for (size_t f = 0; f < 2; f++) {
			uint16_t port = (uint16_t)(50000 + 2 * to + f);
			struct text written = { 0 };

			send_alone(l, to, f, port, &written);
			finish(l, to, port, &written);
			text_done(&written);
		}

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_says(v->notes[0], "1.bin 10 of 10 chunks, a flow of its own from "
				 "192.168.122.72:50000, 2.bin 20 of 20 chunks");
	assert_int_equal(v->files[0].datagrams.interleaved, 0);
	lab_free(l);
}

static void one_byte_of_a_flow_of_its_own(void **state)
{
	struct vlab *l = two_files(1);
	struct text written[2] = { 0 };

	(void)state;
	for (size_t f = 0; f < 2; f++)
		send_alone(l, 0, f, (uint16_t)(50000 + f), &written[f]);
	written[0].s[4941] ^= 0x10;
	for (size_t f = 0; f < 2; f++) {
		finish(l, 0, (uint16_t)(50000 + f), &written[f]);
		text_done(&written[f]);
	}

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->files[0].reason, "1 byte differs at offset 4941");
	assert_says(v->files[0].reason, "the receiver damaged it");
	assert_int_equal(v->files[0].receiver.first_difference, 4941);
	assert_int_equal(v->files[1].outcome, OUTCOME_PASS);
	lab_free(l);
}

static void duplicates_disorder_damage(void **state)
{
	const struct lab_way w = { 0, 1, 43210, LAB_PORT };
	static const size_t order[] = { 0, 2, 1, 3, 4, 4, 5, 6, 7, 8, 9 };
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct text written = { 0 };

	(void)state;
	lab_add_random(l, "1.bin", LEN_1);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		l->damage = order[i] == 7;
		send_chunk(l, &w, 0, order[i], &written);
	}
	finish(l, 0, 43210, &written);

	const struct run_verdict *v = lab_judge(l);
	const struct datagram_account *d = &v->files[0].datagrams;

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(d->sent, 11);
	assert_int_equal(d->duplicated, 1);
	assert_int_equal(d->reordered, 1);
	assert_int_equal(d->corrupted, 1);
	assert_int_equal(d->lost, 1);
	assert_int_equal(d->lost_chunks.r[0].first, 7);
	text_done(&written);
	lab_free(l);
}

static void kernel_had_no_room(void **state)
{
	const struct lab_way w = { 0, 1, 43210, LAB_PORT };
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct text written = { 0 };

	(void)state;
	lab_add_random(l, "1.bin", LEN_1);
	for (size_t i = 0; i < 10; i++) {
		l->full = i == 5;
		send_chunk(l, &w, 0, i, &written);
	}
	finish(l, 0, 43210, &written);
	l->evidence->sockets[0].drops = 1;

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_says(v->reasons[0], "receive buffer full (udp-recv, port 10000)");
	assert_int_equal(v->files[0].capture.outcome, OUTCOME_PASS);
	assert_int_equal(v->files[0].datagrams.lost, 1);
	assert_int_equal(v->ledger.outcome, OUTCOME_PASS);
	text_done(&written);
	lab_free(l);
}

/* Every chunk is like every other: they are given their places in the order they come. */
static void zeros(void **state)
{
	static const uint8_t none[20 * CHUNK];
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct text written = { 0 };

	(void)state;
	lab_add_file(l, "1.bin", none, sizeof(none));
	lab_add_file(l, "2.bin", none, sizeof(none));
	for (size_t i = 0; i < 20; i++) {
		const struct lab_way a = { 0, 1, 50000, LAB_PORT }, b = { 0, 1, 50001, LAB_PORT };

		l->lose = i == 11;
		send_chunk(l, &a, 0, i, &written);
		send_chunk(l, &b, 1, i, NULL);
	}
	finish(l, 0, 50000, &written);
	finish(l, 0, 50001, &(struct text){ (char *)l->content[1].p, sizeof(none), 0 });

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->files_whole, 1);
	assert_int_equal(v->files[1].outcome, OUTCOME_PASS);
	assert_int_equal(v->files[0].datagrams.lost, 1);
	assert_says(v->files[0].receiver.reason, "truncated");
	text_done(&written);
	lab_free(l);
}

static void nothing_written(void **state)
{
	static char program[] = "server.py";
	static char *command[] = { program, NULL };
	struct vlab *l = two_files(1);

	(void)state;
	send_interleaved(l, 0, NULL);
	assert_outcome(lab_judge(l), OUTCOME_FAIL);
	assert_says(l->verdict.reasons[0], "the file is not there");
	lab_free(l);

	/* A stranger's program is not expected to. */
	l = two_files(1);
	l->transfer.receiver = command;
	send_interleaved(l, 0, NULL);
	assert_outcome(lab_judge(l), OUTCOME_PASS);
	assert_int_equal(l->verdict.files[0].receiver.outcome, OUTCOME_SKIP);
	lab_free(l);
}

static void empty_file(void **state)
{
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct text written = { 0 };

	(void)state;
	lab_add_random(l, "empty", 0);
	lab_add_random(l, "1.bin", 2048);
	send_alone(l, 0, 1, 50000, &written);
	finish(l, 0, 50000, &written);
	assert_outcome(lab_judge(l), OUTCOME_PASS);
	assert_int_equal(l->verdict.files_whole, 2);
	text_done(&written);
	lab_free(l);
}

static void sender_sent_other_bytes(void **state)
{
	const struct lab_way w = { 0, 1, 43210, LAB_PORT };
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct text written = { 0 };

	(void)state;
	lab_add_random(l, "1.bin", LEN_1);
	l->content[0].p[3 * CHUNK + 5] ^= 1; /* the source has another byte */
	send_alone(l, 0, 0, w.from_port, &written);
	finish(l, 0, w.from_port, &written);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->files[0].sender.outcome, OUTCOME_FAIL);
	assert_says(v->reasons[0], "the sender");
	assert_says(v->reasons[0], "other bytes were seen");
	assert_int_equal(v->files[0].datagrams.corrupted, 1);
	text_done(&written);
	lab_free(l);
}

/* ---- what links did ---- */

static void links_say_where_chunks_went(void **state)
{
	const struct lab_way w = { 0, 1, 43210, LAB_PORT };
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct lab_link *sender = lab_engine(l, 0, ENGINE_USER);
	struct lab_link *receiver = lab_engine(l, 1, ENGINE_USER);
	struct text written = { 0 };

	(void)state;
	lab_add_random(l, "1.bin", LEN_1);
	l->interfaces[1].impairments[LINK_IN].loss = 0.25;
	for (size_t i = 0; i < 10; i++) {
		bool out = i == 3 || i == 5, in = i == 8, flip = i == 7;

		sender->next[LINK_OUT].cause = out ? CAUSE_LISTED : CAUSE_NONE;
		receiver->next[LINK_IN].cause = in ? CAUSE_LOSS : CAUSE_NONE;
		receiver->next[LINK_IN].flip = flip ? 800 : 0;
		send_chunk(l, &w, 0, i, out || in || flip ? NULL : &written);
	}
	finish(l, 0, 43210, &written);

	const struct run_verdict *v = lab_judge(l);
	cleanup_free char *dropped = text_format("chunks 3, 5 lost on alpine-1/eth0 out: %s",
						 link_cause_name(CAUSE_LISTED));

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->lost, 4);
	assert_int_equal(v->ledger.outcome, OUTCOME_PASS);
	assert_says(v->reasons[0], dropped);
	assert_says(v->reasons[0], "chunk 8 lost on alpine-2/eth0 in: loss 25%");
	assert_says(v->reasons[0], "chunk 7 corrupted on alpine-2/eth0 in");
	text_done(&written);
	lab_free(l);
}

/* A broadcast is lost for all by the sender's link, and for one by the receiver's. */
static void links_and_broadcasts(void **state)
{
	struct vlab *l = two_files(2);
	struct lab_link *sender = lab_engine(l, 0, ENGINE_USER);
	struct lab_link *receiver = lab_engine(l, 2, ENGINE_USER);
	const struct lab_way w = { 0, LAB_NODES, 43210, LAB_PORT };
	struct text written[2] = { 0 };

	(void)state;
	l->transfer.broadcast = l->transfer.shared_socket = true;
	for (size_t f = 0; f < 2; f++)
		for (size_t i = 0; i < n_chunks(l, f); i++) {
			bool out = f == 0 && i == 2, in = f == 0 && i == 6;

			sender->next[LINK_OUT].cause = out ? CAUSE_EVERY : CAUSE_NONE;
			receiver->next[LINK_IN].cause = in ? CAUSE_BURST : CAUSE_NONE;
			send_chunk(l, &w, f, i, NULL);
			for (size_t to = 0; to < 2; to++)
				if (!out && !(in && to == 1))
					text_add_bytes(&written[to], l->content[f].p + i * CHUNK,
						       chunk_len(l, f, i));
		}
	for (size_t to = 0; to < 2; to++) {
		finish(l, to, 43210, &written[to]);
		text_done(&written[to]);
	}

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->ledger.unexplained, 0);
	assert_int_equal(v->lost, 3);
	assert_says(v->files[0].reason, "chunk 2 lost on alpine-1/eth0 out");
	assert_null(strstr(v->files[0].reason, "chunk 6"));
	assert_says(v->files[2].reason, "chunk 2 lost on alpine-1/eth0 out");
	assert_says(v->files[2].reason, "chunk 6 lost on alpine-3/eth0 in: burst");
	assert_int_equal(v->files[1].outcome, OUTCOME_PASS);
	lab_free(l);
}

/* Nobody damaged it: it came like that. */
static void order_is_to_blame(void **state)
{
	const struct lab_way w = { 0, 1, 43210, LAB_PORT };
	static const size_t order[] = { 0, 2, 1, 3, 4, 4, 5, 6, 7, 8, 9 };
	struct vlab *l = lab_new(1, FORMAT_RAW, SNAPLEN);
	struct text written = { 0 };

	(void)state;
	lab_add_random(l, "1.bin", LEN_1);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		send_chunk(l, &w, 0, order[i], &written);
	finish(l, 0, 43210, &written);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->files[0].capture.outcome, OUTCOME_PASS);
	assert_says(v->reasons[0], "the receiver wrote what arrived at alpine-2/eth0, as it "
				   "arrived: 1 out of order, 1 more than once");
	lab_free(l);

	/* The same, and the receiver damaged it as well. */
	l = lab_new(1, FORMAT_RAW, SNAPLEN);
	lab_add_random(l, "1.bin", LEN_1);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		send_chunk(l, &w, 0, order[i], NULL);
	written.s[5 * CHUNK + 7] ^= 1;
	finish(l, 0, 43210, &written);
	assert_outcome(lab_judge(l), OUTCOME_FAIL);
	assert_says(l->verdict.reasons[0], "the receiver damaged it");
	text_done(&written);
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interleaved),
		cmocka_unit_test(interleaved_with_loss),
		cmocka_unit_test(damaged_by_the_receiver),
		cmocka_unit_test(own_flows),
		cmocka_unit_test(one_byte_of_a_flow_of_its_own),
		cmocka_unit_test(duplicates_disorder_damage),
		cmocka_unit_test(kernel_had_no_room),
		cmocka_unit_test(zeros),
		cmocka_unit_test(nothing_written),
		cmocka_unit_test(empty_file),
		cmocka_unit_test(sender_sent_other_bytes),
		cmocka_unit_test(links_say_where_chunks_went),
		cmocka_unit_test(links_and_broadcasts),
		cmocka_unit_test(order_is_to_blame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
