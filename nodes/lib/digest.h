/* digest: SHA-256 (FIPS 180-4) of what comes in pieces, through libcrypto. */
#ifndef NODES_DIGEST_H
#define NODES_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN 32

struct digest;

/*
 * Load the algorithm now (about 1 ms), so that no transfer and no forked worker
 * has to. Optional. All of these abort when libcrypto has no SHA-256 or memory.
 */
void digest_prepare(void);
struct digest *digest_new(void);
void digest_add(struct digest *d, const void *bytes, size_t len);
/* Once; nothing may be added after it. */
void digest_end(struct digest *d, uint8_t ret_hash[DIGEST_LEN]);
void digest_free(struct digest *d);

#endif
