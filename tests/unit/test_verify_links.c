/* Tests of src/verify: impaired links, what their engines did and what they say they did. */
#include "unit/verify_send.h"

#define FILE_LEN (10 * LAB_CHUNK + 100)
#define CHUNKS	 11
#define SNAPLEN	 262144

/* Of alpine-1, which sends, and of alpine-2, which receives. */
enum { SENDER, RECEIVER };

static struct vlab *impaired(unsigned snaplen)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, snaplen);

	lab_add_random(l, "1.bin", FILE_LEN);
	lab_engine(l, 0, ENGINE_USER);
	lab_engine(l, 1, ENGINE_USER);
	return l;
}

/* Chunk 4 has this fate and is sent again when it was lost or damaged. */
static void transfer(struct vlab *l, size_t link, enum direction d, const struct lab_fate *fate)
{
	const struct lab_flow flow = { .to = 0 };

	l->packet = 0;
	lab_open(l, &flow);
	for (size_t i = 1; i <= CHUNKS; i++) {
		if (i == 4)
			l->links[link].next[d] = *fate;
		lab_chunk(l, &flow, i, 0);
	}
	if (fate->cause != CAUSE_NONE || fate->flip != 0)
		lab_chunk(l, &flow, 4, PROTOCOL_FLAG_RETX);
	lab_finish(l, &flow);
	lab_receive_source(l, 0, 0);
}

#define FATE(...) (&(const struct lab_fate){ __VA_ARGS__ })

static const struct link_account *row(const struct run_verdict *v, size_t link, enum direction d)
{
	assert_true(v->ledger.n_links > link * 2 + d);
	return &v->ledger.links[link * 2 + d];
}

static void clean(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_int_equal(v->ledger.outcome, OUTCOME_PASS);
	assert_int_equal(v->ledger.n_links, 4);
	assert_int_equal(v->ledger.n_networks, 2);
	assert_int_equal(v->n_captures, 5);
	/* OPEN, DATA, FIN, CLOSE one way, OPEN_ACK and FIN_ACK the other. */
	assert_int_equal(row(v, SENDER, LINK_OUT)->before, CHUNKS + 3);
	assert_int_equal(row(v, SENDER, LINK_OUT)->seen, CHUNKS + 3);
	assert_int_equal(row(v, SENDER, LINK_OUT)->after, CHUNKS + 3);
	assert_int_equal(row(v, SENDER, LINK_IN)->after, 2);
	assert_int_equal(row(v, RECEIVER, LINK_IN)->before, CHUNKS + 3);
	assert_int_equal(row(v, RECEIVER, LINK_OUT)->seen, 2);
	assert_string_equal(row(v, SENDER, LINK_OUT)->engine, "user (packet rings, SCHED_FIFO)");
	assert_string_equal(v->links_table, "links.tsv");
	assert_int_equal(v->lost, 0);
	lab_free(l);
}

static void every_cause(void **state)
{
	for (size_t i = CAUSE_NONE + 1; i < 2 * N_CAUSES; i++) {
		struct vlab *l = impaired(i % 2 == 0 ? SNAPLEN : 128);
		enum link_cause cause = (enum link_cause)(i % N_CAUSES);
		bool out = i < N_CAUSES;
		size_t link = out ? SENDER : RECEIVER;
		enum direction d = out ? LINK_OUT : LINK_IN;

		(void)state;
		transfer(l, link, d, FATE(.cause = cause));

		const struct run_verdict *v = lab_judge(l);

		assert_outcome(v, OUTCOME_PASS);
		assert_int_equal(v->ledger.unexplained, 0);
		if (cause != CAUSE_NONE) {
			assert_int_equal(row(v, link, d)->lost[cause], 1);
			assert_int_equal(link_account_lost(row(v, link, d)), 1);
			assert_int_equal(row(v, link, d)->before, row(v, link, d)->after + 1);
			assert_says(row(v, link, d)->rules[cause], link_cause_name(cause));
		}
		assert_int_equal(v->lost, cause != CAUSE_NONE);
		assert_int_equal(v->repairs, cause != CAUSE_NONE);
		assert_int_equal(v->ledger.networks[0].lost, 0);
		lab_free(l);
	}
}

static void rules_are_those_of_the_topology(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct impairment *out = &l->interfaces[0].impairments[LINK_OUT];

	(void)state;
	out->loss = 0.3;
	out->drop_every = 7;
	out->mtu = 1400;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_LOSS));

	const struct run_verdict *v = lab_judge(l);

	assert_string_equal(row(v, SENDER, LINK_OUT)->rules[CAUSE_LOSS], "loss 30%");
	assert_says(row(v, SENDER, LINK_OUT)->rules[CAUSE_EVERY], " 7");
	assert_says(row(v, SENDER, LINK_OUT)->rules[CAUSE_MTU], " 1400");
	assert_says(row(v, SENDER, LINK_OUT)->rules[CAUSE_QUEUE], "queue full");
	lab_free(l);
}

static void duplicated(void **state)
{
	(void)state;
	for (size_t link = SENDER; link <= RECEIVER; link++) {
		struct vlab *l = impaired(SNAPLEN);
		enum direction d = link == SENDER ? LINK_OUT : LINK_IN;

		transfer(l, link, d, FATE(.twice = true, .reordered = true));

		const struct run_verdict *v = lab_judge(l);

		assert_outcome(v, OUTCOME_PASS);
		assert_int_equal(row(v, link, d)->duplicated, 1);
		assert_int_equal(row(v, link, d)->reordered, 1);
		assert_int_equal(row(v, link, d)->after, CHUNKS + 4);
		assert_int_equal(v->files[0].datagrams.duplicated, 1);
		assert_int_equal(v->files[0].datagrams.arrived, CHUNKS + 1);
		assert_int_equal(v->lost, 0);
		lab_free(l);
	}
}

/* Bit by bit through the headers of every layer, and some of the payload. */
static void corrupted(void **state)
{
	(void)state;
	for (unsigned bit = 14 * 8; bit < 90 * 8; bit += bit < 42 * 8 ? 1 : 7) {
		size_t link = bit % 2 == 0 ? SENDER : RECEIVER;
		enum direction d = link == SENDER ? LINK_OUT : LINK_IN;
		struct vlab *l = impaired(SNAPLEN);

		transfer(l, link, d, FATE(.flip = bit));

		const struct run_verdict *v = lab_judge(l);

		if (v->outcome != OUTCOME_PASS)
			print_message("bit %u of byte %u\n", bit % 8, bit / 8);
		assert_outcome(v, OUTCOME_PASS);
		assert_int_equal(v->ledger.unexplained, 0);
		assert_int_equal(row(v, link, d)->corrupted, 1);
		assert_int_equal(v->lost, 1);
		lab_free(l);
	}
}

/* Captures keep 128 bytes of each packet, and the flipped bit is behind those: the log knows. */
static void corrupted_out_of_sight(void **state)
{
	(void)state;
	for (size_t link = SENDER; link <= RECEIVER; link++) {
		enum direction d = link == SENDER ? LINK_OUT : LINK_IN;
		struct vlab *l = impaired(128);

		transfer(l, link, d, FATE(.flip = 700 * 8));

		const struct run_verdict *v = lab_judge(l);

		assert_outcome(v, OUTCOME_PASS);
		assert_int_equal(v->files[0].datagrams.sent, CHUNKS + 1);
		assert_int_equal(v->files[0].datagrams.arrived, CHUNKS);
		assert_int_equal(v->files[0].datagrams.corrupted, 1);
		assert_int_equal(v->lost, 1);
		lab_free(l);
	}
}

/* A duplicate that was held until the run was over: made and lost for the engine, unmade in the log. */
static void unmade_duplicate(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct direction_evidence *d = &l->evidence->links[SENDER].directions[LINK_OUT];

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));
	d->duplicated++;
	d->lost[CAUSE_STOPPED]++;
	assert_outcome(lab_judge(l), OUTCOME_PASS);
	lab_free(l);
}

static void wrong_length_has_a_column(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.flip = 38 * 8 + 7));

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_string_equal(v->ledger.nodes[1].node, "alpine-2");
	assert_int_equal(v->ledger.nodes[1].malformed, 1);
	assert_int_equal(v->ledger.nodes[1].checksum, 0);
	lab_free(l);
}

/* ---- logs and captures that lie ---- */

static void assert_doubt(struct vlab *l, const char *reason)
{
	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_int_equal(v->files[0].outcome, OUTCOME_PASS);
	assert_says(v->ledger.reason, reason);
	lab_free(l);
}

static void log_lies(void **state)
{
	static const struct lab_fate lies[] = {
		{ .unlogged = true },
		{ .logged_twice = true },
		{ .wrong_hash = true },
		{ .cause = CAUSE_LOSS, .unlogged = true },
		{ .twice = true, .wrong_hash = true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++)
		for (size_t link = SENDER; link <= RECEIVER; link++) {
			struct vlab *l = impaired(SNAPLEN);

			transfer(l, link, link == SENDER ? LINK_OUT : LINK_IN, &lies[i]);
			assert_doubt(l, link == SENDER ? "alpine-1/eth0 out" : "alpine-2/eth0 in");
		}
}

/* Counters and log agree, so it must be the frames themselves that do not. */
static void frames_that_no_witness_confirms(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.wrong_hash = true));

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_int_equal(row(v, SENDER, LINK_OUT)->unexplained, 2);
	assert_int_equal(v->ledger.unexplained, 2);
	assert_int_equal(v->ledger.networks[0].unexplained, 0);
	assert_says(v->ledger.reason, "alpine-1/eth0 out: 14 frames came, the link engine saw 14, "
				      "lost 0 and duplicated 0, 14 left: 2 unexplained");
	lab_free(l);
}

static void far_capture_misses_one(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct lab_flow flow = { .to = 0 };

	(void)state;
	flow.hide_out = 3;
	lab_transfer(l, &flow);
	lab_receive_source(l, 0, 0);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_int_equal(row(v, SENDER, LINK_OUT)->unexplained, 1);
	lab_free(l);
}

static void lost_in_the_network(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	lab_transfer(l, LAB_FLOW(.lose = 4, .repair = true));
	lab_receive_source(l, 0, 0);
	assert_doubt(l, "alpine-1 to alpine-2: 15 datagrams sent, 14 arrived: 1 unexplained");
}

static void counters_must_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < 7; i++) {
		struct vlab *l = impaired(SNAPLEN);
		struct direction_evidence *d = &l->evidence->links[RECEIVER].directions[LINK_IN];

		transfer(l, RECEIVER, LINK_IN, FATE(.cause = CAUSE_QUEUE));
		d->arrived += i == 0;
		d->left += i == 1;
		d->lost[CAUSE_QUEUE] += i == 2;
		d->lost[CAUSE_MEMORY] += i == 3;
		d->duplicated += i == 4;
		d->missed += i == 5;
		d->refused += i == 6;
		assert_doubt(l, i < 5 ? "counted" : "send slower");
	}
}

static void engine_died(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));
	l->evidence->wire.complete = false;
	lab_copy(l->evidence->wire.error, sizeof(l->evidence->wire.error), "killed by SIGKILL");
	assert_doubt(l, "did not come to its end: killed by SIGKILL: run it again");
}

static void log_cannot_be_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vlab *l = impaired(SNAPLEN);
		cleanup_free char *path = text_format("%s/links.log", l->dir);
		struct stat st;
		struct err e;

		transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));
		assert_int_equal(log_writer_close(take_ptr(l->log), &e), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(i == 0 ? unlink(path) : truncate(path, st.st_size - 8), 0);
		assert_doubt(l, "the link engine's log: ");
	}
}

static void incomplete_far_capture(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));
	l->evidence->captures[LAB_NODES].dropped = 1;

	const struct run_verdict *v = lab_judge(l);

	/* What the node's own capture proves stays proved. */
	assert_outcome(v, OUTCOME_INCONCLUSIVE);
	assert_int_equal(v->files[0].outcome, OUTCOME_PASS);
	assert_int_equal(v->captures[LAB_NODES].outcome, OUTCOME_INCONCLUSIVE);
	lab_free(l);
}

static void captures_off(void **state)
{
	struct vlab *l = impaired(0);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_LOSS));

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_PASS);
	assert_int_equal(v->ledger.outcome, OUTCOME_SKIP);
	assert_false(row(v, SENDER, LINK_OUT)->captured);
	assert_int_equal(row(v, SENDER, LINK_OUT)->lost[CAUSE_LOSS], 1);
	lab_free(l);

	l = impaired(0);
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_LOSS));
	l->evidence->links[0].directions[LINK_OUT].missed = 1;
	assert_doubt(l, "no room for 1 frames");
}

/* ---- netem ---- */

static struct vlab *netem(const struct lab_fate *fate)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, SNAPLEN);

	lab_add_random(l, "1.bin", FILE_LEN);
	lab_engine(l, 0, ENGINE_NETEM);
	transfer(l, SENDER, LINK_OUT, fate);
	return l;
}

static void netem_counts(void **state)
{
	struct vlab *l = netem(FATE(.cause = CAUSE_LOSS));
	const struct run_verdict *v = lab_judge(l);

	(void)state;
	assert_outcome(v, OUTCOME_PASS);
	assert_string_equal(row(v, SENDER, LINK_OUT)->engine, "netem");
	assert_int_equal(row(v, SENDER, LINK_OUT)->lost[CAUSE_LOSS], 1);
	assert_int_equal(row(v, SENDER, LINK_OUT)->before, CHUNKS + 4);
	assert_int_equal(row(v, SENDER, LINK_OUT)->after, CHUNKS + 3);
	assert_null(v->links_table);
	lab_free(l);

	l = netem(FATE(.cause = CAUSE_LOSS));
	l->evidence->links[0].directions[LINK_OUT].lost[CAUSE_LOSS] = 0;
	assert_doubt(l, "alpine-1/eth0 out: 15 frames came");

	/* It does not count what it sends twice, and may do that only when it was told to. */
	l = netem(FATE(.twice = true));
	l->evidence->links[0].directions[LINK_OUT].duplicated = 0;
	assert_doubt(l, "1 unexplained");
	l = netem(FATE(.twice = true));
	l->evidence->links[0].directions[LINK_OUT].duplicated = 0;
	l->interfaces[0].impairments[LINK_OUT].duplicate = 0.1;
	assert_outcome(lab_judge(l), OUTCOME_PASS);
	assert_int_equal(row(&l->verdict, SENDER, LINK_OUT)->duplicated, 1);
	lab_free(l);
}

/* netem flips bits in link addresses and types, too: then it is nobody's datagram. */
static void netem_corrupts_the_link_layer(void **state)
{
	(void)state;
	for (unsigned bit = 1; bit < 14 * 8; bit++) {
		/* Here these addresses are one bit apart: then it is alpine-3 that sent it. */
		if (bit == 11 * 8 + 1)
			continue;

		struct vlab *l = netem(FATE(.flip = bit));
		const struct run_verdict *v = lab_judge(l);

		assert_outcome(v, OUTCOME_PASS);
		assert_int_equal(v->lost, bit / 8 < 6 || bit / 8 >= 12);
		lab_free(l);
	}
}

/* ---- links.tsv ---- */

static void table_of_frames(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	cleanup_free char *path = text_format("%s/links.tsv", l->dir);
	cleanup_free char *table = NULL;
	struct err e;

	(void)state;
	l->links[SENDER].next[LINK_OUT] = *FATE(.cause = CAUSE_LOSS, .draw = 0.125);
	lab_open(l, LAB_FLOW(.to = 0));
	l->links[RECEIVER].next[LINK_IN] = *FATE(.twice = true, .flip = 777, .reordered = true);
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_QUEUE));
	assert_int_equal(lab_judge(l)->ledger.unexplained, 0);
	assert_int_equal(fs_read(path, 1 << 20, &table, NULL, &e), 0);
	assert_says(table,
		    "time\tlink\tdirection\tflow\tnumber\tlength\tfate\tcause\tdraw\theld_ns\n"
		    "1700000000.000001000\talpine-1/eth0\tout\t"
		    "udp 10.0.0.1:43210 > 10.0.0.2:10000\t1\t298\tlost\tloss\t0.125000000\t-\n");
	assert_says(table, "\talpine-2/eth0\tin\tudp 10.0.0.1:43210 > 10.0.0.2:10000\t1\t298\t"
			   "passed,duplicated,corrupted,reordered\t-\t-\t500\n");
	assert_says(table, "\tlost\tqueue\t-\t-\n");
	lab_free(l);
}

/* ---- the engine ---- */

static void timing_is_noted_where_it_matters(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));
	l->evidence->wire.fifo = false;
	assert_int_equal(lab_judge(l)->n_notes, 0);
	lab_free(l);

	l = impaired(SNAPLEN);
	transfer(l, SENDER, LINK_OUT, FATE(.cause = CAUSE_NONE));
	l->evidence->wire.fifo = false;
	l->interfaces[1].impairments[LINK_IN].delay_ns = 10 * NS_PER_MS;
	assert_int_equal(lab_judge(l)->n_notes, 1);
	assert_says(l->verdict.notes[0], "user (packet rings, no SCHED_FIFO)");
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(every_cause),
		cmocka_unit_test(rules_are_those_of_the_topology),
		cmocka_unit_test(duplicated),
		cmocka_unit_test(corrupted),
		cmocka_unit_test(corrupted_out_of_sight),
		cmocka_unit_test(unmade_duplicate),
		cmocka_unit_test(wrong_length_has_a_column),
		cmocka_unit_test(log_lies),
		cmocka_unit_test(frames_that_no_witness_confirms),
		cmocka_unit_test(far_capture_misses_one),
		cmocka_unit_test(lost_in_the_network),
		cmocka_unit_test(counters_must_agree),
		cmocka_unit_test(engine_died),
		cmocka_unit_test(log_cannot_be_read),
		cmocka_unit_test(incomplete_far_capture),
		cmocka_unit_test(captures_off),
		cmocka_unit_test(netem_counts),
		cmocka_unit_test(netem_corrupts_the_link_layer),
		cmocka_unit_test(table_of_frames),
		cmocka_unit_test(timing_is_noted_where_it_matters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
