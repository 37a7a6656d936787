/*
 * Tests of merging captures from both sides of impaired links: which packets are one and the same,
 * and what the comments say that links did to them.
 */
#include "capture/merge.h"
#include "unit/verify_send.h"

#define SNAPLEN 262144
#define MERGED	"merged.pcapng"

/* All three links have engines. */
static struct vlab *impaired(unsigned snaplen)
{
	struct vlab *l = lab_new(2, FORMAT_RAW, snaplen);

	for (size_t i = 0; i < LAB_NODES; i++)
		lab_engine(l, i, ENGINE_USER);
	return l;
}

static const struct lab_way to_second = { 0, 1, 43210, LAB_PORT };

static void put(struct vlab *l, const char *payload)
{
	lab_send(l, &to_second, payload, strlen(payload));
}

static void merge(struct vlab *l)
{
	cleanup_by(remarks_freep) struct remarks *remarks = NULL;
	cleanup_free char *log = text_format("%s/links.log", l->dir);
	cleanup_free char *merged = text_format("%s/%s", l->dir, MERGED);
	char *files[2 * LAB_NODES];
	struct merge_input inputs[2 * LAB_NODES] = { 0 };
	struct merge m = { .inputs = inputs, .n_inputs = l->evidence->n_captures };
	struct err e;

	for (size_t i = 0; i < m.n_inputs; i++) {
		assert_int_equal(pcapng_writer_close(take_ptr(l->captures[i]), &e), 0);
		files[i] = text_format("%s/%s", l->dir, l->evidence->captures[i].file);
		inputs[i].file = files[i];
		inputs[i].interface.name = l->evidence->captures[i].name;
		inputs[i].interface.snaplen = l->topology.capture.snaplen;
	}
	assert_int_equal(log_writer_close(take_ptr(l->log), &e), 0);
	assert_int_equal(remarks_new(&l->topology, l->evidence, log, &remarks, &e), 0);
	m.remarks = remarks;
	if (merge_captures(&m, merged, &e) != 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < m.n_inputs; i++)
		free(files[i]);
}

/* How often each number was seen at each capture; numbers from 1 to n. */
struct sightings {
	size_t n;
	unsigned of[64][2 * LAB_NODES];
};

static struct sightings read_merged(const struct vlab *l)
{
	cleanup_by(pcapng_reader_freep) struct pcapng_reader *r = NULL;
	cleanup_free char *path = text_format("%s/%s", l->dir, MERGED);
	struct sightings s = { 0 };
	uint64_t seen[64] = { 0 }, before = 0;
	struct packet p;
	struct err e;

	assert_int_equal(pcapng_reader_open(path, &r, &e), 0);
	while (pcapng_read(r, &p, &e) == 1) {
		size_t i = 0;

		assert_true(p.time_ns >= before && p.id != 0);
		before = p.time_ns;
		while (i < s.n && seen[i] != p.id)
			i++;
		assert_true(i < 64);
		seen[i] = p.id;
		s.n = i < s.n ? s.n : i + 1;
		s.of[i][p.interface]++;
	}
	return s;
}

/* The comments of a file as a list of lines: those of options, found without the reader's help. */
static char *comments(const struct vlab *l)
{
	cleanup_free char *path = text_format("%s/%s", l->dir, MERGED);
	cleanup_free char *bytes = NULL;
	struct text lines = { 0 };
	size_t len = 0, number = 0;
	struct err e;

	assert_int_equal(fs_read(path, 1 << 20, &bytes, &len, &e), 0);
	for (size_t at = 0; at < len;) {
		uint32_t head[7];
		uint16_t option[2];

		memcpy(head, bytes + at, sizeof(head));
		number += head[0] == 6; /* Enhanced Packet Block */
		for (size_t o = at + 28 + ((head[5] + 3) & ~3u); head[0] == 6;
		     o += 4 + ((option[1] + 3u) & ~3u)) {
			memcpy(option, bytes + o, sizeof(option));
			if (option[0] == 0)
				break;
			if (option[0] == 1)
				text_add(&lines, "%zu: %.*s\n", number, option[1], bytes + o + 4);
		}
		at += head[1];
	}
	return text_take(&lines);
}

static void assert_seen(const struct sightings *s, size_t packet, const char *counts)
{
	char is[2 * LAB_NODES + 1] = { 0 };

	for (size_t i = 0; i < 2 * LAB_NODES; i++)
		is[i] = (char)('0' + s->of[packet][i]);
	assert_string_equal(is, counts);
}

static void clean(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct sightings s;

	(void)state;
	put(l, "one");
	put(l, "two");
	merge(l);
	s = read_merged(l);
	assert_int_equal(s.n, 2);
	/* Own captures of the three nodes, then those at the network's side. */
	assert_seen(&s, 0, "111111");
	assert_seen(&s, 1, "111111");

	cleanup_free char *said = comments(l);

	assert_string_equal(said, "");
	lab_free(l);
}

static void lost_on_its_way_out(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct sightings s;

	(void)state;
	l->interfaces[0].impairments[LINK_OUT].loss = 0.3;
	l->links[0].next[LINK_OUT] = (struct lab_fate){ .cause = CAUSE_LOSS, .draw = 0.125 };
	put(l, "one");
	put(l, "two");
	l->links[0].next[LINK_OUT].cause = CAUSE_QUEUE;
	put(l, "three");
	merge(l);
	s = read_merged(l);
	assert_int_equal(s.n, 3);
	assert_seen(&s, 0, "100000");
	assert_seen(&s, 1, "111111");
	assert_seen(&s, 2, "100000");

	cleanup_free char *said = comments(l);

	assert_string_equal(said, "1: lost on alpine-1/eth0 out: loss 30%, drawn 0.125\n"
				  "8: lost on alpine-1/eth0 out: queue full\n");
	lab_free(l);
}

/* The earliest copy says what happened to later ones, on several links of a hub. */
static void lost_on_its_way_in(void **state)
{
	struct vlab *l = impaired(96);
	struct sightings s;

	(void)state;
	l->links[1].next[LINK_IN].cause = CAUSE_DOWN;
	l->links[2].next[LINK_IN] = (struct lab_fate){ .twice = true };
	put(l, "one");
	merge(l);
	s = read_merged(l);
	assert_seen(&s, 0, "101111");
	assert_int_equal(s.n, 2); /* a duplicate is a packet of its own */
	assert_seen(&s, 1, "001000");

	cleanup_free char *said = comments(l);

	assert_says(said, "1: ");
	assert_says(said, "lost on alpine-2/eth0 in: down");
	assert_says(said, "duplicated on alpine-3/eth0 in");
	lab_free(l);
}

static void corrupted_copies_are_copies(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct sightings s;

	(void)state;
	l->links[0].next[LINK_OUT].flip = 43 * 8 + 1;
	l->links[1].next[LINK_IN].flip = 44 * 8;
	put(l, "to be corrupted");
	merge(l);
	s = read_merged(l);
	assert_int_equal(s.n, 1);
	assert_seen(&s, 0, "111111");

	cleanup_free char *said = comments(l);

	assert_string_equal(said, "1: corrupted on alpine-1/eth0 out: a bit of byte 43 flipped; "
				  "corrupted on alpine-2/eth0 in: a bit of byte 44 flipped\n");
	lab_free(l);
}

/* The same bytes five times: only the log knows which of them was lost where. */
static void same_bytes_again(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct sightings s;

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		l->links[0].next[LINK_OUT].cause = i == 1 ? CAUSE_EVERY : CAUSE_NONE;
		l->links[1].next[LINK_IN].cause = i == 2 ? CAUSE_BURST : CAUSE_NONE;
		put(l, "again");
	}
	merge(l);
	s = read_merged(l);
	assert_int_equal(s.n, 5);
	assert_seen(&s, 0, "111111");
	assert_seen(&s, 1, "100000");
	assert_seen(&s, 2, "101111");
	assert_seen(&s, 3, "111111");
	assert_seen(&s, 4, "111111");

	cleanup_free char *said = comments(l);

	assert_says(said, "7: lost on alpine-1/eth0 out");
	assert_says(said, "\n8: lost on alpine-2/eth0 in: burst\n");
	lab_free(l);
}

static void same_bytes_duplicated(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	struct sightings s;

	(void)state;
	l->links[0].next[LINK_OUT].twice = true;
	put(l, "again");
	put(l, "again");
	merge(l);
	s = read_merged(l);
	assert_int_equal(s.n, 3);
	assert_seen(&s, 0, "111111");
	assert_seen(&s, 1, "011111");
	assert_seen(&s, 2, "111111");

	cleanup_free char *said = comments(l);

	assert_string_equal(said, "1: duplicated on alpine-1/eth0 out\n");
	lab_free(l);
}

static void tshark_shows_comments(void **state)
{
	struct vlab *l = impaired(SNAPLEN);

	(void)state;
	l->links[0].next[LINK_OUT].cause = CAUSE_QUEUE;
	put(l, "one");
	merge(l);

	cleanup_free char *command = text_format(
		"command -v tshark >/dev/null || exit 77; "
		"[ \"$(tshark -r '%s/%s' -T fields -e frame.number -e frame.comment 2>/dev/null)\" "
		"= "
		"\"$(printf '1\\tlost on alpine-1/eth0 out: queue full')\" ]",
		l->dir, MERGED);
	int status = system(command);

	lab_free(l);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
		print_message("skipped: tshark is not installed\n");
		assert_null(getenv("MUST_RUN"));
		skip();
	}
	assert_int_equal(status, 0);
}

static void no_log(void **state)
{
	struct vlab *l = impaired(SNAPLEN);
	cleanup_free char *path = text_format("%s/links.log", l->dir);
	struct remarks *remarks = NULL;
	struct err e = { 0 };

	(void)state;
	l->evidence->n_links = 1; /* fewer than the log is about */
	l->links[2].next[LINK_IN].cause = CAUSE_DOWN;
	lab_cross(l, 0, LINK_OUT, (uint8_t[64]){ 0 }, 64);
	l->evidence->n_links = 3;
	lab_cross(l, 2, LINK_IN, (uint8_t[64]){ 0 }, 64);
	l->evidence->n_links = 1;
	assert_int_equal(log_writer_close(take_ptr(l->log), &e), 0);
	assert_int_equal(remarks_new(&l->topology, l->evidence, path, &remarks, &e), -1);
	assert_says(e.msg, "damaged");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(remarks_new(&l->topology, l->evidence, path, &remarks, &e), -1);
	assert_null(remarks);
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),
		cmocka_unit_test(lost_on_its_way_out),
		cmocka_unit_test(lost_on_its_way_in),
		cmocka_unit_test(corrupted_copies_are_copies),
		cmocka_unit_test(same_bytes_again),
		cmocka_unit_test(same_bytes_duplicated),
		cmocka_unit_test(tshark_shows_comments),
		cmocka_unit_test(no_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
