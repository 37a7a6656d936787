/*
 * digest: SHA-256 (FIPS 180-4) of what comes in pieces, through libcrypto. Of much, a thread of the
 * digest's own does the work; digest_add() only copies then.
 */
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
/* These bytes of a file, read by the digest's thread where it has one. The file stays open. */
void digest_add_file(struct digest *d, int fd, uint64_t offset, size_t len);
/* These bytes, without a copy: they must stay until done(ctx), which may come in another thread. */
void digest_add_block(struct digest *d, const void *bytes, size_t len, void (*done)(void *ctx),
		      void *ctx);
/* Once; nothing may be added after it. 0, or the errno of a file that could not be read. */
int digest_end(struct digest *d, uint8_t ret_hash[DIGEST_LEN]);
void digest_free(struct digest *d);

#endif
