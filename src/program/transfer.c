/* The programs of a transfer: one receiver per node it goes to, then its sender. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "program/program.h"

#define MAX_FILE_SIZE (UINT64_C(1) << 40)

struct argv {
	char **v;
	size_t n, room;
};

static void argv_add(struct argv *a, char *arg)
{
	*(char **)array_add(&a->v, &a->n, &a->room, sizeof(char *)) = arg;
}

static void argv_add2(struct argv *a, const char *option, char *value)
{
	argv_add(a, text_dup(option));
	argv_add(a, value);
}

static char **argv_end(struct argv *a)
{
	argv_add(a, NULL);
	return a->v;
}

/* A name without a slash is looked up in PATH, as execvp(3) does. */
static char *search_path(const char *name)
{
	const char *path = getenv("PATH");

	if (path == NULL)
		path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*path != '\0') {
		size_t len = strcspn(path, ":");
		cleanup_free char *file = text_format("%.*s/%s", (int)len, path, name);

		if (access(file, X_OK) == 0)
			return take_ptr(file);
		path += len + (path[len] == ':');
	}
	return NULL;
}

static int find_command(const char *name, char **ret_path, struct err *e)
{
	if (strchr(name, '/') == NULL) {
		*ret_path = search_path(name);
		if (*ret_path == NULL)
			return err_usage(e, "program '%s' is not in PATH", name);
		return 0;
	}
	if (access(name, X_OK) != 0)
		return err_usage(e, "program '%s': %s", name, strerror(errno));
	*ret_path = text_dup(name);
	return 0;
}

/* Ours lie beside the harness in nodes/ where it was built, in libexec/harness where installed. */
static int find_own(const char *name, char **ret_path, struct err *e)
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (len < 0)
		return err_set(e, errno, "find out where harness is installed");
	exe[len] = '\0';
	*strrchr(exe, '/') = '\0';

	cleanup_free char *built = text_format("%s/nodes/%s", exe, name);
	cleanup_free char *installed = text_format("%s/../libexec/harness/%s", exe, name);

	if (access(built, X_OK) == 0)
		*ret_path = take_ptr(built);
	else if (access(installed, X_OK) == 0)
		*ret_path = take_ptr(installed);
	else
		return err_set(e, 0, "%s is neither %s nor %s: build it with make", name, built,
			       installed);
	return 0;
}

/* The given command with its own arguments, or our program. */
static int begin_argv(struct argv *a, char *const *command, const char *own, struct err *e)
{
	char *path = NULL;

	if ((command != NULL ? find_command(command[0], &path, e) : find_own(own, &path, e)) != 0)
		return -1;
	argv_add(a, path);
	for (size_t i = 1; command != NULL && command[i] != NULL; i++)
		argv_add(a, text_dup(command[i]));
	return 0;
}

static struct program *add_program(struct programs *list, size_t *room, const struct topology *t,
				   size_t transfer, size_t node, enum program_role role)
{
	const struct transfer *tr = &t->transfers[transfer];
	char **command = role == ROLE_SENDER ? tr->sender : tr->receiver;
	const char *base = command != NULL	 ? fs_basename(command[0])
			   : role == ROLE_SENDER ? "udp-send"
						 : "udp-recv";
	struct program *p = array_add(&list->p, &list->n, room, sizeof(*p));
	const char *sep = t->n_transfers > 1 ? "." : "";
	const char *suffix = t->n_transfers > 1 ? tr->name : "";

	p->node = node;
	p->transfer = transfer;
	p->role = role;
	p->name = text_format("%s/%s%s%s", t->nodes[node].name, base, sep, suffix);
	p->log = text_format("logs/%s.%s%s%s.log", t->nodes[node].name, base, sep, suffix);
	p->report = text_format("logs/%s.%s%s%s.json", t->nodes[node].name, base, sep, suffix);
	return p;
}

static int receiver_argv(struct program *p, const struct topology *t, const char *folder,
			 struct err *e)
{
	const struct transfer *tr = &t->transfers[p->transfer];
	struct argv a = { 0 };

	if (begin_argv(&a, tr->receiver, "udp-recv", e) != 0)
		return -1;
	argv_add2(&a, "--port", text_format("%u", tr->port));
	argv_add2(&a, "--format", text_dup(tr->format == FORMAT_RAW ? "raw" : "reliable"));
	argv_add2(&a, "--dir",
		  text_format("%s/received/%s/%s", folder, t->nodes[p->node].name, tr->name));
	argv_add2(&a, "--max-transfers", text_format("%zu", tr->n_files + 64));
	argv_add2(&a, "--max-size", text_format("%llu", (unsigned long long)MAX_FILE_SIZE));
	argv_add2(&a, "--report", text_format("%s/%s", folder, p->report));
	p->argv = argv_end(&a);
	p->port = tr->port;
	return 0;
}

/* Where a transfer's datagrams go: "192.168.122.223,192.168.122.181", or the broadcast address. */
static char *destinations(const struct topology *t, const struct transfer *tr)
{
	struct text to = { 0 };
	char buf[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < tr->n_to; i++) {
		const struct address *a = topology_address(t, tr->to[i], tr->from, AF_INET);
		struct in_addr all;

		if (a == NULL)
			a = topology_address(t, tr->to[i], tr->from, AF_INET6);
		if (a == NULL)
			continue;
		if (tr->broadcast) {
			all = address_broadcast(a);
			text_add(&to, "%s", inet_ntop(AF_INET, &all, buf, sizeof(buf)));
			break;
		}
		text_add(&to, "%s%s", to.len != 0 ? "," : "",
			 inet_ntop(a->family, &a->v4, buf, sizeof(buf)));
	}
	return text_take(&to);
}

static int sender_argv(struct program *p, const struct topology *t, const char *folder,
		       uint64_t rate_bps, struct err *e)
{
	const struct transfer *tr = &t->transfers[p->transfer];
	uint64_t rate = tr->rate_bps != 0 ? tr->rate_bps : rate_bps / t->n_transfers;
	struct argv a = { 0 };

	if (begin_argv(&a, tr->sender, "udp-send", e) != 0)
		return -1;
	argv_add2(&a, "--port", text_format("%u", tr->port));
	argv_add2(&a, "--format", text_dup(tr->format == FORMAT_RAW ? "raw" : "reliable"));
	argv_add2(&a, "--mode", text_dup(transfer_mode_names[tr->mode]));
	argv_add2(&a, "--to", destinations(t, tr));
	if (tr->workers != 0)
		argv_add2(&a, "--workers", text_format("%u", tr->workers));
	if (rate != 0)
		argv_add2(&a, "--rate", text_format("%llubit", (unsigned long long)rate));
	if (tr->broadcast)
		argv_add(&a, text_dup("--broadcast"));
	if (tr->shared_socket)
		argv_add(&a, text_dup("--shared-socket"));
	argv_add2(&a, "--report", text_format("%s/%s", folder, p->report));
	argv_add(&a, text_dup("--"));
	for (size_t i = 0; i < tr->n_files; i++)
		argv_add(&a, text_dup(tr->files[i].path));
	p->argv = argv_end(&a);
	return 0;
}

int programs_of_transfers(const struct topology *t, const char *folder, uint64_t rate_bps,
			  struct programs *ret_programs, struct err *e)
{
	cleanup_by(programs_done) struct programs list = { 0 };
	size_t room = 0;

	for (size_t i = 0; i < t->n_transfers; i++) {
		const struct transfer *tr = &t->transfers[i];

		for (size_t k = 0; k < tr->n_to; k++)
			if (receiver_argv(add_program(&list, &room, t, i, tr->to[k], ROLE_RECEIVER),
					  t, folder, e) != 0)
				return err_prefix(e, "transfer %s: receiver", tr->name);
		if (sender_argv(add_program(&list, &room, t, i, tr->from, ROLE_SENDER), t, folder,
				rate_bps, e) != 0)
			return err_prefix(e, "transfer %s: sender", tr->name);
	}
	*ret_programs = list;
	list = (struct programs){ 0 };
	return 0;
}

void programs_done(struct programs *programs)
{
	for (size_t i = 0; i < programs->n; i++) {
		struct program *p = &programs->p[i];

		for (size_t k = 0; p->argv != NULL && p->argv[k] != NULL; k++)
			free(p->argv[k]);
		free(p->argv);
		free(p->name);
		free(p->log);
		free(p->report);
	}
	free(programs->p);
	*programs = (struct programs){ 0 };
}

int programs_make_folders(const struct topology *t, const char *folder, struct err *e)
{
	cleanup_free char *logs = text_format("%s/logs", folder);

	if (fs_mkdir_all(logs, e) != 0)
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
		copy(pe->report, sizeof(pe->report), p->report);
		pe->node = p->node;
		pe->transfer = p->transfer;
		pe->role = p->role;
	}
}
