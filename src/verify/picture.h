/*
 * picture: looks at a PNG file as a picture (W3C, Portable Network Graphics,
 * second edition): its chunks, the CRC of each, and the pixels that libpng makes of it.
 */
#ifndef HARNESS_VERIFY_PICTURE_H
#define HARNESS_VERIFY_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "verify/verdict.h"

/* Pixels as RGBA, a byte each. */
struct picture {
	uint32_t width, height;
	uint8_t *pixels;
};

/* The first eight bytes say that it is one. */
bool picture_is_png(const uint8_t *bytes, size_t len);
/* What is wrong with its chunks (free), or NULL. */
char *picture_check_chunks(const uint8_t *bytes, size_t len);
/* Decode; returns what is wrong (free), or NULL and *ret_picture (picture_done). */
char *picture_decode(const uint8_t *bytes, size_t len, struct picture *ret_picture);
void picture_done(struct picture *p);

/* A source and what is known of it, made once for all receivers. */
struct picture_source {
	bool is_png;
	char *trouble; /* it is damaged itself, or too large */
	struct picture picture;
};

/* Decodes it when it is a PNG; the bytes are not kept. */
void picture_source_load(struct picture_source *s, const uint8_t *bytes, size_t len);
void picture_source_done(struct picture_source *s);
/* Are these bytes the same picture? Fills the layer. */
void picture_judge(const struct picture_source *s, const uint8_t *bytes, size_t len,
		   struct layer *l);

#endif
