/* Tests of src/verify: ranges, outcomes, CRC-32C, frames, fragments, pictures. */
#include <png.h>

#include "unit/verify_send.h"
#include "verify/decode.h"
#include "verify/defrag.h"
#include "verify/picture.h"

/* ---- ranges and outcomes ---- */

static void assert_ranges(const struct ranges *r, size_t max, const char *expected)
{
	cleanup_free char *s = ranges_format(r, max);

	assert_string_equal(s, expected);
}

static void ranges(void **state)
{
	struct ranges r = { 0 };

	(void)state;
	assert_ranges(&r, 3, "");
	ranges_add(&r, 10, 19);
	ranges_add(&r, 30, 30);
	ranges_add(&r, 50, 59);
	assert_ranges(&r, 3, "10-19, 30, 50-59");
	assert_ranges(&r, 1, "10-19, ... (2 more)");
	ranges_add(&r, 20, 29); /* joins its neighbours */
	assert_ranges(&r, 3, "10-30, 50-59");
	ranges_add(&r, 0, 3);	/* in front */
	ranges_add(&r, 15, 16); /* inside */
	ranges_add(&r, 31, 31); /* touches */
	assert_ranges(&r, 3, "0-3, 10-31, 50-59");
	assert_int_equal(ranges_total(&r), 4 + 22 + 10);
	ranges_add(&r, 2, 55); /* over all */
	assert_ranges(&r, 3, "0-59");
	ranges_add(&r, UINT64_MAX, UINT64_MAX);
	ranges_add(&r, UINT64_MAX - 1, UINT64_MAX - 1);
	assert_int_equal(r.n, 2);
	ranges_done(&r);
	assert_int_equal(r.n, 0);
}

static void outcomes(void **state)
{
	(void)state;
	assert_int_equal(outcome_worse(OUTCOME_SKIP, OUTCOME_PASS), OUTCOME_PASS);
	assert_int_equal(outcome_worse(OUTCOME_PASS, OUTCOME_SKIP), OUTCOME_PASS);
	assert_int_equal(outcome_worse(OUTCOME_PASS, OUTCOME_INCONCLUSIVE), OUTCOME_INCONCLUSIVE);
	assert_int_equal(outcome_worse(OUTCOME_FAIL, OUTCOME_INCONCLUSIVE), OUTCOME_FAIL);
	assert_string_equal(outcome_name(OUTCOME_INCONCLUSIVE), "inconclusive");
}

static void crc(void **state)
{
	uint8_t bytes[300];

	(void)state;
	/* RFC 3720, B.4: 32 bytes of zeros, of ones, counting up. */
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x8a9136aa);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, 32), 0x62a8ab43);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, 32), 0x46dd794e);
	assert_int_equal(crc32c_by_table(0, "123456789", 9), 0xe3069283);
	for (size_t cut = 0; cut < sizeof(bytes); cut++) {
		uint32_t whole = crc32c_by_table(0, bytes, sizeof(bytes));
		uint32_t first = crc32c(0, bytes, cut);

		assert_int_equal(crc32c(first, bytes + cut, sizeof(bytes) - cut), whole);
	}
}

/* ---- frames ---- */

static struct packet packet_of(const uint8_t *frame, size_t captured, size_t len)
{
	return (struct packet){ .captured_len = (uint32_t)captured,
				.original_len = (uint32_t)len,
				.data = frame };
}

static enum decoded decode(const uint8_t *frame, size_t captured, size_t len, struct datagram *d)
{
	struct packet p = packet_of(frame, captured, len);
	struct fragment f;

	return decode_frame(&p, d, &f);
}

static void frames(void **state)
{
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, 0);
	const struct lab_way w = { 0, 1, 1000, 2000 };
	uint8_t frame[128] = { 0 }, tagged[128] = { 0 };
	size_t n = lab_frame(l, &w, "hello", 5, frame);
	struct datagram d = { 0 };

	(void)state;
	/* Padded to 60 bytes, as on a real wire. */
	assert_int_equal(decode(frame, 60, 60, &d), DECODED_UDP);
	assert_int_equal(d.len, 5);
	assert_memory_equal(d.payload, "hello", 5);
	assert_int_equal(d.from_port, 1000);
	assert_int_equal(d.to_port, 2000);
	decode_verify_checksum(&d);
	assert_int_equal(d.checksum, CHECKSUM_GOOD);
	frame[n - 1] ^= 1;
	decode_verify_checksum(&d);
	assert_int_equal(d.checksum, CHECKSUM_BAD);
	memset(frame + 40, 0, 2); /* done without */
	decode_verify_checksum(&d);
	assert_int_equal(d.checksum, CHECKSUM_GOOD);

	/* Cut by the capture. */
	assert_int_equal(decode(frame, 45, n, &d), DECODED_UDP);
	assert_int_equal(d.captured, 3);
	decode_verify_checksum(&d);
	assert_int_equal(d.checksum, CHECKSUM_UNKNOWN);
	for (size_t cut = 0; cut < 42; cut++)
		assert_int_equal(decode(frame, cut, n, &d), DECODED_OTHER);

	/* With a tag of IEEE 802.1Q. */
	memcpy(tagged, frame, 12);
	lab_put16(tagged + 12, 0x8100);
	memcpy(tagged + 16, frame + 12, n - 12);
	assert_int_equal(decode(tagged, n + 4, n + 4, &d), DECODED_UDP);
	assert_memory_equal(d.payload, "hell", 4);

	/* Lengths and checksums that are not so. */
	lab_put16(frame + 38, 200);
	assert_int_equal(decode(frame, n, n, &d), DECODED_SHORT);
	lab_put16(frame + 38, 7);
	assert_int_equal(decode(frame, n, n, &d), DECODED_SHORT);
	lab_put16(frame + 38, 13);
	frame[15] ^= 1;
	assert_int_equal(decode(frame, n, n, &d), DECODED_OTHER);
	lab_free(l);
}

static void frame_v6(void **state)
{
	/* 2001:db8::1 port 1000 to 2001:db8::2 port 2000: "hi" */
	uint8_t f[64] = {
		[12] = 0x86, [13] = 0xdd, [14] = 0x60, [19] = 10,   [20] = 17, [21] = 64,
		[22] = 0x20, [23] = 0x01, [24] = 0x0d, [25] = 0xb8, [37] = 1,  [38] = 0x20,
		[39] = 0x01, [40] = 0x0d, [41] = 0xb8, [53] = 2
	};
	uint8_t pseudo[40] = { [35] = 10, [39] = 17 };
	char buf[INET6_ADDRSTRLEN];
	struct datagram d;

	(void)state;
	lab_put16(f + 54, 1000);
	lab_put16(f + 56, 2000);
	lab_put16(f + 58, 10);
	memcpy(f + 62, "hi", 2);
	memcpy(pseudo, f + 22, 32);
	lab_put16(f + 60, (uint16_t)~lab_sum(f + 54, 10, lab_sum(pseudo, 40, 0)));
	assert_int_equal(decode(f, 64, 64, &d), DECODED_UDP);
	decode_verify_checksum(&d);
	assert_int_equal(d.checksum, CHECKSUM_GOOD);
	assert_string_equal(ip_address_format(buf, &d.to), "2001:db8::2");
	f[63] ^= 1;
	decode_verify_checksum(&d);
	assert_int_equal(d.checksum, CHECKSUM_BAD);
	for (size_t cut = 0; cut < 62; cut++)
		assert_int_equal(decode(f, cut, 64, &d), DECODED_OTHER);
}

/* 1000 bytes in three parts, in every order. */
static void fragments(void **state)
{
	static const size_t orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 0, 2 }, { 0, 2, 1 } };
	cleanup_by(defrag_freep) struct defrag *g = defrag_new();
	struct vlab *l = lab_new(1, FORMAT_RELIABLE, 0);
	const struct lab_way w = { 0, 1, 1000, 2000 };
	uint8_t payload[1000], whole[1100];
	size_t n, cuts[] = { 0, 400, 800, 0 };

	(void)state;
	memset(payload, 0x5a, sizeof(payload));
	n = lab_frame(l, &w, payload, sizeof(payload), whole) - 34;
	cuts[3] = n;
	for (size_t o = 0; o < 4; o++)
		for (size_t i = 0; i < 3; i++) {
			uint8_t frame[1100];
			size_t part = orders[o][i], len = cuts[part + 1] - cuts[part];
			struct packet p = packet_of(frame, len + 34, len + 34);
			struct datagram d;
			struct fragment f;

			memcpy(frame, whole, 34);
			lab_put16(frame + 16, (uint32_t)len + 20);
			lab_put16(frame + 18, (uint32_t)o);
			lab_put16(frame + 20, (uint32_t)cuts[part] / 8 | (part < 2 ? 0x2000 : 0));
			lab_put16(frame + 24, 0);
			lab_put16(frame + 24, (uint16_t)~lab_sum(frame + 14, 20, 0));
			memcpy(frame + 34, whole + 34 + cuts[part], len);
			assert_int_equal(decode_frame(&p, &d, &f), DECODED_FRAGMENT);
			assert_int_equal(defrag_add(g, 0, &f, &d),
					 i == 2 ? DECODED_UDP : DECODED_OTHER);
			if (i < 2)
				continue;
			decode_verify_checksum(&d);
			assert_int_equal(d.checksum, CHECKSUM_GOOD);
			assert_int_equal(d.len, 1000);
		}
	lab_free(l);
}

/* ---- pictures ---- */

static size_t make_png(uint8_t *buf, size_t room, uint8_t shade)
{
	uint8_t pixels[16 * 16 * 4];
	png_image image = {
		.version = PNG_IMAGE_VERSION, .width = 16, .height = 16, .format = PNG_FORMAT_RGBA
	};
	png_alloc_size_t len = room;

	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i * 7);
	pixels[4 * (3 * 16 + 5)] = shade; /* column 5 of row 3 */
	assert_int_not_equal(png_image_write_to_memory(&image, buf, &len, 0, pixels, 0, NULL), 0);
	return len;
}

static void assert_picture(const struct picture_source *s, const uint8_t *bytes, size_t len,
			   enum outcome expected, const char *reason)
{
	struct layer l = { 0 };

	picture_judge(s, bytes, len, &l);
	assert_string_equal(outcome_name(l.outcome), outcome_name(expected));
	if (reason != NULL)
		assert_says(l.reason, reason);
	free(l.reason);
}

static void pictures(void **state)
{
	uint8_t png[4096], other[4096], damaged[4096];
	size_t len = make_png(png, sizeof(png), 1), other_len = make_png(other, sizeof(other), 2);
	struct picture_source s;

	(void)state;
	picture_source_load(&s, png, len);
	assert_true(s.is_png);
	assert_null(s.trouble);
	assert_picture(&s, png, len, OUTCOME_PASS, NULL);
	assert_picture(&s, other, other_len, OUTCOME_FAIL,
		       "1 of 256 pixels differ, the first at column 5 of row 3");
	memcpy(damaged, png, len);
	damaged[len - 20] ^= 1; /* in IDAT: its data, or its CRC */
	assert_picture(&s, damaged, len, OUTCOME_FAIL, "chunk IDAT at offset ");
	memcpy(damaged, png, len);
	damaged[20] ^= 1;
	assert_picture(&s, damaged, len, OUTCOME_FAIL, "chunk IHDR at offset 8: its CRC is 0x");
	assert_picture(&s, png, len - 12, OUTCOME_FAIL, "without IEND");
	assert_picture(&s, png, len - 30, OUTCOME_FAIL, "ends inside chunk IDAT");
	assert_picture(&s, png, 4, OUTCOME_FAIL, "does not begin as a PNG does");
	memcpy(damaged, png, len);
	memcpy(damaged + len, png, len);
	assert_picture(&s, damaged, 2 * len, OUTCOME_FAIL, "bytes behind its end");
	picture_source_done(&s);
}

static void pictures_not_to_judge(void **state)
{
	uint8_t png[4096];
	size_t len = make_png(png, sizeof(png), 1);
	struct picture_source s;

	(void)state;
	picture_source_load(&s, (const uint8_t *)"text", 4);
	assert_picture(&s, png, len, OUTCOME_SKIP, "not a PNG");
	picture_source_done(&s);
	png[20] ^= 1;
	picture_source_load(&s, png, len);
	assert_picture(&s, png, len, OUTCOME_SKIP, "the source itself");
	picture_source_done(&s);
}

/* End to end: the receiver damages the picture, and every layer says its part. */
static void picture_of_a_run(void **state)
{
	struct vlab *l = lab_new(2, FORMAT_RELIABLE, 262144);
	uint8_t png[4096];
	size_t len = make_png(png, sizeof(png), 1);

	(void)state;
	lab_add_file(l, "1.png", png, len);
	for (size_t to = 0; to < 2; to++)
		lab_transfer(l, LAB_FLOW(.to = to));
	lab_receive(l, 0, "1.png", png, len);
	png[45] ^= 1;
	lab_receive(l, 1, "1.png", png, len);

	const struct run_verdict *v = lab_judge(l);

	assert_outcome(v, OUTCOME_FAIL);
	assert_int_equal(v->files[0].picture.outcome, OUTCOME_PASS);
	assert_int_equal(v->files[1].picture.outcome, OUTCOME_FAIL);
	assert_says(v->files[1].picture.reason, "its CRC is");
	assert_says(v->reasons[0], "alpine-3: 1.png: 1 byte differs at offset 45");
	lab_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(outcomes),
		cmocka_unit_test(crc),
		cmocka_unit_test(frames),
		cmocka_unit_test(frame_v6),
		cmocka_unit_test(fragments),
		cmocka_unit_test(pictures),
		cmocka_unit_test(pictures_not_to_judge),
		cmocka_unit_test(picture_of_a_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
