/* option: values of command line options. Each returns 0, or -1 with a message naming the value. */
#ifndef NODES_OPTION_H
#define NODES_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "fail.h"

/* A whole number from least to most. */
int option_number(const char *text, uint64_t least, uint64_t most, uint64_t *ret, struct fail *f);
/* "100mbit", "2.5gbit", "9600bit", "9600": bits per second, powers of 1000, at least 1. */
int option_rate(const char *text, uint64_t *ret_bps, struct fail *f);
/* "64MiB", "10MB", "1000": bytes. */
int option_size(const char *text, uint64_t *ret_bytes, struct fail *f);
/* "2.5": seconds, as nanoseconds, at least 1 ms. */
int option_seconds(const char *text, uint64_t *ret_ns, struct fail *f);
/* The index of text among n words. */
int option_word(const char *text, const char *const *words, size_t n, size_t *ret, struct fail *f);

#endif
