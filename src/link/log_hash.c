#include "link/log.h"

#include <string.h>

#include "link/mix.h"

#define LANES 4
#define STEP  (LANES * sizeof(uint64_t))

/* Odd, and unlike each other: words that change places change the hash. */
static const uint64_t factors[LANES] = { 0xd6e8feb86659fd93ULL, 0xa0761d6478bd642fULL,
					 0xe7037ed1a0b428dbULL, 0x8ebc6af09c88c6e3ULL };

/* The shift brings the product's high bits back to where the next factor spreads them. */
static void step(uint64_t lanes[LANES], const void *bytes)
{
	uint64_t words[LANES];

	memcpy(words, bytes, sizeof(words));
	for (int i = 0; i < LANES; i++) {
		lanes[i] = (lanes[i] ^ words[i]) * factors[i];
		lanes[i] ^= lanes[i] >> 32;
	}
}

/* Four lanes, for the processor to multiply side by side. */
uint64_t log_hash(const void *frame, size_t captured_len, size_t len)
{
	uint64_t lanes[LANES] = { len, len ^ factors[0], len ^ factors[1], len ^ factors[2] };
	const char *p = frame;
	size_t left = captured_len;
	uint64_t hash = mix(captured_len);

	for (; left >= STEP; left -= STEP, p += STEP)
		step(lanes, p);
	if (left > 0) {
		char last[STEP] = { 0 };

		memcpy(last, p, left);
		step(lanes, last);
	}
	for (int i = 0; i < LANES; i++)
		hash = mix_in(hash, lanes[i]);
	return hash;
}
