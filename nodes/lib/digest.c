#include "digest.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void must(int ok)
{
	if (!ok)
		abort();
}

static void fetch(void)
{
	/* openssl.cnf has nothing to say about a plain SHA-256, and takes long to read. */
	must(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) == 1);
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256 != NULL);
}

void digest_prepare(void)
{
	pthread_once(&once, fetch);
}

/* A struct digest is libcrypto's context under a name that keeps it out of our headers. */
static EVP_MD_CTX *context(struct digest *d)
{
	return (EVP_MD_CTX *)d;
}

struct digest *digest_new(void)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	digest_prepare();
	must(md != NULL && EVP_DigestInit_ex(md, sha256, NULL) == 1);
	return (struct digest *)md;
}

void digest_add(struct digest *d, const void *bytes, size_t len)
{
	must(EVP_DigestUpdate(context(d), bytes, len) == 1);
}

void digest_end(struct digest *d, uint8_t ret_hash[DIGEST_LEN])
{
	must(EVP_DigestFinal_ex(context(d), ret_hash, NULL) == 1);
}

void digest_free(struct digest *d)
{
	EVP_MD_CTX_free(context(d));
}
