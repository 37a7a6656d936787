/*
 * scan: the tokens of a topology file, by libconfuse's rules but for what
 * sweep.c says of them. White space and comments between tokens go to `out`
 * as they are met: line breaks as they are, all else as nothing or a space.
 */
#ifndef HARNESS_TOPOLOGY_SCAN_H
#define HARNESS_TOPOLOGY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "topology/problems.h"

enum token_type {
	TOKEN_END = 0,
	TOKEN_WORD = 'w',
	TOKEN_STRING = '"', /* either kind of quotes */
	TOKEN_OPEN = '{',
	TOKEN_CLOSE = '}',
	TOKEN_EQUALS = '=',
	TOKEN_COMMA = ',',
};

struct token {
	int type;
	size_t at, len; /* with its quotes */
};

struct scan {
	const char *text;
	size_t len, at;
	struct text *out;
	struct problem_list *problems;
	bool stopped; /* the rest cannot be understood, and that was reported */
};

/* The next token; bytes that belong to none are reported and left out. */
struct token scan_next(struct scan *s);
/* There are no more tokens. */
void scan_stop(struct scan *s);

#endif
