/* expect_keys: what the parts of expect.c share. */
#ifndef HARNESS_TOPOLOGY_EXPECT_KEYS_H
#define HARNESS_TOPOLOGY_EXPECT_KEYS_H

#include "topology/build.h"

/* False after the value was refused. */
bool expect_read_amount(struct builder *b, const struct value *v, bool sizes, struct amount *to);

/* expect_capture.c: the keys that go with `capture`, for the table of keys. */
void expect_set_capture(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_filter(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_direction(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_from(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_until(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_packets(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_bytes(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_connections(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_spread(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_http(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_responses(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_lost(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_lost_in(struct builder *b, void *object, const struct value *values, size_t n);
void expect_set_sample(struct builder *b, void *object, const struct value *values, size_t n);

#endif
