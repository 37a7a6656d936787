/* Bytes of TCP connections in order, whatever order their segments come in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "verify/connections.h"

#define CLIENT_ISN 4294967290u /* wraps within the first bytes */
#define SERVER_ISN 1000u

/* What a conversation was told, in one line: "c:abc c:fin s:reset close". */
struct told {
	struct text text;
	enum peer last; /* whose bytes were the last */
	bool in_bytes;
	bool deaf; /* open() wants to know nothing */
};

static void *told_open(void *user, const struct endpoints *ends)
{
	struct told *t = user;

	assert_int_equal(ends->port[PEER_SERVER], 80);
	return t->deaf ? NULL : t;
}

static void told_data(void *of, enum peer from, const uint8_t *bytes, size_t len, struct place at)
{
	struct told *t = of;

	assert_true(at.frame > 0 && len > 0);
	if (!t->in_bytes || t->last != from)
		text_add(&t->text, "%s%c:", t->text.len != 0 ? " " : "",
			 from == PEER_CLIENT ? 'c' : 's');
	text_add_bytes(&t->text, bytes, len);
	t->in_bytes = true;
	t->last = from;
}

static void tell(struct told *t, enum peer from, const char *what)
{
	text_add(&t->text, "%s%c:%s", t->text.len != 0 ? " " : "", from == PEER_CLIENT ? 'c' : 's',
		 what);
	t->in_bytes = false;
}

static void told_fin(void *of, enum peer from, struct place at)
{
	(void)at;
	tell(of, from, "fin");
}

static void told_reset(void *of, enum peer from, struct place at)
{
	(void)at;
	tell(of, from, "reset");
}

static void told_close(void *of, bool missing)
{
	struct told *t = of;

	text_add(&t->text, "%s%s", t->text.len != 0 ? " " : "", missing ? "missing" : "close");
	t->in_bytes = false;
}

static const struct conversation conversation = { told_open, told_data, told_fin, told_reset,
						  told_close };

struct wire {
	struct told told;
	struct connections *c;
	uint64_t frame;
};

static void wire_open(struct wire *w)
{
	*w = (struct wire){ .c = NULL };
	w->c = connections_new(&conversation, &w->told);
}

/* What was told, in the end. */
static const char *wire_end(struct wire *w)
{
	connections_finish(w->c);
	return text_str(&w->told.text);
}

static void wire_done(struct wire *w)
{
	connections_freep(&w->c);
	text_done(&w->told.text);
}

/* From the client's port; flags as tcpdump has them: S F R and . for an acknowledgement. */
static struct segment segment(enum peer from, uint16_t port, const char *flags, uint32_t seq,
			      const char *bytes)
{
	struct segment s = { .seq = seq, .bytes = (const uint8_t *)bytes };

	s.len = s.captured = strlen(bytes);
	s.from.bytes[15] = from == PEER_CLIENT ? 1 : 2;
	s.to.bytes[15] = from == PEER_CLIENT ? 2 : 1;
	s.from_port = from == PEER_CLIENT ? port : 80;
	s.to_port = from == PEER_CLIENT ? 80 : port;
	s.syn = strchr(flags, 'S') != NULL;
	s.fin = strchr(flags, 'F') != NULL;
	s.rst = strchr(flags, 'R') != NULL;
	s.acks = strchr(flags, '.') != NULL;
	return s;
}

static void add(struct wire *w, struct segment s)
{
	connections_add(w->c, &s, ++w->frame);
}

/* Offsets are from the first byte on. */
static void from_client(struct wire *w, const char *flags, uint32_t offset, const char *bytes)
{
	add(w, segment(PEER_CLIENT, 40000, flags, CLIENT_ISN + 1 + offset, bytes));
}

static void from_server(struct wire *w, const char *flags, uint32_t offset, const char *bytes)
{
	add(w, segment(PEER_SERVER, 40000, flags, SERVER_ISN + 1 + offset, bytes));
}

static void acked_by_client(struct wire *w, uint32_t offset)
{
	struct segment s = segment(PEER_CLIENT, 40000, ".", CLIENT_ISN + 1, "");

	s.ack = SERVER_ISN + 1 + offset;
	add(w, s);
}

static void shake_hands(struct wire *w)
{
	struct segment answer = segment(PEER_SERVER, 40000, "S.", SERVER_ISN, "");

	answer.ack = CLIENT_ISN + 1;
	add(w, segment(PEER_CLIENT, 40000, "S", CLIENT_ISN, ""));
	add(w, answer);
}

#define WITH_CONNECTION(w)                                                                         \
	cleanup_by(wire_done) struct wire w;                                                       \
	(void)state;                                                                               \
	wire_open(&w);                                                                             \
	shake_hands(&w)

static void in_order(void **state)
{
	WITH_CONNECTION(w);
	from_client(&w, "", 0, "get");
	from_server(&w, "", 0, "an");
	from_server(&w, "F", 2, "swer");
	from_client(&w, "F", 3, "");
	assert_string_equal(wire_end(&w), "c:get s:answer s:fin c:fin close");
	assert_int_equal(connections_count(w.c), 1);
}

static void sent_again_or_too_early_or_overlapping(void **state)
{
	WITH_CONNECTION(w);
	from_server(&w, "", 3, "def");	/* too early */
	from_server(&w, "F", 9, "j");	/* likewise, and the last */
	from_server(&w, "", 4, "efgh"); /* overlaps */
	from_server(&w, "", 0, "abc");
	from_server(&w, "", 0, "abc"); /* again */
	from_server(&w, "", 2, "c");
	from_server(&w, "", 7, "hi");
	assert_string_equal(wire_end(&w), "s:abcdefghij s:fin close");
}

/* What came first counts: that is what a receiver has taken. */
static void other_bytes_at_the_same_place(void **state)
{
	WITH_CONNECTION(w);
	from_server(&w, "", 0, "abc");
	from_server(&w, "", 1, "XYZ");
	assert_string_equal(wire_end(&w), "s:abcZ close");
}

/* Bytes that say they answer others which were not captured: whoever reads both would be misled. */
static void answers_to_missing_bytes(void **state)
{
	struct segment answer = segment(PEER_SERVER, 40000, ".", SERVER_ISN + 1, "answer");

	WITH_CONNECTION(w);
	from_client(&w, "", 0, "get");
	answer.ack = CLIENT_ISN + 1 + 4;
	add(&w, answer);
	assert_string_equal(wire_end(&w), "c:get missing");
}

static void missing_bytes(void **state)
{
	WITH_CONNECTION(w);
	from_server(&w, "", 0, "abc");
	from_server(&w, "F", 4, "e");
	assert_string_equal(wire_end(&w), "s:abc missing");
}

static void acknowledged_and_never_seen(void **state)
{
	WITH_CONNECTION(w);
	from_server(&w, "", 0, "abc");
	acked_by_client(&w, 3);
	acked_by_client(&w, 5);
	assert_string_equal(wire_end(&w), "s:abc missing");
}

static void not_captured_whole(void **state)
{
	struct segment s = segment(PEER_SERVER, 40000, ".", SERVER_ISN + 1, "abc");

	WITH_CONNECTION(w);
	s.captured = 2;
	add(&w, s);
	from_server(&w, "R", 3, "");
	assert_string_equal(wire_end(&w), "missing");
}

static void no_answer_to_the_syn_was_seen(void **state)
{
	cleanup_by(wire_done) struct wire w;

	(void)state;
	wire_open(&w);
	from_client(&w, "", 0, "stray");
	add(&w, segment(PEER_CLIENT, 40000, "S", CLIENT_ISN, ""));
	from_client(&w, "", 0, "get");
	from_server(&w, "", 0, "abc");
	assert_string_equal(wire_end(&w), "c:get missing");
	assert_int_equal(connections_strays(w.c), 1);
}

static void keeping_alive_is_no_byte(void **state)
{
	WITH_CONNECTION(w);
	from_client(&w, "", (uint32_t)-1, "x");
	from_client(&w, "", 0, "ab");
	from_client(&w, "", 1, "b");
	assert_string_equal(wire_end(&w), "c:ab close");
}

static void after_a_reset_nobody_speaks(void **state)
{
	WITH_CONNECTION(w);
	from_client(&w, "", 0, "get");
	from_server(&w, "R", 0, "");
	from_server(&w, "", 0, "late");
	from_client(&w, "R", 3, "");
	assert_string_equal(wire_end(&w), "c:get s:reset close");
}

static void the_same_ends_again(void **state)
{
	WITH_CONNECTION(w);
	from_client(&w, "", 0, "one");
	add(&w, segment(PEER_CLIENT, 40000, "S", CLIENT_ISN, "")); /* the SYN again */
	add(&w, segment(PEER_CLIENT, 40000, "S", 77, ""));
	add(&w, segment(PEER_CLIENT, 40000, "", 78, "two"));
	assert_string_equal(wire_end(&w), "c:one close c:two close");
	assert_int_equal(connections_count(w.c), 2);
}

static void damaged_segments_never_came(void **state)
{
	struct segment s = segment(PEER_SERVER, 40000, ".", SERVER_ISN + 1, "xyz");

	WITH_CONNECTION(w);
	s.damaged = true;
	add(&w, s);
	from_server(&w, "", 0, "abc");
	assert_string_equal(wire_end(&w), "s:abc close");
}

static void many_are_told_apart(void **state)
{
	cleanup_by(connections_freep) struct connections *c = connections_new(NULL, NULL);

	(void)state;
	for (int again = 0; again < 2; again++)
		for (uint32_t port = 1; port < 60000; port++) {
			const struct segment s = segment(PEER_CLIENT, (uint16_t)port, "S", port,
							 "");

			connections_add(c, &s, port);
		}
	assert_int_equal(connections_count(c), 59999);
}

static void nobody_wants_to_know(void **state)
{
	cleanup_by(wire_done) struct wire w;

	(void)state;
	wire_open(&w);
	w.told.deaf = true;
	shake_hands(&w);
	from_client(&w, "", 0, "get");
	assert_string_equal(wire_end(&w), "");
	assert_int_equal(connections_count(w.c), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(sent_again_or_too_early_or_overlapping),
		cmocka_unit_test(other_bytes_at_the_same_place),
		cmocka_unit_test(answers_to_missing_bytes),
		cmocka_unit_test(missing_bytes),
		cmocka_unit_test(acknowledged_and_never_seen),
		cmocka_unit_test(not_captured_whole),
		cmocka_unit_test(no_answer_to_the_syn_was_seen),
		cmocka_unit_test(keeping_alive_is_no_byte),
		cmocka_unit_test(after_a_reset_nobody_speaks),
		cmocka_unit_test(the_same_ends_again),
		cmocka_unit_test(damaged_segments_never_came),
		cmocka_unit_test(many_are_told_apart),
		cmocka_unit_test(nobody_wants_to_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
