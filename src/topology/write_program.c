/* The block of a program, as write.c writes it. */
#include <netinet/in.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/signals.h"
#include "topology/units.h"
#include "topology/write_values.h"

#define DEFAULT_STOP_GRACE   (2 * NS_PER_SEC)
#define DEFAULT_READY_WITHIN (10 * NS_PER_SEC)

static void key_text(struct text *out, const char *key, const char *value)
{
	if (value != NULL)
		write_key(out, key, value);
}

static void key_path(struct text *out, const char *key, const char *path)
{
	cleanup_free char *absolute = path != NULL ? write_absolute(path) : NULL;

	key_text(out, key, absolute);
}

static void key_duration(struct text *out, const char *key, uint64_t ns, uint64_t unless)
{
	char buf[UNIT_TEXT_LEN];

	if (ns != unless)
		text_add(out, "\t%s = %s\n", key, unit_format_duration(buf, ns));
}

static void write_start(struct text *out, const struct topology *t, const struct command *c)
{
	for (size_t i = 0; i < c->n_listens; i++)
		text_add(out, "%s%s/%u", i == 0 ? "\tlistens = { " : ", ",
			 c->listens[i].protocol == IPPROTO_TCP ? "tcp" : "udp", c->listens[i].port);
	text_add(out, "%s", c->n_listens != 0 ? " }\n" : "");
	key_text(out, "ready-output", c->ready_output);
	key_duration(out, "ready-within", c->ready_within_ns, DEFAULT_READY_WITHIN);
	if (c->background)
		text_add(out, "\tbackground = yes\n");
	if (c->ends)
		text_add(out, "\tends = yes\n");
	for (size_t i = 0; i < c->n_after; i++)
		text_add(out, "%s%s", i == 0 ? "\tafter = { " : ", ",
			 c->after[i].transfer ? t->transfers[c->after[i].index].name
					      : t->commands[c->after[i].index].name);
	text_add(out, "%s", c->n_after != 0 ? " }\n" : "");
}

static void write_environment(struct text *out, const struct command *c)
{
	for (char **v = c->env; v != NULL && *v != NULL; v++) {
		text_add(out, "%s", v == c->env ? "\tenv = { " : ", ");
		write_quoted(out, *v);
	}
	text_add(out, "%s", c->env != NULL && c->env[0] != NULL ? " }\n" : "");
	key_path(out, "cwd", c->cwd);
	key_text(out, "user", c->user);
	key_path(out, "stdin", c->input);
}

static void write_end(struct text *out, const struct command *c)
{
	static const char *const policies[] = { "no", "on-failure", "always" };
	char buf[16];

	if (c->stop_signal != SIGTERM)
		text_add(out, "\tstop-signal = %s\n", signal_name(c->stop_signal, buf));
	key_duration(out, "stop-within", c->stop_grace_ns, DEFAULT_STOP_GRACE);
	key_duration(out, "deadline", c->deadline_ns, 0);
	if (c->restart != RESTART_NEVER)
		text_add(out, "\trestart = \"%s", policies[c->restart]);
	if (c->max_restarts != 0)
		text_add(out, ":%u", c->max_restarts);
	text_add(out, "%s", c->restart != RESTART_NEVER ? "\"\n" : "");
}

static void write_limits(struct text *out, const struct command *c)
{
	char buf[UNIT_TEXT_LEN];

	if (c->cpus > 0)
		text_add(out, "\tcpus = %.17g\n", c->cpus);
	if (c->memory != 0)
		text_add(out, "\tmemory = %s\n", unit_format_size(buf, c->memory));
}

void write_program(struct text *out, const struct topology *t, const struct command *c)
{
	text_add(out, "\nprogram %s {\n\tnode = %s\n", c->name, t->nodes[c->node].name);
	write_words(out, "command", c->argv);
	write_start(out, t, c);
	write_environment(out, c);
	write_end(out, c);
	write_limits(out, c);
	text_add(out, "}\n");
}
