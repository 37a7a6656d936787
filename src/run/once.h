/* once: one run from start to verdict, for commands that need many and look at each before the next. */
#ifndef HARNESS_RUN_ONCE_H
#define HARNESS_RUN_ONCE_H

#include "run/run.h"

/*
 * Of this topology, which keeps its name and seed, with its evidence in this folder (absolute, made
 * when it is not there). *ret_verdict is the caller's (run_verdict_done). -1 when the run could not
 * be tried. When a signal came the verdict says so.
 */
int run_once(struct topology *t, enum link_engine engine, const char *folder, const char *comment,
	     struct run_verdict *ret_verdict, struct err *e);

#endif
