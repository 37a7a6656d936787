/*
 * reports: what our node programs say of themselves (their --report files).
 *
 * A program's word: good for telling why, and for times when nothing was
 * captured; never a proof. Strangers' programs write none.
 */
#ifndef HARNESS_VERIFY_REPORTS_H
#define HARNESS_VERIFY_REPORTS_H

#include <stdbool.h>
#include <stdint.h>

#include "verify/trial.h"

struct reports;

/* Those of all programs; one that is missing or broken says nothing. */
struct reports *reports_read(const struct trial *t);
/* What the sender or receiver said went wrong with this file, or NULL; valid until freed. */
const char *reports_error(const struct reports *r, const struct trial *t, const struct delivery *d,
			  enum side side);
/* When the sender says it began and ended, since 1970; false: it does not. */
bool reports_times(const struct reports *r, const struct trial *t, const struct delivery *d,
		   uint64_t *ret_started_ns, uint64_t *ret_ended_ns);
void reports_freep(struct reports **r);

#endif
