/*
 * leftovers: the processes that programs left when they ended. Most have the mark of their program
 * in their environment. Some daemons write their title over it (nginx, sshd, redis): these are known
 * by the node they are in and the name of their program.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"
#include "lab/lab.h"
#include "program/program.h"

struct process {
	char name[16];
	pid_t pid, parent;
};

/*
 * Of a process that is about to become another program nothing can be read for a moment. One that
 * has wiped it out looks the same, so there is an end to looking.
 */
static int read_environment(const char *pid, char **ret_text, size_t *ret_len)
{
	cleanup_free char *path = text_format("/proc/%s/environ", pid);
	const struct timespec moment = { 0, 200000 };
	struct err ignored;

	for (int i = 0; i < 10; i++) {
		free(*ret_text);
		*ret_text = NULL;
		if (fs_read(path, 1 << 20, ret_text, ret_len, &ignored) != 0)
			return -1;
		if (*ret_len > 0)
			return 0;
		nanosleep(&moment, NULL);
	}
	return -1;
}

/* Which of these programs' environment this process has; -1: none's. */
static long marked(const struct programs *programs, const char *pid)
{
	cleanup_free char *mark = text_format("%s=%" PRIx64 ".", PROGRAM_MARK, programs->id);
	cleanup_free char *environment = NULL;
	size_t len = 0;

	if (read_environment(pid, &environment, &len) != 0)
		return -1;
	for (size_t at = 0; at < len; at += strlen(environment + at) + 1)
		if (strncmp(environment + at, mark, strlen(mark)) == 0)
			return strtol(environment + at + strlen(mark), NULL, 10);
	return -1;
}

/* A zombie has ended; it only waits for pid 1. */
static bool read_process(const char *pid, struct process *ret)
{
	cleanup_free char *path = text_format("/proc/%s/stat", pid);
	cleanup_free char *stat = NULL;
	struct err ignored;
	char state;

	if (fs_read(path, 4096, &stat, NULL, &ignored) != 0)
		return false;

	const char *open = strchr(stat, '('), *close = strrchr(stat, ')');

	if (open == NULL || close == NULL || close - open - 1 > 15 ||
	    sscanf(close + 1, " %c %d", &state, &ret->parent) != 2)
		return false;
	ret->pid = (pid_t)strtol(pid, NULL, 10);
	memcpy(ret->name, open + 1, (size_t)(close - open - 1));
	ret->name[close - open - 1] = '\0';
	return state != 'Z' && state != 'X';
}

static bool is_name_byte(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-' || c == '.';
}

/* Whether a word of the command is this name, which kernels cut to 15 bytes. */
static bool is_named(const struct program *p, const char *name)
{
	size_t len = strlen(name);

	for (char **word = p->argv; *word != NULL && len > 0; word++)
		for (const char *at = *word; (at = strstr(at, name)) != NULL; at++)
			if ((at == *word || !is_name_byte(at[-1])) &&
			    (len == 15 || !is_name_byte(at[len])))
				return true;
	return false;
}

static bool is_in_node(const struct lab *lab, size_t node, pid_t pid)
{
	cleanup_free char *path = text_format("/proc/%d/ns/net", (int)pid);
	struct stat its, nodes;

	return stat(path, &its) == 0 && fstat(lab_netns(lab)[node], &nodes) == 0 &&
	       its.st_ino == nodes.st_ino && its.st_dev == nodes.st_dev;
}

static bool is_running(const struct evidence *ev, pid_t pid)
{
	for (size_t i = 0; i < ev->n_programs; i++)
		if (ev->programs[i].pid == pid && ev->programs[i].state == PROGRAM_RUNNING)
			return true;
	return false;
}

/* Only orphans: the children of one that runs are its own business. */
static long alike(const struct programs *programs, const struct evidence *ev, const struct lab *lab,
		  const struct process *process)
{
	if (process->parent != 1 || is_running(ev, process->pid))
		return -1;
	for (size_t i = 0; i < programs->n; i++)
		if (programs->p[i].command != NULL &&
		    (ev->programs[i].state == PROGRAM_EXITED ||
		     ev->programs[i].state == PROGRAM_KILLED) &&
		    is_named(&programs->p[i], process->name) &&
		    is_in_node(lab, programs->p[i].node, process->pid))
			return (long)i;
	return -1;
}

int programs_leftovers(const struct programs *programs, const struct evidence *ev,
		       const struct lab *lab, leftover_fn *found, void *arg, struct err *e)
{
	cleanup_closedir DIR *proc = opendir("/proc");
	const struct dirent *d;

	if (proc == NULL)
		return err_set(e, errno, "list processes");
	while ((d = readdir(proc)) != NULL) {
		struct process process;
		long program;

		if (!isdigit((unsigned char)d->d_name[0]) || !read_process(d->d_name, &process) ||
		    process.pid == 1)
			continue;
		program = marked(programs, d->d_name);
		if (program < 0)
			program = alike(programs, ev, lab, &process);
		if (program < 0 || (size_t)program >= ev->n_programs ||
		    ev->programs[program].state == PROGRAM_RUNNING)
			continue;
		found(arg, (size_t)program, process.pid, process.name);
	}
	return 0;
}
