#include "program/list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "program/argv.h"

struct program *program_list_add(struct program_list *list, const struct topology *t, size_t node,
				 const char *command, const char *block)
{
	struct program *p = array_add(&list->programs.p, &list->programs.n, &list->room,
				      sizeof(*p));
	const char *host = t->nodes[node].name;
	const char *sep = block != NULL ? "." : "";
	const char *suffix = block != NULL ? block : "";

	p->node = node;
	p->transfer = NO_TRANSFER;
	p->name = text_format("%s/%s%s%s", host, command, sep, suffix);
	p->log = text_format("logs/%s.%s%s%s.log", host, command, sep, suffix);
	return p;
}

/* It runs in a folder of its own, where a relative path leads nowhere. */
static int make_absolute(char **path, struct err *e)
{
	cleanup_free char *cwd = getcwd(NULL, 0);
	char *relative = *path;

	if (relative[0] == '/')
		return 0;
	if (cwd == NULL)
		return err_set(e, errno, "find the current folder");
	*path = text_format("%s/%s", cwd, relative);
	free(relative);
	return 0;
}

static int add_command(struct program_list *list, const struct topology *t, const struct command *c,
		       struct err *e)
{
	struct program *p = program_list_add(list, t, c->node, fs_basename(c->argv[0]), c->name);
	struct argv a = { 0 };

	if (argv_begin(&a, c->argv, c->env, e) != 0)
		return err_prefix(e, "program %s", c->name);
	p->command = c;
	p->home = text_format("nodes/%s", t->nodes[c->node].name);
	if (make_absolute(&a.v[0], e) != 0)
		return -1;
	p->argv = argv_end(&a);
	p->role = command_is_server(c) ? ROLE_RECEIVER : ROLE_SENDER;
	p->listens = array_new(c->n_listens, sizeof(*p->listens));
	p->n_listens = c->n_listens;
	for (size_t i = 0; i < c->n_listens; i++)
		p->listens[i] = c->listens[i];
	return 0;
}

int programs_of_topology(const struct topology *t, const char *folder, uint64_t rate_bps,
			 struct programs *ret_programs, struct err *e)
{
	struct program_list list = { 0 };
	int r = 0;

	for (size_t i = 0; i < t->n_transfers && r == 0; i++)
		r = transfer_add_programs(&list, t, i, folder, rate_bps, e);
	for (size_t i = 0; i < t->n_commands && r == 0; i++)
		r = add_command(&list, t, &t->commands[i], e);
	if (r == 0)
		*ret_programs = list.programs;
	else
		programs_done(&list.programs);
	return r;
}

void programs_done(struct programs *programs)
{
	for (size_t i = 0; i < programs->n; i++) {
		struct program *p = &programs->p[i];

		for (size_t k = 0; p->argv != NULL && p->argv[k] != NULL; k++)
			free(p->argv[k]);
		free(p->argv);
		free(p->listens);
		free(p->name);
		free(p->home);
		free(p->log);
		free(p->report);
	}
	free(programs->p);
	*programs = (struct programs){ 0 };
}

/* Where its programs run: whoever they run as may write there. */
static int make_node_folder(const char *folder, const char *node, struct err *e)
{
	cleanup_free char *path = text_format("%s/nodes/%s", folder, node);

	if (fs_mkdir_all(path, e) != 0)
		return -1;
	return chmod(path, 01777) == 0 ? 0 : err_set(e, errno, "open %s to all users", path);
}

int programs_make_folders(const struct topology *t, const char *folder, struct err *e)
{
	cleanup_free char *logs = text_format("%s/logs", folder);

	if (fs_mkdir_all(logs, e) != 0)
		return -1;
	for (size_t i = 0; i < t->n_commands; i++)
		if (make_node_folder(folder, t->nodes[t->commands[i].node].name, e) != 0)
			return -1;
	for (size_t i = 0; i < t->n_transfers; i++)
		for (size_t k = 0; k < t->transfers[i].n_to; k++) {
			cleanup_free char *dir = text_format("%s/received/%s/%s", folder,
							     t->nodes[t->transfers[i].to[k]].name,
							     t->transfers[i].name);

			if (fs_mkdir_all(dir, e) != 0)
				return -1;
		}
	return 0;
}

static void copy(char *to, size_t room, const char *from)
{
	size_t len = strnlen(from, room - 1);

	memcpy(to, from, len);
	to[len] = '\0';
}

void programs_describe(const struct programs *programs, struct evidence *ev)
{
	for (size_t i = 0; i < programs->n; i++) {
		const struct program *p = &programs->p[i];
		struct program_evidence *pe = &ev->programs[i];

		copy(pe->name, sizeof(pe->name), p->name);
		copy(pe->log, sizeof(pe->log), p->log);
		if (p->report != NULL)
			copy(pe->report, sizeof(pe->report), p->report);
		pe->node = p->node;
		pe->transfer = p->transfer;
		pe->role = p->role;
	}
}
