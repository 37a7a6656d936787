/*
 * json_value: values as the JSON reports write them. For those only: nobody else sees jansson.
 * Jansson fails only when there is no memory, and then these abort.
 */
#ifndef HARNESS_REPORT_JSON_VALUE_H
#define HARNESS_REPORT_JSON_VALUE_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "base/err.h"

/* The value; aborts when it is NULL. */
json_t *json_checked(json_t *value);
/* Both take the value. */
void json_set(json_t *object, const char *key, json_t *value);
void json_append(json_t *array, json_t *value);

/* Bytes that are not UTF-8 become "\xff"; NULL becomes null. */
json_t *json_string_of(const char *s);
/* Counters stay far below 2^63, which is where jansson's integers end. */
json_t *json_count_of(uint64_t n);

/* Print it, indented, and free it; what is the name of the report in an error. */
int json_print(FILE *out, json_t *document, const char *what, struct err *e);

#endif
