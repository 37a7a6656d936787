#include "base/sha256.h"

#include <stdlib.h>

#include <openssl/evp.h>

void sha256_of(const void *bytes, size_t len, struct sha256 *ret_digest)
{
	/* Fails only without memory or without a working libcrypto. */
	if (EVP_Digest(bytes, len, ret_digest->bytes, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

char *sha256_hex(char buf[2 * SHA256_LEN + 1], const struct sha256 *digest)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < SHA256_LEN; i++) {
		buf[2 * i] = hex[digest->bytes[i] >> 4];
		buf[2 * i + 1] = hex[digest->bytes[i] & 15];
	}
	buf[2 * SHA256_LEN] = '\0';
	return buf;
}
