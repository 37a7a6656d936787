/*
 * Fuzzes what is read from TCP: frames, as the first byte says, or segments of connections, which
 * are put together and read as HTTP.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "verify/connections.h"
#include "verify/http.h"

#include "fuzz/input.h"

#define FOLDER "topologies/files/www"

static void decode(const uint8_t *data, size_t size)
{
	const struct packet p = { .data = data,
				  .captured_len = (uint32_t)size,
				  .original_len = (uint32_t)size };
	struct segment s;

	decode_tcp(&p, &s);
}

/* What a segment has in front of its bytes. */
#define HEADER 5

/* Flags, two bytes of sequence number, an acknowledgement, a length; the length of all that. */
static size_t add_segment(struct connections *c, const uint8_t *data, size_t size, uint64_t frame)
{
	size_t len = data[4] < size - HEADER ? data[4] : size - HEADER;
	bool from_server = (data[0] & 0x80) != 0;
	struct segment s = { .seq = (uint32_t)(data[1] << 8 | data[2]),
			     .ack = data[3],
			     .fin = (data[0] & 1) != 0,
			     .syn = (data[0] & 2) != 0,
			     .rst = (data[0] & 4) != 0,
			     .acks = (data[0] & 8) != 0,
			     .from_port = from_server ? 80 : data[0] & 0x10,
			     .to_port = from_server ? data[0] & 0x10 : 80,
			     .bytes = data + HEADER,
			     .len = len,
			     .captured = (data[0] & 0x20) != 0 ? len / 2 : len };

	connections_add(c, &s, frame);
	return HEADER + len;
}

/* Without segments: all bytes in order, answers behind the first NUL, so many at a time. */
static void converse(const uint8_t *data, size_t size, size_t piece, struct http *h)
{
	const struct endpoints ends = { .port = { 40000, 80 } };
	const uint8_t *nul = memchr(data, 0, size);
	size_t asked = nul != NULL ? (size_t)(nul - data) : size;
	void *of = http_conversation.open(h, &ends);
	const struct place at = { 1, 1 };

	for (size_t i = 0; i < asked; i += piece)
		http_conversation.data(of, PEER_CLIENT, data + i,
				       asked - i < piece ? asked - i : piece, at);
	for (size_t i = asked + 1; i < size; i += piece)
		http_conversation.data(of, PEER_SERVER, data + i,
				       size - i < piece ? size - i : piece, at);
	http_conversation.fin(of, PEER_SERVER, at);
	http_conversation.close(of, false);
}

static bool same_words(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Where TCP cuts the bytes makes no difference. */
static void converse_twice(const uint8_t *data, size_t size)
{
	cleanup_by(http_freep) struct http *whole = http_new(FOLDER, 1, 0);
	cleanup_by(http_freep) struct http *pieces = http_new(FOLDER, 1, 0);
	const struct http_tally *a = http_tally(whole), *b = http_tally(pieces);

	converse(data, size, size + 1, whole);
	converse(data, size, 1 + size % 7, pieces);
	if (memcmp(a, b, offsetof(struct http_tally, first_wrong)) != 0 ||
	    !same_words(a->first_wrong, b->first_wrong) ||
	    !same_words(a->first_lost, b->first_lost) ||
	    !same_words(a->first_unread, b->first_unread))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_by(http_freep) struct http *h = http_new(FOLDER, 1, 0);
	cleanup_by(connections_freep) struct connections *c = connections_new(&http_conversation,
									      h);
	uint64_t frame = 0;

	if (size == 0)
		return 0;
	if (data[0] == '0')
		decode(data + 1, size - 1);
	if (data[0] == '1')
		converse_twice(data + 1, size - 1);
	if (data[0] == '2')
		for (size_t i = 1; i + HEADER <= size;)
			i += add_segment(c, data + i, size - i, ++frame);
	return 0;
}
