/*
 * render: what the renderers share, and nobody else needs.
 *
 * Names, messages and program output come from outside and may hold any byte.
 * Every renderer passes them through render_printable() (or render_utf8() where
 * the format has escapes of its own), so that nothing in a file name can move
 * the cursor, close an XML element or forge a line of TAP.
 */
#ifndef HARNESS_REPORT_RENDER_H
#define HARNESS_REPORT_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"
#include "base/text.h"
#include "verify/verdict.h"

enum render_lines {
	RENDER_ONE_LINE, /* line feeds and tabs are escaped too */
	RENDER_LINES,	 /* line feeds and tabs stay */
};

/*
 * Append s with everything that is not for showing escaped: "\n", "\x1b" for control characters and
 * bytes that are not UTF-8, "\u202e" for what reorders or separates lines. NULL appends nothing.
 */
void render_printable(struct text *t, const char *s, enum render_lines lines);
/* Append s as well-formed UTF-8: only bytes that are not become "\xff". NULL appends nothing. */
void render_utf8(struct text *t, const char *s);
/* s, or "" when there is nothing to say. */
const char *render_text(const char *s);
/* Terminal columns that a printable UTF-8 string takes, colour sequences not counted. */
size_t render_width(const char *s);

/* "✓", "?", "✗", "-". */
const char *render_symbol(enum outcome o);
/* "pass", "inconclusive", "FAIL", "skip": what failed must be seen from afar. */
const char *render_word(enum outcome o);
/* The same with "ok" for a pass: of one layer, capture or program, which is no verdict yet. */
const char *render_layer_word(enum outcome o);
/* The SGR sequence (ECMA-48, 8.3.117) that colours an outcome, and the one that ends it. */
const char *render_color(enum outcome o);
#define RENDER_PLAIN "\033[0m"

/*
 * What tells the runs of this session apart in a table: the mode, or the label when something else
 * varies as well, or seeds do. Owned by the run.
 */
const char *render_run_name(const struct session *s, const struct run_verdict *r);
/* Whether the mode alone does. */
bool render_modes_suffice(const struct session *s);

/*
 * One line on what a layer holds: size, digest (short unless full), first difference, missing and
 * repeated ranges.
 */
void render_layer_facts(struct text *t, const struct layer *l, bool full_digest);
/* One line on a file's datagrams. Counts of 0 that say nothing are left out. */
void render_datagrams(struct text *t, const struct datagram_account *d);

/* Write the text, and say what could not be written ("junit.xml"). */
int render_write(FILE *out, const struct text *t, const char *what, struct err *e);

#endif
