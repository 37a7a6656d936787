/*
 * names: which names and values a topology file may use. Each check returns 0
 * or -1 with the second half of a sentence in *e, as in units.h.
 */
#ifndef HARNESS_TOPOLOGY_NAMES_H
#define HARNESS_TOPOLOGY_NAMES_H

#include "base/err.h"

/* Any value: UTF-8, not empty, no control character. */
int name_check_value(const char *s, struct err *e);
/* Networks, transfers, variables: letters, digits, ". _ -", at most 63, beginning with no mark. */
int name_check_word(const char *s, struct err *e);
/* RFC 1123, section 2.1, and at most 63 bytes: it becomes the host name of the node. */
int name_check_host(const char *s, struct err *e);
/* What the kernel takes for an interface, and a file name can hold: at most 15 bytes. */
int name_check_interface(const char *s, struct err *e);
/* What a receiver takes for the name of a file (docs/transfer-protocol.md). */
int name_check_file(const char *s, struct err *e);

#endif
