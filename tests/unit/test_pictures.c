/*
 * Tests of topologies/files: the pictures that labs send are worth sending. They are valid, of the
 * sizes the labs are described with, nearly all image data, and every datagram's worth of them
 * matters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <png.h>

#include "base/cleanup.h"
#include "base/fs.h"

#define SIGNATURE	"\x89PNG\r\n\x1a\n"
#define SIGNATURE_LEN	8
#define CHUNK_OVERHEAD	12 /* length, type, CRC */
#define DATAGRAM	1024
#define LARGEST_PICTURE (1 << 20)

static const struct picture {
	const char *path;
	size_t size, size_slack; /* bytes */
	size_t min_chunks;	 /* IDAT */
} pictures[] = {
	{ "topologies/files/1.png", 9900, 300, 4 },
	{ "topologies/files/2.png", 20100, 300, 8 },
};
#define N_PICTURES (sizeof(pictures) / sizeof(pictures[0]))

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* PNG's CRC (ISO/IEC 15948, annex D), bit by bit: independent of the library that wrote it. */
static uint32_t crc(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = (c & 1) != 0 ? c >> 1 ^ 0xedb88320u : c >> 1;
	}
	return ~c;
}

static uint8_t *load(const char *path, size_t *ret_len)
{
	char *bytes;
	struct err e;

	if (fs_read(path, LARGEST_PICTURE, &bytes, ret_len, &e) != 0)
		fail_msg("%s (tests run from the top folder)", e.msg);
	return (uint8_t *)bytes;
}

/* Pixels as RGBA (free), or NULL when libpng refuses the file. */
static uint8_t *decode(const uint8_t *bytes, size_t len, png_image *ret_image)
{
	*ret_image = (png_image){ .version = PNG_IMAGE_VERSION };
	if (png_image_begin_read_from_memory(ret_image, bytes, len) == 0)
		return NULL;
	ret_image->format = PNG_FORMAT_RGBA;

	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(*ret_image));

	assert_non_null(pixels);
	if (png_image_finish_read(ret_image, NULL, pixels, 0, NULL) == 0 ||
	    PNG_IMAGE_FAILED(*ret_image)) {
		free(pixels);
		return NULL;
	}
	return pixels;
}

static void sizes_are_those_of_the_lab(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t len;
		cleanup_free uint8_t *bytes = load(pictures[i].path, &len);

		assert_non_null(bytes);
		assert_in_range(len, pictures[i].size - pictures[i].size_slack,
				pictures[i].size + pictures[i].size_slack);
	}
}

static void every_chunk_is_sound_and_most_is_image(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t len, at = SIGNATURE_LEN, n_idat = 0, idat_bytes = 0;
		cleanup_free uint8_t *bytes = load(pictures[i].path, &len);

		assert_memory_equal(bytes, SIGNATURE, SIGNATURE_LEN);
		assert_memory_equal(bytes + at + 4, "IHDR", 4);
		while (at + CHUNK_OVERHEAD <= len) {
			uint32_t data_len = be32(bytes + at);
			const uint8_t *type = bytes + at + 4;

			assert_true(data_len <= len - at - CHUNK_OVERHEAD);
			assert_int_equal(be32(type + 4 + data_len), crc(type, 4 + data_len));
			if (memcmp(type, "IDAT", 4) == 0) {
				n_idat++;
				idat_bytes += data_len;
			}
			at += CHUNK_OVERHEAD + data_len;
		}
		assert_int_equal(at, len);
		assert_memory_equal(bytes + len - 8, "IEND", 4);
		assert_true(n_idat >= pictures[i].min_chunks);
		assert_true(idat_bytes * 100 >= len * 97);
	}
}

static void pixels_are_there_and_varied(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t len, different = 0;
		png_image image;
		cleanup_free uint8_t *bytes = load(pictures[i].path, &len);
		cleanup_free uint8_t *pixels = decode(bytes, len, &image);

		assert_non_null(pixels);
		assert_in_range(image.width, 200, 640);
		assert_in_range(image.height, 120, 480);
		/* No band as high as 8 lines is without structure for damage to show in. */
		for (size_t y = 0; y + 8 <= image.height; y += 8) {
			const uint8_t *band = pixels + y * image.width * 4;

			different = 0;
			for (size_t p = 1; p < (size_t)8 * image.width; p++)
				different += memcmp(band + 4 * p, band + 4 * p - 4, 4) != 0;
			assert_true(different >= 50);
		}
	}
}

static void no_two_datagrams_are_alike(void **state)
{
	(void)state;
	size_t len[N_PICTURES];
	uint8_t *bytes[N_PICTURES];

	for (size_t i = 0; i < N_PICTURES; i++)
		bytes[i] = load(pictures[i].path, &len[i]);
	/* Chunks of raw transfers are told apart by what is in them. */
	for (size_t a = 0; a + DATAGRAM <= len[0]; a += DATAGRAM)
		for (size_t b = 0; b + DATAGRAM <= len[1]; b += DATAGRAM)
			assert_memory_not_equal(bytes[0] + a, bytes[1] + b, DATAGRAM);
	for (size_t i = 0; i < N_PICTURES; i++) {
		for (size_t a = 0; a + DATAGRAM <= len[i]; a += DATAGRAM)
			for (size_t b = a + DATAGRAM; b + DATAGRAM <= len[i]; b += DATAGRAM)
				assert_memory_not_equal(bytes[i] + a, bytes[i] + b, DATAGRAM);
	}
	for (size_t i = 0; i < N_PICTURES; i++)
		free(bytes[i]);
}

static void a_lost_datagram_shows(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_PICTURES; i++) {
		size_t len;
		png_image image;
		cleanup_free uint8_t *bytes = load(pictures[i].path, &len);

		for (size_t at = 0; at + DATAGRAM <= len; at += DATAGRAM) {
			cleanup_free uint8_t *damaged = malloc(len);

			assert_non_null(damaged);
			memcpy(damaged, bytes, len);
			memset(damaged + at, 0, DATAGRAM);
			assert_null(decode(damaged, len, &image));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_those_of_the_lab),
		cmocka_unit_test(every_chunk_is_sound_and_most_is_image),
		cmocka_unit_test(pixels_are_there_and_varied),
		cmocka_unit_test(no_two_datagrams_are_alike),
		cmocka_unit_test(a_lost_datagram_shows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
