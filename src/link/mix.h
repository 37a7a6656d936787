/*
 * mix: 64 bits whose every bit depends on every bit of the input: the finalizer
 * of SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014). The generator of fates and the hashes of link/ use it.
 */
#ifndef HARNESS_LINK_MIX_H
#define HARNESS_LINK_MIX_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 2^64 divided by the golden ratio, odd: the step of SplitMix64. */
#define MIX_STEP 0x9e3779b97f4a7c15ULL

static inline uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* Another state for every value that follows another one. */
static inline uint64_t mix_in(uint64_t state, uint64_t value)
{
	return mix((state ^ value) + MIX_STEP);
}

static inline uint64_t mix_bytes(uint64_t state, const void *bytes, size_t len)
{
	const char *p = bytes;

	for (; len > 0;) {
		uint64_t word = 0;
		size_t n = len < sizeof(word) ? len : sizeof(word);

		memcpy(&word, p, n);
		state = mix_in(state, word);
		p += n;
		len -= n;
	}
	return state;
}

#endif
