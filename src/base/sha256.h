/* sha256: FIPS 180-4 digests through libcrypto. */
#ifndef HARNESS_BASE_SHA256_H
#define HARNESS_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32

struct sha256 {
	uint8_t bytes[SHA256_LEN];
};

/* The digest of len bytes. */
void sha256_of(const void *bytes, size_t len, struct sha256 *ret_digest);
/* Lower-case hexadecimal; returns buf. */
char *sha256_hex(char buf[2 * SHA256_LEN + 1], const struct sha256 *digest);

#endif
