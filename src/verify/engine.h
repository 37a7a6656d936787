/* engine: link engines as the ledger sees them: what they are, and whether their counters add up. */
#ifndef HARNESS_VERIFY_ENGINE_H
#define HARNESS_VERIFY_ENGINE_H

#include "verify/trial.h"

/* Whether the user engine, which logs every decision, runs a link. */
bool engine_keeps_log(const struct evidence *ev);
/* "user (packet rings, SCHED_FIFO)", "netem" (free). */
char *engine_describe(const struct evidence *ev, const struct link_evidence *l);
/*
 * Why what the engine did on this direction of a link is not known, and what helps; NULL: it is.
 * log is what its log adds up to (free).
 */
char *engine_trouble(const struct trial *t, size_t link, enum direction d,
		     const struct direction_evidence *log);
/* The account of an engine that keeps no log: from the captures and its counters. */
void engine_account_counters(const struct trial *t, const struct link_evidence *l, enum direction d,
			     struct link_account *a);
/* A note when delays are not as exact as they could be. */
void engine_add_notes(struct trial *t);

#endif
