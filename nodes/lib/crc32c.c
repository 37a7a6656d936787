/*
 * Two ways to the same number. By tables: eight bytes a step ("slicing by 8",
 * Kounavis and Berry 2008). By instruction: crc32 of SSE4.2 takes 3 cycles but
 * a new one can start in every cycle, so three streams run side by side and
 * are joined: a CRC is linear, hence crc(A B) = shift(crc(A), |B|) ^ crc(B),
 * where shift, "append |B| zero bytes", is a table made once per block length.
 */
#include "crc32c.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78U /* 0x1edc6f41 with its bits reversed */
#define STREAM	   448U	       /* bytes of each of three streams: 1344 of a 1472-byte datagram */

static uint32_t table[8][256];
static uint32_t shift[4][256]; /* by STREAM zero bytes, per byte of the CRC */
static bool have_instruction;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t append_zeros(uint32_t crc, size_t len)
{
	while (len-- > 0)
		crc = crc >> 8 ^ table[0][crc & 0xff];
	return crc;
}

static void make_tables(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
		table[0][i] = crc;
	}
	for (size_t i = 0; i < 256; i++)
		for (size_t k = 1; k < 8; k++)
			table[k][i] = append_zeros(table[k - 1][i], 1);
	/* The shift is linear: that of each bit is enough to know that of every byte. */
	for (unsigned bit = 0; bit < 32; bit++)
		shift[bit / 8][1U << bit % 8] = append_zeros(1U << bit, STREAM);
	for (unsigned k = 0; k < 4; k++)
		for (uint32_t i = 1; i < 256; i++)
			shift[k][i] = shift[k][i & (i - 1)] ^ shift[k][i & -i];
#if defined(__x86_64__)
	have_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

static uint32_t by_tables(uint32_t crc, const uint8_t *p, size_t len)
{
	for (; len >= 8; p += 8, len -= 8) {
		uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
				      (uint32_t)p[3] << 24);

		crc = table[7][low & 0xff] ^ table[6][low >> 8 & 0xff] ^
		      table[5][low >> 16 & 0xff] ^ table[4][low >> 24] ^ table[3][p[4]] ^
		      table[2][p[5]] ^ table[1][p[6]] ^ table[0][p[7]];
	}
	for (; len > 0; p++, len--)
		crc = crc >> 8 ^ table[0][(crc ^ *p) & 0xff];
	return crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint32_t shifted(uint32_t crc)
{
	return shift[0][crc & 0xff] ^ shift[1][crc >> 8 & 0xff] ^ shift[2][crc >> 16 & 0xff] ^
	       shift[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *p,
								 size_t len)
{
	for (; len >= 3 * STREAM; p += 3 * STREAM, len -= 3 * STREAM) {
		uint64_t a = crc, b = 0, c = 0;

		for (size_t i = 0; i < STREAM; i += 8) {
			a = _mm_crc32_u64(a, load64(p + i));
			b = _mm_crc32_u64(b, load64(p + STREAM + i));
			c = _mm_crc32_u64(c, load64(p + 2 * STREAM + i));
		}
		crc = shifted(shifted((uint32_t)a) ^ (uint32_t)b) ^ (uint32_t)c;
	}
	for (; len >= 8; p += 8, len -= 8)
		crc = (uint32_t)_mm_crc32_u64(crc, load64(p));
	for (; len > 0; p++, len--)
		crc = _mm_crc32_u8(crc, *p);
	return crc;
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *p, size_t len)
{
	return by_tables(crc, p, len);
}
#endif

uint32_t crc32c_extend(uint32_t crc, const void *bytes, size_t len)
{
	pthread_once(&once, make_tables);
	return ~(have_instruction ? by_instruction : by_tables)(~crc, bytes, len);
}

uint32_t crc32c_extend_portable(uint32_t crc, const void *bytes, size_t len)
{
	pthread_once(&once, make_tables);
	return ~by_tables(~crc, bytes, len);
}
