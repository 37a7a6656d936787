/*
 * crossings: every frame on each direction of every impaired link, as three
 * witnesses have it: the capture in front of the engine, the engine's log, and the capture
 * behind it. What one of them has and another one has not is unexplained.
 *
 * Frames are compared by log_hash() (link/log.h), as multisets: with the first two, what came; with
 * the last two, what left. The kernel's engine (netem) keeps no log: there counts must do.
 */
#ifndef HARNESS_VERIFY_CROSSINGS_H
#define HARNESS_VERIFY_CROSSINGS_H

#include "verify/trial.h"

struct crossings;

/* Opens the log, and begins links.tsv. */
struct crossings *crossings_new(const struct trial *t);
/* The next packet of all captures, in the order of time. */
void crossings_see(struct crossings *c, size_t capture, const struct packet *p);
/*
 * Whether a bit of this frame was flipped behind what captures keep of it, on its way to the
 * interface of this capture: nothing in there shows that.
 */
bool crossings_damaged(const struct crossings *c, size_t capture, const struct packet *p);
/* There are no more. Fill the ledger's rows of links, or its reason for having none. */
void crossings_judge(struct crossings *c, struct trial *t);
void crossings_freep(struct crossings **c);

#endif
