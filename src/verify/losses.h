/*
 * losses: where chunks of raw transfers went, of which nothing but their content is known: the
 * frames that carried them at the sender's interface, looked up in the link engine's log.
 */
#ifndef HARNESS_VERIFY_LOSSES_H
#define HARNESS_VERIFY_LOSSES_H

#include "base/text.h"
#include "capture/fates.h"
#include "verify/trial.h"

/*
 * Appends ": chunk 3 lost on alpine-1/eth0 out: drop, chunks 5, 7-9 lost on ..." for those missing
 * chunks that are accounted for. frames: log_hash() of the frame of each chunk; 0: not known.
 */
void losses_add(const struct trial *t, const struct delivery *d, const struct fates *fates,
		const struct ranges *missing, const uint64_t *frames, struct text *s);

#endif
