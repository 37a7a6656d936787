/* number: numbers as programs print them. */
#ifndef HARNESS_VERIFY_NUMBER_H
#define HARNESS_VERIFY_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/*
 * "12", "-0.5", "1e-3", "1,234,567.8" (groups of three digits behind , ' or _), and with one of k, K,
 * M, G, T (powers of 1000) or Ki, Mi, Gi, Ti (of 1024) behind it. false: it is none of these.
 */
bool number_parse(const char *s, size_t len, double *ret);
/* As few digits as tell it from its neighbours, ten at most; returns buf. */
#define NUMBER_TEXT_LEN 32
char *number_format(char buf[NUMBER_TEXT_LEN], double value);

#endif
