/* bitmap: one bit per chunk or packet number; grows when told to. */
#ifndef HARNESS_VERIFY_BITMAP_H
#define HARNESS_VERIFY_BITMAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

struct bitmap {
	uint64_t *words;
	uint64_t bits; /* room */
	uint64_t set;  /* bits that are 1 */
};

/* Room for this many bits, those that are new being 0. Aborts when there is no memory. */
static inline void bitmap_reserve(struct bitmap *b, uint64_t bits)
{
	size_t old = (size_t)(b->bits / 64), words = (size_t)((bits + 63) / 64);

	if (bits <= b->bits)
		return;
	b->words = reallocarray(b->words, words, sizeof(uint64_t));
	if (b->words == NULL)
		abort();
	memset(b->words + old, 0, (words - old) * sizeof(uint64_t));
	b->bits = (uint64_t)words * 64;
}

static inline bool bitmap_get(const struct bitmap *b, uint64_t i)
{
	return i < b->bits && (b->words[i / 64] >> i % 64 & 1) != 0;
}

/* Set bit i, which there must be room for; returns what it was. */
static inline bool bitmap_set(struct bitmap *b, uint64_t i)
{
	uint64_t mask = UINT64_C(1) << i % 64;
	bool was = (b->words[i / 64] & mask) != 0;

	b->words[i / 64] |= mask;
	b->set += !was;
	return was;
}

static inline void bitmap_done(struct bitmap *b)
{
	free(b->words);
	*b = (struct bitmap){ 0 };
}

#endif
