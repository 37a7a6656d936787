/* log_tail: what a program said last, for people. For verify/. */
#ifndef HARNESS_VERIFY_LOG_TAIL_H
#define HARNESS_VERIFY_LOG_TAIL_H

#include "verify/trial.h"

/*
 * The last lines of this log (free), fit for a terminal, each with the time when it came, in seconds
 * since every server was ready, where that was noted. However long the log is, only its end is
 * read. NULL: there is none.
 */
char *log_tail(const struct trial *t, const char *log);

#endif
