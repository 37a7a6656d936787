/*
 * under_way: what has been seen at one end of a way and not yet at the other, by
 * keys. Memory is needed only for what is outstanding, however much went by.
 */
#ifndef HARNESS_VERIFY_UNDER_WAY_H
#define HARNESS_VERIFY_UNDER_WAY_H

#include <stdbool.h>
#include <stdint.h>

struct under_way;

struct under_way *under_way_new(void);
/* One more at the first end (by 1) or at the second (-1). Whether it met one of the other end. */
bool under_way_change(struct under_way *u, uint64_t key, int by);
/* Whether there is one at either end. */
bool under_way_has(const struct under_way *u, uint64_t key);
void under_way_free(struct under_way *u);

#endif
