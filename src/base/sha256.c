#include "base/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/cleanup.h"

static void ctx_freep(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

void sha256_of(const void *bytes, size_t len, struct sha256 *ret_digest)
{
	/* Fails only without memory or without a working libcrypto. */
	if (EVP_Digest(bytes, len, ret_digest->bytes, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

int sha256_of_file(const char *path, struct sha256 *ret_digest, uint64_t *ret_size, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	cleanup_by(ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	cleanup_free char *buf = malloc(1 << 18);
	uint64_t size = 0;

	if (fd < 0)
		return err_set(e, errno, "open %s", path);
	if (ctx == NULL || buf == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		abort();
	for (;;) {
		ssize_t n = read(fd, buf, 1 << 18);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read %s", path);
		if (n == 0)
			break;
		size += (uint64_t)n;
		if (EVP_DigestUpdate(ctx, buf, (size_t)n) != 1)
			abort();
	}
	if (EVP_DigestFinal_ex(ctx, ret_digest->bytes, NULL) != 1)
		abort();
	if (ret_size != NULL)
		*ret_size = size;
	return 0;
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
