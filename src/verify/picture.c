#include "verify/picture.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "base/text.h"
#include "verify/layer.h"

#define CHUNK_OVERHEAD 12 /* length, type and CRC around the data */
/* Decoding takes four bytes a pixel, twice: 512 MB. */
#define MAX_PIXELS (UINT64_C(64) << 20)

static const uint8_t signature[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };

bool picture_is_png(const uint8_t *bytes, size_t len)
{
	return len >= sizeof(signature) && memcmp(bytes, signature, sizeof(signature)) == 0;
}

/* ISO 3309, as in annex D of the specification. */
static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	static uint32_t table[256];
	uint32_t crc = 0xffffffff;

	for (uint32_t i = 0; table[255] == 0 && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ ((table[i] & 1) != 0 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < len; i++)
		crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
	return ~crc;
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* Four letters, or a damaged type shown without harm. */
static const char *type_name(const uint8_t *p, char buf[5])
{
	for (size_t i = 0; i < 4; i++)
		buf[i] = (char)((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z' ? p[i] : '?');
	buf[4] = '\0';
	return buf;
}

static char *check_chunk(const uint8_t *bytes, size_t at, uint32_t len)
{
	uint32_t said = be32(bytes + at + 8 + len);
	uint32_t is = crc32_of(bytes + at + 4, (size_t)len + 4);
	char type[5];

	if (said == is)
		return NULL;
	return text_format("chunk %s at offset %zu: its CRC is 0x%08" PRIx32
			   ", and its bytes give 0x%08" PRIx32,
			   type_name(bytes + at + 4, type), at, said, is);
}

char *picture_check_chunks(const uint8_t *bytes, size_t len)
{
	size_t at = sizeof(signature);
	bool first = true;
	char type[5];

	if (!picture_is_png(bytes, len))
		return text_dup("does not begin as a PNG does");
	while (len - at >= CHUNK_OVERHEAD) {
		uint32_t chunk = be32(bytes + at);

		if (chunk > len - at - CHUNK_OVERHEAD)
			return text_format("ends inside chunk %s at offset %zu",
					   type_name(bytes + at + 4, type), at);

		char *problem = check_chunk(bytes, at, chunk);

		if (problem != NULL)
			return problem;
		if (first != (memcmp(bytes + at + 4, "IHDR", 4) == 0))
			return text_format("chunk %s at offset %zu is where it may not be",
					   type_name(bytes + at + 4, type), at);

		bool last = memcmp(bytes + at + 4, "IEND", 4) == 0;

		first = false;
		at += (size_t)chunk + CHUNK_OVERHEAD;
		if (last && at != len)
			return text_format("%zu bytes behind its end (IEND)", len - at);
		if (last)
			return NULL;
	}
	return text_format("ends at offset %zu without IEND", len);
}

static char *decode_error(png_image *image)
{
	char *problem = text_format("cannot be decoded: %s", image->message);

	png_image_free(image);
	return problem;
}

char *picture_decode(const uint8_t *bytes, size_t len, struct picture *ret_picture)
{
	png_image image = { .version = PNG_IMAGE_VERSION };

	if (png_image_begin_read_from_memory(&image, bytes, len) == 0)
		return decode_error(&image);
	if ((uint64_t)image.width * image.height > MAX_PIXELS) {
		png_image_free(&image);
		return text_format("cannot be decoded: %u x %u pixels are too many", image.width,
				   image.height);
	}
	image.format = PNG_FORMAT_RGBA;

	uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));

	if (pixels == NULL || png_image_finish_read(&image, NULL, pixels, 0, NULL) == 0) {
		free(pixels);
		return decode_error(&image);
	}
	*ret_picture = (struct picture){ image.width, image.height, pixels };
	return NULL;
}

void picture_done(struct picture *p)
{
	free(p->pixels);
	*p = (struct picture){ 0 };
}

void picture_source_load(struct picture_source *s, const uint8_t *bytes, size_t len)
{
	*s = (struct picture_source){ .is_png = picture_is_png(bytes, len) };
	if (!s->is_png)
		return;
	s->trouble = picture_check_chunks(bytes, len);
	if (s->trouble == NULL)
		s->trouble = picture_decode(bytes, len, &s->picture);
}

void picture_source_done(struct picture_source *s)
{
	picture_done(&s->picture);
	free(s->trouble);
}

static void compare_pixels(const struct picture *a, const struct picture *source, struct layer *l)
{
	size_t n = (size_t)source->width * source->height, different = 0, first = 0;

	if (a->width != source->width || a->height != source->height) {
		layer_set(l, OUTCOME_FAIL, "%u x %u pixels instead of %u x %u", a->width, a->height,
			  source->width, source->height);
		return;
	}
	if (memcmp(a->pixels, source->pixels, n * 4) == 0) {
		l->outcome = OUTCOME_PASS;
		return;
	}
	for (size_t i = n; i-- > 0;)
		if (memcmp(a->pixels + i * 4, source->pixels + i * 4, 4) != 0) {
			different++;
			first = i;
		}
	layer_set(l, OUTCOME_FAIL, "%zu of %zu pixels differ, the first at column %zu of row %zu",
		  different, n, first % source->width, first / source->width);
}

void picture_judge(const struct picture_source *s, const uint8_t *bytes, size_t len,
		   struct layer *l)
{
	struct picture p = { 0 };

	l->size = len;
	if (!s->is_png) {
		layer_set(l, OUTCOME_SKIP, "not a PNG file");
		return;
	}
	if (s->trouble != NULL) {
		layer_set(l, OUTCOME_SKIP, "the source itself is no sound picture: %s", s->trouble);
		return;
	}

	char *problem = picture_check_chunks(bytes, len);

	if (problem == NULL)
		problem = picture_decode(bytes, len, &p);
	if (problem != NULL)
		layer_set(l, OUTCOME_FAIL, "%s", problem);
	else
		compare_pixels(&p, &s->picture, l);
	free(problem);
	picture_done(&p);
}
