/*
 * raw: what became of transfers without a header: bare chunks, told apart by
 * their content (align.h). Raw promises nothing, so the verdict says what arrived,
 * in which order, and where the rest was lost.
 */
#ifndef HARNESS_VERIFY_RAW_H
#define HARNESS_VERIFY_RAW_H

#include "base/text.h"
#include "verify/trial.h"

struct raw;

/* Indexes the sources of raw transfers and reads what their receivers wrote. */
struct raw *raw_new(const struct trial *t);
/* A datagram of a raw transfer. */
void raw_see(struct raw *r, const struct sighting *s);
/* Fill receiver, capture and sender layer, account and times of a delivery. */
void raw_judge(const struct raw *r, const struct trial *t, struct delivery *d);
/*
 * Whether chunks arrived out of order or more than once, and the receiver wrote just those, in that
 * order: then nothing else is wrong with its file.
 */
bool raw_wrote_what_arrived(const struct raw *r, const struct delivery *d);
/* ": chunk 3 lost on alpine-1/eth0 out: drop": what is known of chunks that never arrived. */
void raw_add_losses(struct raw *r, const struct trial *t, const struct delivery *d, struct text *s);
/* One note per transfer and receiver: what arrived, in which flows. */
void raw_add_notes(const struct raw *r, struct trial *t);
void raw_freep(struct raw **r);

#endif
