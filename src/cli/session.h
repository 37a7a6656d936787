/* session: one `harness run` from its folder to its reports. For cli/run.c. */
#ifndef HARNESS_CLI_SESSION_H
#define HARNESS_CLI_SESSION_H

#include "base/err.h"
#include "base/text.h"
#include "cli/run_options.h"
#include "topology/plan.h"
#include "verify/verdict.h"

/* Make the folder; describe what was asked for. The caller frees it with session_done(). */
int session_begin(struct session *s, const struct plan *plan, const struct run_options *o, int argc,
		  char **argv, struct err *e);
/* Every run of the plan. -1 when one could not even be tried; those before it are judged. */
int session_run_all(struct session *s, const struct plan *plan, const struct run_options *o,
		    struct err *e);
/* A word that a shell reads as itself. */
void session_add_quoted(struct text *t, const char *word);
/* How the harness was called, for commands to type next: "sudo ./harness" (free). */
char *session_harness(void);
/* Whoever called sudo owns this file; without sudo nothing changes. */
int session_give(const char *path, struct err *e);
/* The files beside the runs, the `latest` link, and the owner of it all. */
int session_write(const struct session *s, const struct run_options *o, struct err *e);

#endif
