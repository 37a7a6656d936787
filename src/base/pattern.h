/*
 * pattern: Perl-compatible regular expressions (PCRE2), over bytes that may not be well-formed.
 *
 * `^` and `$` match at the beginning and the end of every line (CR, LF or both); text is UTF-8, and a byte that is
 * not matches nothing but is no error (PCRE2_MATCH_INVALID_UTF). A match has bounds on the work
 * and the memory that it may take: an expression that backtracks without end is an error, not a
 * hang. A pattern may be used by one thread at a time.
 */
#ifndef HARNESS_BASE_PATTERN_H
#define HARNESS_BASE_PATTERN_H

#include <stddef.h>

#include "base/err.h"

struct pattern;

/* Where in the subject a group was found, in bytes; of one that took no part both are NO_GROUP. */
struct pattern_span {
	size_t start, end;
};

#define NO_GROUP ((size_t)-1)

/*
 * Compile it. On -1 *e is what PCRE2 says of the mistake, and *ret_offset (may be NULL) the number
 * of bytes in front of it.
 */
int pattern_new(const char *text, struct pattern **ret_pattern, size_t *ret_offset, struct err *e);
/* Accepts NULL. */
void pattern_free(struct pattern *p);
void pattern_freep(struct pattern **p);
/* Groups in parentheses that keep what they matched. */
unsigned pattern_groups(const struct pattern *p);
/* The number of the group with this name, (?<name>...); 0: there is none. */
unsigned pattern_named(const struct pattern *p, const char *name);
/*
 * Look for the first match at or behind `start`. 1: found, spans[0] is the whole match and
 * spans[n] group n, as many as n_spans; 0: there is none; -1: it took more than the bounds, see *e.
 */
int pattern_match(const struct pattern *p, const char *subject, size_t len, size_t start,
		  struct pattern_span *spans, size_t n_spans, struct err *e);

#endif
