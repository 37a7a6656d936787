/*
 * check: a run as a flat list of named checks, for the formats that know
 * nothing but those (JUnit, TAP). Names are "RUN.NODE.FILE.LAYER", "RUN.NODE.NAME.expect" of
 * expectations ("run" where there is no node), "RUN.NODE.NAME.metric", and unique in a session; each run ends in the check "RUN.run.verdict", so that one without
 * files, or that died early, is in there too. When runs are repeated that is the
 * only check of each.
 */
#ifndef HARNESS_REPORT_CHECK_H
#define HARNESS_REPORT_CHECK_H

#include "verify/verdict.h"

struct check {
	char *name; /* any bytes */
	enum outcome outcome;
	char *message;	  /* one line, of everything but a pass; any bytes */
	char *detail;	  /* lines, or NULL; any bytes */
	uint64_t time_ns; /* 0: not measured */
};

struct check_list {
	struct check *checks;
	size_t n, room;
};

/* Append the checks of one run; free with check_list_done(). */
void check_list_add_run(struct check_list *l, const struct session *s, const struct run_verdict *r);
/* Append "session.runs" when fewer runs were made than planned. */
void check_list_add_session(struct check_list *l, const struct session *s);
size_t check_list_count(const struct check_list *l, enum outcome o);
void check_list_done(struct check_list *l);

#endif
