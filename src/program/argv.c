#include "program/argv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/text.h"

void argv_add(struct argv *a, char *arg)
{
	*(char **)array_add(&a->v, &a->n, &a->room, sizeof(char *)) = arg;
}

void argv_add2(struct argv *a, const char *option, char *value)
{
	argv_add(a, text_dup(option));
	argv_add(a, value);
}

char **argv_end(struct argv *a)
{
	argv_add(a, NULL);
	return a->v;
}

/* As execvp(3) would see it: that of the last PATH=, or of the harness. */
static const char *path_of(char *const *env)
{
	const char *path = getenv("PATH");

	for (; env != NULL && *env != NULL; env++)
		if (strncmp(*env, "PATH=", strlen("PATH=")) == 0)
			path = *env + strlen("PATH=");
	return path;
}

/* A name without a slash is looked up in PATH, as execvp(3) does. */
static char *search_path(const char *name, const char *path)
{
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

static int find_command(const char *name, char *const *env, char **ret_path, struct err *e)
{
	if (strchr(name, '/') == NULL) {
		*ret_path = search_path(name, path_of(env));
		if (*ret_path == NULL)
			return err_usage(e, "program '%s' is not in PATH", name);
		return 0;
	}
	if (access(name, X_OK) != 0)
		return err_usage(e, "program '%s': %s", name, strerror(errno));
	*ret_path = text_dup(name);
	return 0;
}

bool argv_is_there(char *const *command, char *const *env)
{
	cleanup_free char *path = NULL;
	struct err ignored;

	return find_command(command[0], env, &path, &ignored) == 0;
}

static int find_own(const char *name, char **ret_path, struct err *e)
{
	cleanup_free char *folder = NULL;

	if (fs_nodes_folder(&folder, e) != 0)
		return -1;

	cleanup_free char *path = text_format("%s/%s", folder, name);

	if (access(path, X_OK) != 0)
		return err_set(e, 0, "%s is not there: build it with make", path);
	*ret_path = take_ptr(path);
	return 0;
}

int argv_begin(struct argv *a, char *const *command, char *const *env, struct err *e)
{
	char *path;

	if (find_command(command[0], env, &path, e) != 0)
		return -1;
	argv_add(a, path);
	for (size_t i = 1; command[i] != NULL; i++)
		argv_add(a, text_dup(command[i]));
	return 0;
}

int argv_begin_own(struct argv *a, const char *name, struct err *e)
{
	char *path = NULL;

	if (find_own(name, &path, e) != 0)
		return -1;
	argv_add(a, path);
	return 0;
}
