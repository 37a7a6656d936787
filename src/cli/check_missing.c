/* What a topology names and this machine lacks is worth a warning: the file may be for another one. */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/check_parts.h"
#include "program/argv.h"
#include "topology/problems.h"

/* Runs differ in what they start, and mostly do not: each warning once. */
static void warn(struct problems *warnings, const char *path, int line, const char *message)
{
	cleanup_free char *place = text_format("%s:%d", path, line);
	cleanup_free char *warning = text_format("warning: %s", message);
	cleanup_free char *whole = text_format("%s: %s", place, warning);

	for (size_t i = 0; i < warnings->n; i++)
		if (strcmp(warnings->messages[i], whole) == 0)
			return;
	problems_add_whole(warnings, place, warning);
}

/* Commands with a slash are not looked up: that they are there is a matter of the file. */
static void look_up(const struct topology *t, struct problems *warnings, int line, const char *who,
		    const char *name, char *const *argv, char *const *env)
{
	if (argv == NULL || strchr(argv[0], '/') != NULL || argv_is_there(argv, env))
		return;

	cleanup_free char *message = text_format("%s %s: command '%s' is not found in PATH", who,
						 name, argv[0]);

	warn(warnings, t->path, line, message);
}

static void look_up_all(const struct topology *t, struct problems *warnings)
{
	for (size_t i = 0; i < t->n_transfers; i++) {
		const struct transfer *tr = &t->transfers[i];

		look_up(t, warnings, tr->line, "sender of transfer", tr->name, tr->sender, NULL);
		look_up(t, warnings, tr->line, "receiver of transfer", tr->name, tr->receiver,
			NULL);
	}
	for (size_t i = 0; i < t->n_commands; i++) {
		const struct command *c = &t->commands[i];

		look_up(t, warnings, c->line, "program", c->name, c->argv, c->env);
	}
}

void check_print_missing(const struct plan *plan)
{
	cleanup_by(problems_done) struct problems warnings = { 0 };

	for (size_t i = 0; i < plan->n_runs; i++)
		look_up_all(plan->runs[i].topology, &warnings);
	for (size_t i = 0; i < warnings.n; i++)
		fprintf(stderr, "%s\n", warnings.messages[i]);
}
