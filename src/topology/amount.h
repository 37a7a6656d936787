/* amount: how many or how much is right, as topology files write it: 3, 2-5, ">= 3", "< 10". */
#ifndef HARNESS_TOPOLOGY_AMOUNT_H
#define HARNESS_TOPOLOGY_AMOUNT_H

#include "base/err.h"
#include "topology/expectation.h"

/*
 * With `sizes` numbers may have units (units.h), without one they are bytes. Errors are the second
 * half of a sentence that begins with the value.
 */
int amount_parse(const char *text, bool sizes, struct amount *ret_amount, struct err *e);
/* As a topology file would have it; returns buf. */
#define AMOUNT_TEXT_LEN 48
char *amount_format(char buf[AMOUNT_TEXT_LEN], const struct amount *a);
/* "3", "at least 3", "at most 5", "2 to 5"; returns buf. */
char *amount_describe(char buf[AMOUNT_TEXT_LEN], const struct amount *a);

/* "0", "3-5", "SIGKILL", "not 0": add what it names to the set. */
int exit_set_add(struct exit_set *set, const char *text, struct err *e);
/* "0, 2-5, SIGKILL", or "not 0" (free); as a list of quoted values of a topology file. */
char *exit_set_format(const struct exit_set *set, bool quoted);

#endif
