/* The programs of a topology file: anybody's commands in nodes. */
#include <errno.h>
#include <netinet/in.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/signals.h"
#include "base/text.h"
#include "topology/build.h"
#include "topology/names.h"
#include "topology/units.h"

#define STOP_GRACE   (2 * NS_PER_SEC)
#define READY_WITHIN (10 * NS_PER_SEC)
#define MIN_TIME     NS_PER_MS
#define MAX_TIME     (24 * 3600 * NS_PER_SEC)
#define MAX_RESTARTS 1000
#define MIN_CPUS     0.01 /* cgroup v2 hands out 1 ms of 100 ms at least */
#define MAX_CPUS     1024.0
#define MIN_MEMORY   (64 << 10)

static void set_node(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	((struct command *)object)->node = build_find_node(b, &values[0]);
}

static void set_command(struct builder *b, void *object, const struct value *values, size_t n)
{
	((struct command *)object)->argv = build_command(b, values, n);
}

static bool has_port(const struct command *c, const struct listening *l)
{
	for (size_t i = 0; i < c->n_listens; i++)
		if (c->listens[i].protocol == l->protocol && c->listens[i].port == l->port)
			return true;
	return false;
}

static void add_port(struct builder *b, struct command *c, const struct value *v)
{
	static const char *const protocols[] = { "udp/", "tcp/" };
	struct listening l = { .protocol = IPPROTO_UDP };
	uint64_t port;
	struct err why;

	if (strncmp(v->text, protocols[1], 4) == 0)
		l.protocol = IPPROTO_TCP;
	else if (strncmp(v->text, protocols[0], 4) != 0) {
		build_refuse(b, v, "is no port: write udp/10000 or tcp/80");
		return;
	}
	if (unit_count(v->text + 4, 1, UINT16_MAX, &port, &why) != 0) {
		build_refuse(b, v, "is no port: 1 to 65535");
		return;
	}
	l.port = (uint16_t)port;
	if (has_port(c, &l))
		build_refuse(b, v, "is given twice");
	else
		c->listens[c->n_listens++] = l;
}

static void set_listens(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;

	c->listens = array_new(n, sizeof(*c->listens));
	for (size_t i = 0; i < n; i++)
		add_port(b, c, &values[i]);
}

/* ---- how it starts ---- */

static void set_text(struct builder *b, char **to, const struct value *v)
{
	(void)b;
	*to = text_dup(v->text);
}

static void set_ready_output(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;

	(void)n;
	if (build_check_pattern(b, &values[0]))
		set_text(b, &c->ready_output, &values[0]);
}

static void set_background(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &((struct command *)object)->background, &values[0]);
}

static void set_ends(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	build_set_flag(b, &((struct command *)object)->ends, &values[0]);
}

/* Those of one kind are numbered in the order of the file, also those that come later. */
static bool find_block(struct builder *b, const struct section_kind *kind, const char *name,
		       size_t *ret_index, struct nearest *near)
{
	size_t number = 0;

	for (size_t i = 1; i < b->doc->n; i++) {
		const struct section *s = &b->doc->sections[i];

		if (s->kind != kind)
			continue;
		if (strcmp(s->title, name) == 0) {
			*ret_index = number;
			return true;
		}
		nearest_consider(near, s->title);
		number++;
	}
	return false;
}

static void set_after(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;

	c->after = array_new(n, sizeof(*c->after));
	for (size_t i = 0; i < n; i++) {
		struct nearest near = { .word = values[i].text };
		struct dependency d = { 0 };

		if (strcmp(values[i].text, c->name) == 0) {
			build_refuse(b, &values[i], "is this program itself");
		} else if (find_block(b, &grammar_program, values[i].text, &d.index, &near)) {
			c->after[c->n_after++] = d;
		} else if (find_block(b, &grammar_transfer, values[i].text, &d.index, &near)) {
			d.transfer = true;
			c->after[c->n_after++] = d;
		} else {
			build_refuse(b, &values[i], "is no program or transfer of this file%s",
				     nearest_hint(&near));
		}
	}
}

/* ---- what it finds ---- */

static void set_env(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;
	size_t kept = 0;

	c->env = array_new(n + 1, sizeof(*c->env));
	for (size_t i = 0; i < n; i++) {
		if (strchr(values[i].text, '=') == NULL || values[i].text[0] == '=')
			build_refuse(b, &values[i], "sets nothing: write NAME=VALUE");
		else
			c->env[kept++] = text_dup(values[i].text);
	}
}

static void set_cwd(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;
	struct stat st;

	(void)n;
	c->cwd = build_path(b, values[0].text);
	if (stat(c->cwd, &st) != 0)
		build_refuse(b, &values[0], "cannot be used: %s", strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		build_refuse(b, &values[0], "is no folder");
}

static void set_user(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	if (getpwnam(values[0].text) == NULL)
		build_refuse(b, &values[0], "is no user of this machine");
	else
		set_text(b, &((struct command *)object)->user, &values[0]);
}

static void set_input(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;
	struct stat st;

	(void)n;
	c->input = build_path(b, values[0].text);
	if (access(c->input, R_OK) != 0 || stat(c->input, &st) != 0)
		build_refuse(b, &values[0], "cannot be read: %s", strerror(errno));
	else if (S_ISDIR(st.st_mode))
		build_refuse(b, &values[0], "is a folder");
	else if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))
		build_refuse(b, &values[0], "is neither a file nor a device");
}

/* ---- how it ends ---- */

static void set_stop_signal(struct builder *b, void *object, const struct value *values, size_t n)
{
	int number = signal_number(values[0].text);

	(void)n;
	if (number == 0)
		build_refuse(b, &values[0], "is no signal: write SIGTERM, SIGINT, SIGHUP ...");
	else
		((struct command *)object)->stop_signal = number;
}

static void set_time(struct builder *b, uint64_t *ns, const struct value *v)
{
	struct err why;

	if (unit_duration(v->text, ns, &why) != 0)
		build_refuse(b, v, "%s", why.msg);
	else if (*ns < MIN_TIME || *ns > MAX_TIME)
		build_refuse(b, v, "is out of range: 1ms to 24h");
}

static void set_stop_within(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	set_time(b, &((struct command *)object)->stop_grace_ns, &values[0]);
}

static void set_ready_within(struct builder *b, void *object, const struct value *values, size_t n)
{
	(void)n;
	set_time(b, &((struct command *)object)->ready_within_ns, &values[0]);
}

static void set_program_deadline(struct builder *b, void *object, const struct value *values,
				 size_t n)
{
	(void)n;
	set_time(b, &((struct command *)object)->deadline_ns, &values[0]);
}

/* "on-failure:3" as docker(1) has it. */
static void set_restart(struct builder *b, void *object, const struct value *values, size_t n)
{
	static const char *const policies[] = { "no", "on-failure", "always" };
	struct command *c = object;
	const char *colon = strchr(values[0].text, ':');
	cleanup_free char *policy = text_format("%.*s", (int)strcspn(values[0].text, ":"),
						values[0].text);
	struct value v = { policy, values[0].at };
	int chosen = build_choose(b, &v, policies, N_ELEMENTS(policies));
	uint64_t times = 0;
	struct err why;

	(void)n;
	if (chosen >= 0)
		c->restart = (enum restart_policy)chosen;
	if (colon == NULL || chosen < 0)
		return;
	if (chosen == RESTART_NEVER)
		build_refuse(b, &values[0], "counts what never happens");
	else if (unit_count(colon + 1, 1, MAX_RESTARTS, &times, &why) != 0)
		build_refuse(b, &values[0], "has no number of times: 1 to %d", MAX_RESTARTS);
	c->max_restarts = (unsigned)times;
}

/* ---- what it may use ---- */

static void set_cpus(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;
	char *end;

	(void)n;
	errno = 0;
	c->cpus = strtod(values[0].text, &end);
	if (end == values[0].text || *end != '\0' || strspn(values[0].text, "0123456789.") == 0)
		build_refuse(b, &values[0], "is no number of processors: write 0.5 or 2");
	else if (!(c->cpus >= MIN_CPUS && c->cpus <= MAX_CPUS))
		build_refuse(b, &values[0], "is out of range: %g to %g", MIN_CPUS, MAX_CPUS);
}

static void set_memory(struct builder *b, void *object, const struct value *values, size_t n)
{
	struct command *c = object;
	struct err why;

	(void)n;
	if (unit_size(values[0].text, &c->memory, &why) != 0)
		build_refuse(b, &values[0], "%s", why.msg);
	else if (c->memory < MIN_MEMORY)
		build_refuse(b, &values[0], "is too little: at least 64KiB");
}

/* ---- the whole block ---- */

/* Transfers and programs share their names: faults and logs call both by them. */
static void check_name(struct builder *b, const struct section *s)
{
	const struct topology *t = b->t;
	struct err why;
	int line = 0;

	if (name_check_word(s->title, &why) != 0)
		problem_add(b->problems, s->at, "program '%s' %s", s->title, why.msg);
	for (size_t i = 0; i < t->n_commands && line == 0; i++)
		if (strcmp(t->commands[i].name, s->title) == 0)
			line = t->commands[i].line;
	for (size_t i = 0; i < t->n_transfers && line == 0; i++)
		if (strcmp(t->transfers[i].name, s->title) == 0)
			line = t->transfers[i].line;
	if (line != 0)
		problem_add(b->problems, s->at, "program '%s' has a name that is taken (line %d)",
			    s->title, line);
}

static void *begin_program(struct builder *b, void *parent, const struct section *s)
{
	struct topology *t = parent;
	struct command *c = &t->commands[t->n_commands];

	check_name(b, s);
	*c = (struct command){ .name = text_dup(s->title),
			       .node = NOT_RESOLVED,
			       .stop_signal = SIGTERM,
			       .stop_grace_ns = STOP_GRACE,
			       .ready_within_ns = READY_WITHIN,
			       .line = build_line(b, s->at) };
	t->n_commands++;
	return c;
}

/* What only the whole block can tell. */
static void end_program(struct builder *b, void *object, const struct section *s)
{
	const struct command *c = object;

	if (c->background && (c->n_listens != 0 || c->ready_output != NULL))
		build_complain(b, s, "background",
			       "background is for a program that says in no other way when it is "
			       "ready: leave it out");
	if (section_entry(s, "ready-within") != NULL && c->n_listens == 0 &&
	    c->ready_output == NULL && section_entry(s, "ready-output") == NULL)
		build_complain(b, s, "ready-within",
			       "ready-within without 'listens' or 'ready-output': this program is "
			       "never waited for");
	if (c->ends && !command_is_server(c))
		build_complain(b, s, "ends",
			       "ends is for a server: this program is waited for anyway");
	if (c->ends && c->restart == RESTART_ALWAYS)
		build_complain(b, s, "restart",
			       "restart 'always' goes with no end: this program would never end");
	if (c->restart == RESTART_ALWAYS && !command_is_server(c))
		build_complain(b, s, "restart",
			       "restart 'always' is for a server: this program would never end");
}

/* ---- what only all of them can tell ---- */

/* Whether it waits for itself, by way of others; visited is per program. */
static bool waits_for(const struct topology *t, size_t from, size_t target, bool *visited)
{
	const struct command *c = &t->commands[from];

	if (visited[from])
		return false;
	visited[from] = true;
	for (size_t i = 0; i < c->n_after; i++)
		if (!c->after[i].transfer && (c->after[i].index == target ||
					      waits_for(t, c->after[i].index, target, visited)))
			return true;
	return false;
}

void build_check_commands(struct builder *b)
{
	const struct topology *t = b->t;
	size_t number = 0;

	for (size_t i = 1; i < b->doc->n; i++) {
		const struct section *s = &b->doc->sections[i];
		cleanup_free bool *visited = array_new(t->n_commands + 1, sizeof(*visited));

		if (s->kind != &grammar_program)
			continue;
		if (waits_for(t, number, number, visited))
			build_complain(b, s, "after", "program '%s' waits for itself",
				       t->commands[number].name);
		number++;
	}
}

static const struct key program_keys[] = {
	{ "node", false, true, set_node },
	{ "command", true, true, set_command },
	{ "listens", true, false, set_listens },
	{ "ready-output", false, false, set_ready_output },
	{ "ready-within", false, false, set_ready_within },
	{ "background", false, false, set_background },
	{ "ends", false, false, set_ends },
	{ "after", true, false, set_after },
	{ "env", true, false, set_env },
	{ "cwd", false, false, set_cwd },
	{ "user", false, false, set_user },
	{ "stdin", false, false, set_input },
	{ "stop-signal", false, false, set_stop_signal },
	{ "stop-within", false, false, set_stop_within },
	{ "deadline", false, false, set_program_deadline },
	{ "restart", false, false, set_restart },
	{ "cpus", false, false, set_cpus },
	{ "memory", false, false, set_memory },
};

const struct section_kind grammar_program = {
	.name = "program",
	.named = true,
	.phase = PHASE_REST,
	.keys = program_keys,
	.n_keys = N_ELEMENTS(program_keys),
	.begin = begin_program,
	.end = end_program,
};
